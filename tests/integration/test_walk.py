"""
A new user's walk: the wheel in a clean environment, installed as the guides say, the tutorial typed as it is printed.

What is started is what the Deployment says (`kubelet.py`); the shell knows no programs but the wheel's, and kubectl.
"""

import asyncio
import json
import os
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import helm
from azuresim.scenarios import GROUP, OPERATOR
from controlplane import ControlPlane
from demo import act, installed, playing, things_to_try
from image import Image
from installing import by_helm
from kubelet import container
from pages import DOCS, blocks, typed
from shell import Shell
from stage import REPOSITORY, Callers, Stage

# The image's worker has the environment already.
pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.slow]

TUTORIAL = DOCS / "tutorial.md"
Json = dict[str, Any]


def by_the_chart(plane: ControlPlane) -> None:
    """What the chart makes of the values that an installation gives it."""
    azure = {"scopes": [GROUP], "clientId": OPERATOR}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "funcgate-system"}}
    items = [namespace, *by_helm({"instanceId": "demo", "azure": azure})]
    plane.apply({"apiVersion": "v1", "kind": "List", "items": items})
    plane.wait_for_crd("functionapibindings.funcgate.dev")


@pytest.fixture
def a_helm(request: pytest.FixtureRequest) -> None:
    """Helm is built; in sight, since that takes minutes once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        helm.PROGRAM.build()


@pytest.mark.usefixtures("a_helm")
@pytest.mark.parametrize("install", [installed, by_the_chart], ids=["kubectl apply -k", "the chart"])
async def test_a_new_user_installs_it_and_everything_in_the_tutorial_comes_out_as_it_says(
    image: Image, tmp_path: Path, install: Callable[[ControlPlane], None]
) -> None:
    programs = image.environment / "bin"
    async with playing(install, programs) as (stage, apps):
        assert await act(stage, apps)
        assert await in_the_pod(stage, programs, *CHECKED) == (0, dict.fromkeys(CHECKS, "holds"))
        orders, world = apps["orders"], stage.azure.world
        printed = re.findall(r"^    \. (\S+/terminal)$", things_to_try(stage, programs), re.MULTILINE)
        make_demo, *typing = typed(TUTORIAL, {"…/terminal": printed[0]})
        assert make_demo.text == "make demo\n"

        environment = {"HOME": str(tmp_path), "PATH": os.defpath}
        secrets = [key for app in apps.values() for key in (app.app.host_key, app.app.master_key)]
        with Shell(REPOSITORY, environment, secrets=secrets) as shell:
            steps = iter(typing)

            async def type_next(*statuses: int) -> str:
                ran = await asyncio.to_thread(partial(shell.run, next(steps), statuses=statuses))
                return ran.output

            # 1. Start
            assert await type_next() == ""

            # 2. Look
            said = await type_next()
            assert "0 wrong, 0 not to be seen" in said
            assert len(re.findall(r"^shop +\w+ +True +InSync ", said, re.MULTILINE)) == 3
            assert signs(said) == dict.fromkeys(LINKS, "✓")
            described = await type_next()
            assert "Published at https://contoso.azure-api.net/orders with" in described
            assert re.search(r"^Events:\n.*InSync", described, re.MULTILINE | re.DOTALL)

            # 3. Open the door by hand
            said = await type_next(1)
            assert signs(said)["door"] == "✗"
            assert "DoorOpen: the function app lets callers in without a token" in said
            assert await door(orders) == 200
            said = await type_next()
            assert "Ready True InSync" in said
            assert re.search(r"DriftCorrected .*EasyAuthReady: enabled: false → true; requireAuth", said)
            assert answer(said)["properties"]["platform"]["enabled"] is True
            assert await door(orders) == 401
            assert lost_ready(said) == []

            # 4. Remove the policy
            policy = answer(await type_next())["properties"]["value"]
            assert (policy.count("<base />"), policy.count("owner=demo/shop/orders")) == (4, 1)
            assert len(re.findall(r"<(authentication-managed-identity|set-header|set-backend-service) ", policy)) == 3

            # 5. Only observe
            said = await type_next(2)
            assert "Ready False ChangesPending" in said
            assert "enabled: false → true" in said.partition("shop/orders\n")[2]
            assert await door(orders) == 200
            assert "Ready True InSync" in await type_next()
            assert await door(orders) == 401

            # 6. Make a mistake
            before = world.arm.need(f"{orders.app.site_id}/config/authsettingsV2").properties
            assert re.search(r"^orders +False +RegistrationNotFound ", await type_next(), re.MULTILINE)
            assert world.arm.need(f"{orders.app.site_id}/config/authsettingsV2").properties == before
            assert "condition met" in await type_next()

            # 7. Let go
            said = await type_next()
            assert '"ResourceNotFound"' in said
            assert answer(said)["properties"]["platform"]["enabled"] is True
            assert (await orders.through_the_gateway()).status == 404
            assert await door(orders) == 401
            assert list(steps) == []


CHECKS = ("cluster", "kind", "cluster rights", "credentials", "azure role", "graph", "clock", "network")
(CHECKED,) = (
    shlex.split(block.text.partition(" exec deployment/funcgate -- ")[2])
    for block in blocks(DOCS / "how-to" / "install-on-aks.md", "sh")
    if " exec deployment/funcgate -- " in block.text
)
"""What the guide has its reader run in the operator's pod, at its end."""


async def in_the_pod(stage: Stage, programs: Path, command: str, *arguments: str) -> tuple[int | None, Json]:
    """Its exit code there, and the state of each check."""
    pod = await asyncio.to_thread(container, stage, programs)
    process = await asyncio.create_subprocess_exec(
        *(str(programs / command), *arguments, "-o", "json"), env=pod.environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return process.returncode, {each["check"]: each["state"] for each in json.loads(out)}


LINKS = ("caller", "gateway", "token", "key", "door", "function", "proof")


def signs(out: str) -> Json:
    """The sign that `explain` puts before each link."""
    found = re.findall(rf"^  (\S) ({'|'.join(LINKS)}) ", out, re.MULTILINE)
    return {link: sign for sign, link in found}


def answer(said: str) -> Json:
    """The last JSON document that Azure answered with."""
    starts = [found.start() for found in re.finditer(r"^\{", said, re.MULTILINE)]
    document: Json = json.JSONDecoder().raw_decode(said, starts[-1])[0]
    return document


def lost_ready(said: str) -> list[str]:
    """The events that say so."""
    return re.findall(r".*\bReady: (?!Azure shows).*", said)


async def door(who: Callers) -> int:
    """How the function app answers past the gateway, to somebody with the key."""
    return (await who.with_the_key()).status
