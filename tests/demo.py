"""
All of funcgate on this machine: `make demo`, or `make demo ONCE=1` for one round that proves itself.

A real kube-apiserver, a simulated Azure with three function apps, and the operator as a process of its own under its
own service account. Nobody has published `orders` and `catalog`; `billing` was imported in the portal. Everything ends
with this process.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from azuresim.msi import add_user_identity
from azuresim.scenarios import GRAPH_PERMISSIONS, GROUP, OPERATOR, deployed, imported, put
from azuresim.server import Simulator
from azuresim.wire import HttpAnswer
from azuresim.world import Clock, World
from controlplane import ControlPlane, build
from controlplane.credentials import write_secret
from installing import by_kustomize
from kubelet import container
from stage import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, SAMPLES, Callers, Stage, token_claims

PROGRAMS = Path(sys.executable).parent
NAMESPACE = "shop"
READY_SECONDS = 120
STOP_SECONDS = 30
REQUESTED = "funcgate.dev/reconcile-requested-at"
STRANGERS = {"orders": 403, "catalog": 403, "billing": 401}
"""Another application gets a token for two, and is turned away with it; for billing it gets none."""

Verdict = tuple[str, HttpAnswer, int]


def say(text: str = "") -> None:
    """A line for whoever watches, at once."""
    print(text, flush=True)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Says what is going on, and how long it took when that was noticeable."""
    say(f"==> {text}")
    began = time.monotonic()
    yield
    if (took := time.monotonic() - began) > 2:
        say(f"    {took:.0f} s")


async def demo(*, once: bool) -> int:
    """The exit code: 0 when every sample got Ready, the authorised call went through and the others were refused."""
    with step("the Kubernetes API is built (once per machine, five to ten minutes) and started"):
        await asyncio.to_thread(build)
    async with playing(installed, PROGRAMS) as (stage, apps):
        proven = await act(stage, apps)
        if not once:
            say(things_to_try(stage, PROGRAMS))
            await asyncio.Event().wait()
    return 0 if proven else 1


@contextlib.asynccontextmanager
async def playing(
    install: Callable[[ControlPlane], None], programs: Path
) -> AsyncIterator[tuple[Stage, Mapping[str, Callers]]]:
    """A Kubernetes API and an Azure; what `install` installs is at work, with the `funcgate` of that folder."""
    world = World(clock=Clock(real=True))
    with tempfile.TemporaryDirectory(prefix="funcgate-demo-") as folder, ControlPlane(Path(folder) / "kube") as plane:
        async with Simulator(world, check_contracts=False) as azure:
            with step("funcgate's schema, rights and Deployment are applied: an overlay of deploy"):
                await asyncio.to_thread(install, plane)
            stage = Stage(plane, azure, Path(folder))
            await asyncio.to_thread(stage.let_the_operator_in)
            apps = the_teams_azure(azure)
            async with operator(stage, programs):
                yield stage, apps


def installed(plane: ControlPlane) -> None:
    """What an overlay for this Azure makes of deploy/ is in the cluster."""
    settings = (f"FUNCGATE_AZURE_SCOPES={GROUP}", "FUNCGATE_INSTANCE_ID=demo")
    plane.apply({"apiVersion": "v1", "kind": "List", "items": by_kustomize(settings=settings, client_id=OPERATOR)})
    plane.wait_for_crd("functionapibindings.funcgate.dev")


def the_teams_azure(azure: Simulator) -> Mapping[str, Callers]:
    """Two apps that are in no API yet, one that was imported by hand, and an identity that may call for it."""
    world = azure.world
    orders, catalog, billing = deployed(world, "orders"), deployed(world, "catalog"), imported(world, "billing")
    put(world, f"{billing.service_id}/products/partners", {"displayName": "Partners", "state": "published"})
    operator = world.entra.principal(OPERATOR)
    assert operator
    world.workspaces.add("77777777-7777-4777-8777-777777777777", readers={operator["id"]})
    add_user_identity(world, f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller")
    world.entra.graph_permissions[OPERATOR] = {*GRAPH_PERMISSIONS, "AppRoleAssignment.ReadWrite.All"}
    return {
        "orders": Callers(azure, orders, "orders"),
        "catalog": Callers(azure, catalog, "catalog"),
        "billing": Callers(azure, billing, billing.api_path),
    }


async def act(stage: Stage, apps: Mapping[str, Callers]) -> bool:
    """The story: open, applied, Ready, closed. Whether it came out so."""
    say("==> before: whoever has the key gets in; orders and catalog are in no API, billing was imported")
    before = [await self_evident(name, who, published=name == "billing") for name, who in apps.items()]
    with step("kubectl apply -f deploy/samples"):
        await asyncio.to_thread(stage.plane.kubectl, "create", "namespace", NAMESPACE)
        await asyncio.to_thread(hand_over_a_key, stage, apps["billing"])
        await asyncio.to_thread(stage.plane.apply, SAMPLES, namespace=NAMESPACE)
    with step("kubectl get functionapibindings --watch"):
        ready = await until_ready(stage)
    say("==> after: only API Management gets in")
    after = [await locked(name, who, stranger=STRANGERS[name]) for name, who in apps.items()]
    return all(before) and ready and all(after) and await mended(stage, "orders", apps["orders"])


async def mended(stage: Stage, name: str, who: Callers) -> bool:
    """Somebody opens the door by hand; the operator says so and closes it again. Whether it did."""
    with step(f"somebody turns Easy Auth of {name} off by hand, and asks for a look"):
        settings = stage.azure.world.arm.need(f"{who.app.site_id}/config/authsettingsV2")
        put(stage.azure.world, settings.id, {**settings.properties, "platform": {"enabled": False}})
        opened = report([(f"    {name}: past the gateway, with the key", await who.with_the_key(), 200)])
        request = f"{REQUESTED}={time.time():.0f}"
        await show(await kubectl(stage, "annotate", "fab", name, "-n", NAMESPACE, request))
        for each in await until(lambda: corrections(stage, name)):
            say(f"    status.drift: {each}")
        for each in await until(lambda: events(stage, name)):
            say(f"    event DriftCorrected: {each}")
    return opened and await locked(name, who, stranger=STRANGERS[name])


async def corrections(stage: Stage, name: str) -> list[str]:
    """What the status says was corrected."""
    found = await asyncio.to_thread(stage.plane.kubectl, "get", "fab", name, "-n", NAMESPACE, "-o", "json")
    drift = json.loads(found.stdout)["status"].get("drift") or ()
    return [
        f"{each['part']}.{each['field']}: {each['seen']} → {each['wanted']}" for each in drift if "correctedAt" in each
    ]


async def events(stage: Stage, name: str) -> list[str]:
    """What the events say was corrected."""
    selector = f"reason=DriftCorrected,regarding.name={name}"
    command = ("get", "events.events.k8s.io", "-n", NAMESPACE, "--field-selector", selector, "-o", "json")
    found = await asyncio.to_thread(stage.plane.kubectl, *command)
    return [each["note"] for each in json.loads(found.stdout)["items"]]


async def until(there: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """What is there, once something is. Raises TimeoutError."""
    async with asyncio.timeout(READY_SECONDS):
        while not (found := await there()):  # noqa: ASYNC110 nothing tells when it is
            await asyncio.sleep(0.2)
    return found


def hand_over_a_key(stage: Stage, who: Callers, namespace: str = NAMESPACE) -> None:
    """A subscription key for the call that proves it, in a Secret that the operator may get."""
    secret, account = "billing-probe", f"--serviceaccount={OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
    key = f"--from-literal=subscription-key={who.app.master_key}"
    for what in (
        ("secret", "generic", secret, key),
        ("role", secret, "--verb=get", "--resource=secrets", f"--resource-name={secret}"),
        ("rolebinding", secret, f"--role={secret}", account),
    ):
        stage.plane.kubectl("create", *what, "-n", namespace)


async def self_evident(name: str, who: Callers, *, published: bool) -> bool:
    """How the app stands without funcgate. Whether it is so."""
    return report(
        [
            (f"    {name}: past the gateway, with the key", await who.with_the_key(), 200),
            (f"    {name}: through the gateway", await who.through_the_gateway(), 200 if published else 404),
        ]
    )


async def locked(name: str, who: Callers, *, stranger: int) -> bool:
    """How the app stands with it, `stranger` being the answer to another application. Whether it is so."""
    through = await who.through_the_gateway()
    as_wanted = report(
        [
            (f"    {name}: through the gateway, with a subscription key", through, 200),
            (f"    {name}: past the gateway, with the key", await who.with_the_key(), 401),
            (f"    {name}: past the gateway, without anything", await who.past_the_gateway(), 401),
            (f"    {name}: past the gateway, as another application", await who.as_somebody_else(), stranger),
        ]
    )
    claims = token_claims(through)
    shown = ", ".join(f"{claim}={claims[claim]}" for claim in ("aud", "azp", "idtyp", "ver") if claim in claims)
    say(f"    {name}: the function saw a token with {shown}")
    return as_wanted


def report(verdicts: list[Verdict]) -> bool:
    """Prints each call with its answer. Whether all were as expected."""
    for what, answer, expected in verdicts:
        note = "" if answer.status == expected else f"   <-- expected {expected}"
        say(f"{what + ' ':.<72} {answer.status}{note}")
    return all(answer.status == expected for _, answer, expected in verdicts)


async def until_ready(stage: Stage) -> bool:
    """Shows each line that kubectl prints anew, until every binding is Ready."""
    watch = await kubectl(stage, "get", "functionapibindings", "--all-namespaces", "--watch")
    showing = asyncio.create_task(show(watch))
    wait = await kubectl(
        stage, "wait", "--for=condition=Ready", "fab", "--all", "-n", NAMESPACE, f"--timeout={READY_SECONDS}s"
    )
    _, complaint = await wait.communicate()
    watch.terminate()
    await watch.wait()
    await showing
    if wait.returncode:
        say(complaint.decode().strip())
    closer = ("describe", "fab") if wait.returncode else ("get", "functionapibindings", "--output", "wide")
    await show(await kubectl(stage, *closer, "-n", NAMESPACE))
    return wait.returncode == 0


async def kubectl(stage: Stage, *arguments: str) -> asyncio.subprocess.Process:
    """kubectl as admin, still running."""
    environment = os.environ | {
        "KUBECONFIG": str(stage.plane.admin_kubeconfig),
        "KUBECACHEDIR": str(stage.folder / "kubectl"),
    }
    return await asyncio.create_subprocess_exec(
        PROGRAMS / "kubectl",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def show(process: asyncio.subprocess.Process) -> None:
    """Everything that the process prints."""
    assert process.stdout
    async for line in process.stdout:
        say(f"    {line.decode().rstrip()}")


@contextlib.asynccontextmanager
async def operator(stage: Stage, programs: Path) -> AsyncIterator[None]:
    """The Deployment's container as a process of its own; its log goes to a file, its end is waited for."""
    log = stage.folder / "operator.log"
    with step(f"the operator starts: funcgate run (log: {log})"), log.open("wb") as file:
        pod = await asyncio.to_thread(container, stage, programs)
        process = await asyncio.create_subprocess_exec(*pod.command, env=pod.environment, stdout=file, stderr=file)
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
        if process.returncode:
            say(f"the operator ended with {process.returncode}:\n{log.read_text()[-4000:]}")


def things_to_try(stage: Stage, programs: Path) -> str:
    """What to do in another terminal while this one runs."""
    return f"""
==> it runs until Ctrl-C. In another terminal, in this directory:

    . {terminal(stage, programs)}
    kubectl get functionapibindings -A -o wide
    kubectl funcgate explain orders -n {NAMESPACE}

  docs/tutorial.md goes on from here: open the door by hand and see it closed again, let go, make a mistake
"""


def terminal(stage: Stage, programs: Path) -> Path:
    """A file that gives a terminal its names: the cluster's, Azure's, and who one is in both."""
    admin = f"Authorization: {stage.azure.arm_headers(OPERATOR)['Authorization']}"
    header = write_secret(stage.folder / "azure-admin.header", admin.encode())
    names = {
        **stage.identity(OPERATOR),
        **stage.here(),
        "KUBECONFIG": stage.plane.admin_kubeconfig,
        "PATH": f"{programs}:{PROGRAMS}:$PATH",
    }
    file = stage.folder / "terminal"
    file.write_text(
        "".join(f'export {name}="{value}"\n' for name, value in names.items())
        + f"ARM={stage.azure.url}\n"
        + f"azure() {{ curl --silent --show-error --cacert {stage.azure.ca_file} --header @{header} \\\n"
        + "  --header 'Content-Type: application/json' --write-out '\\n' \"$@\"; }\n"
    )
    return file


def main() -> None:
    """Runs the demo; Ctrl-C ends all of it."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after one round that proves itself")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(asyncio.run(demo(once=options.once)))
    except KeyboardInterrupt:
        say("\n==> ended")


if __name__ == "__main__":
    main()
