"""
All of funcgate on this machine: `make demo`, or `make demo ONCE=1` for one round that proves itself.

A real kube-apiserver, a simulated Azure with a function app that was imported in the portal, and the operator as a
process of its own under its own service account. Everything ends with this process.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from azuresim.scenarios import OPERATOR
from azuresim.server import Simulator
from azuresim.wire import HttpAnswer
from azuresim.world import Clock, World
from controlplane import ControlPlane, build
from stage import DEPLOY, SAMPLES, Stage, install, token_claims

NAMESPACE = "shop"
READY_SECONDS = 120
STOP_SECONDS = 30

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
    world = World(clock=Clock(real=True))
    with tempfile.TemporaryDirectory(prefix="funcgate-demo-") as folder, ControlPlane(Path(folder) / "kube") as plane:
        async with Simulator(world, check_contracts=False) as azure:
            with step("funcgate's schema and rights are applied: kubectl apply -k deploy"):
                await asyncio.to_thread(install, plane)
            stage = Stage.built(plane, azure, Path(folder))
            async with operator(stage):
                proven = await act(stage)
                if not once:
                    say(things_to_try(stage))
                    await asyncio.Event().wait()
    return 0 if proven else 1


async def act(stage: Stage) -> bool:
    """The story: open, applied, Ready, closed. Whether it came out so."""
    say("==> before: Easy Auth is off, whoever has the key gets in")
    before = report(
        [
            ("    past the gateway, with the key", await stage.with_the_key(), 200),
            ("    through the gateway, with a subscription key", await stage.through_the_gateway(), 200),
        ]
    )
    with step("kubectl apply -f deploy/samples"):
        await asyncio.to_thread(stage.plane.kubectl, "create", "namespace", NAMESPACE)
        await asyncio.to_thread(stage.plane.apply, SAMPLES, namespace=NAMESPACE)
    with step("kubectl get functionapibindings --watch"):
        ready = await until_ready(stage)
    say("==> after: only API Management gets in")
    through = await stage.through_the_gateway()
    after = report(
        [
            ("    through the gateway, with a subscription key", through, 200),
            ("    past the gateway, with the key", await stage.with_the_key(), 401),
            ("    past the gateway, without anything", await stage.past_the_gateway(), 401),
            ("    past the gateway, as another application with a valid token", await stage.as_somebody_else(), 403),
        ]
    )
    claims = token_claims(through)
    shown = ", ".join(f"{name}={claims[name]}" for name in ("aud", "azp", "idtyp", "ver") if name in claims)
    say(f"    the function saw a token with {shown}")
    return before and ready and after


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
    program = Path(sys.executable).parent / "kubectl"
    environment = os.environ | {
        "KUBECONFIG": str(stage.plane.admin_kubeconfig),
        "KUBECACHEDIR": str(stage.folder / "kubectl"),
    }
    return await asyncio.create_subprocess_exec(
        program, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def show(process: asyncio.subprocess.Process) -> None:
    """Everything that the process prints."""
    assert process.stdout
    async for line in process.stdout:
        say(f"    {line.decode().rstrip()}")


@contextlib.asynccontextmanager
async def operator(stage: Stage) -> AsyncIterator[None]:
    """`funcgate run` as a process of its own; its log goes to a file, its end is waited for."""
    log = stage.folder / "operator.log"
    with step(f"the operator starts: funcgate run (log: {log})"), log.open("wb") as file:
        environment = await asyncio.to_thread(stage.environment)
        program = Path(sys.executable).parent / "funcgate"
        process = await asyncio.create_subprocess_exec(
            program, "run", env={"PATH": os.environ["PATH"]} | dict(environment), stdout=file, stderr=file
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
        if process.returncode:
            say(f"the operator ended with {process.returncode}:\n{log.read_text()[-4000:]}")


def things_to_try(stage: Stage) -> str:
    """What to do in another terminal while this one runs."""
    header = stage.folder / "azure-admin.header"
    header.touch(mode=0o600)
    header.write_text(f"Authorization: {stage.azure.arm_headers(OPERATOR)['Authorization']}")
    door = f"{stage.azure.url}{stage.team.site_id}/config/authsettingsV2?api-version=2025-05-01"
    curl = f"curl --cacert {stage.azure.ca_file} -H @{header} -H 'Content-Type: application/json'"
    return f"""
==> it runs until Ctrl-C. In another terminal, in this directory:

    export KUBECONFIG={stage.plane.admin_kubeconfig} PATH=$PWD/.venv/bin:$PATH
    kubectl get functionapibindings -A -o wide
    kubectl describe fab orders -n {NAMESPACE}

  open the function app's door by hand, as somebody would in the portal:

    {curl} -X PUT '{door}' -d '{{"properties": {{"platform": {{"enabled": false}}}}}}'

  look at it, ask for a check (or wait ten minutes), and see it closed again and why:

    {curl} '{door}'
    kubectl annotate fab orders -n {NAMESPACE} --overwrite funcgate.dev/reconcile-requested-at=$(date +%s)
    kubectl get events -n {NAMESPACE}

  let go: our statements leave the policy, the door stays closed

    kubectl delete -n {NAMESPACE} -f {SAMPLES.relative_to(DEPLOY.parent)}
"""


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
