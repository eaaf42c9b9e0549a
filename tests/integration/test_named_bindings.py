"""The command line about bindings in the cluster, by their names: real kube-apiserver, simulated Azure, a process."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from azuresim.scenarios import imported
from controlplane import ControlPlane
from integration.azure_stage import Stage, on_stage
from integration.terminal import Ran, Terminal

pytestmark = [pytest.mark.usefixtures("our_kind"), pytest.mark.xdist_group("cluster")]
KEYED = {"operation": "GET /orders", "subscriptionKeySecretRef": {"name": "probe", "key": "subscription-key"}}


class Desk:
    """Somebody with a kubeconfig and the operator's rights in Azure."""

    def __init__(self, stage: Stage, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.stage, self.plane, self.namespace = stage, plane, namespace
        self.terminal = Terminal(stage, folder)

    async def apply(self, *objects: dict[str, Any]) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        await asyncio.to_thread(self.plane.kubectl, "--namespace", self.namespace, "apply", "-f", "-", input=text)

    def binding(self, name: str = "orders", **spec: Any) -> dict[str, Any]:
        return self.terminal.binding(name=name, namespace=self.namespace, **spec)

    async def settled(self) -> None:
        """The operator has been here."""
        owner = f"prod/{self.namespace}/orders"
        await self.stage.settled(replace(self.stage.binding(), namespace=self.namespace, owner=owner))

    async def run(self, command: str, *arguments: str) -> Ran:
        return await self.run_anywhere(command, *arguments, "-n", self.namespace)

    async def run_anywhere(self, command: str, *arguments: str, **environment: str) -> Ran:
        return await self.terminal.run(command, *arguments, KUBECONFIG=str(self.plane.admin_kubeconfig), **environment)


@pytest.fixture
async def desk(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with on_stage() as stage:
        stage.team = imported(stage.world, namespace)  # other tests leave bindings of their own app in the cluster
        yield Desk(stage, control_plane, namespace, tmp_path)


async def test_a_binding_in_the_cluster_is_planned_by_its_name(desk: Desk) -> None:
    await desk.apply(desk.binding())
    ran = await desk.run("plan", "orders")
    assert (ran.code, ran.out.splitlines()[0]) == (2, f"{desk.namespace}/orders")
    assert f"~ backends/{desk.namespace}-fn" in ran.out
    assert desk.terminal.writes() == []


async def test_all_that_the_cluster_holds_is_planned_at_once(desk: Desk) -> None:
    none = await desk.run("plan", "--from-cluster")
    await desk.apply(desk.binding(), desk.binding("second", api={"path": "second"}))
    both = [f"{desk.namespace}/orders", f"{desk.namespace}/second"]
    here = json.loads((await desk.run("plan", "--from-cluster", "-o", "json")).out)
    everywhere = json.loads((await desk.run_anywhere("plan", "--from-cluster", "-o", "json")).out)
    assert (none.code, "has no FunctionApiBinding" in none.err) == (1, True)
    assert [each["binding"] for each in here] == both
    assert set(both) <= {each["binding"] for each in everywhere}
    assert desk.terminal.writes() == []


async def test_a_call_that_needs_a_secret_is_made_with_it(desk: Desk) -> None:
    key = base64.b64encode(desk.stage.team.subscription_key.encode()).decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "probe"}, "data": {"subscription-key": key}}
    await desk.apply(desk.binding(verify=KEYED), secret)
    await desk.settled()
    ran = await desk.run("verify", "orders")
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "GET /orders through the gateway was answered with 200." in ran.out
    assert desk.stage.team.subscription_key not in ran.out


async def test_marks_are_those_of_the_installation_that_keeps_the_binding_whatever_it_is_called(desk: Desk) -> None:
    await desk.apply(desk.binding())
    await desk.settled()
    kept = '--patch={"status": {"instanceId": "prod"}}'
    where = ("fab", "orders", "--namespace", desk.namespace)
    explain = partial(desk.run_anywhere, "explain", "orders", "-n", desk.namespace)

    unknown = await explain(FUNCGATE_INSTANCE_ID="")
    await asyncio.to_thread(desk.plane.kubectl, "patch", *where, "--subresource=status", "--type=merge", kept)
    known, told_otherwise = await explain(FUNCGATE_INSTANCE_ID=""), await explain(FUNCGATE_INSTANCE_ID="staging")

    assert (unknown.code, known.code, told_otherwise.code) == (1, 0, 1), known.out
    assert all("Conflict" in each.out for each in (unknown, told_otherwise))


async def test_what_other_bindings_of_the_app_want_of_its_door_is_counted(desk: Desk) -> None:
    other = "cccccccc-0000-4000-8000-0000000000aa"
    registration = {"type": "Existing", "clientId": desk.stage.team.client_id}
    second = desk.binding(
        "nightly", api={"path": "nightly"}, entra={"registration": registration, "allow": {"clientIds": [other]}}
    )
    await desk.apply(desk.binding(), second)
    (plan,) = json.loads((await desk.run("plan", "orders", "-o", "json")).out)
    assert plan["binding"] == f"{desk.namespace}/orders"
    await desk.settled()
    (plan,) = json.loads((await desk.run("plan", "orders", "-o", "json")).out)
    (door,) = [each for each in plan["changes"] if each["part"] == "EasyAuthReady"]
    assert other in door["fields"][0]["after"]


async def test_of_a_binding_that_goes_the_plan_is_to_take_it_down(desk: Desk) -> None:
    await desk.apply(desk.binding() | {"metadata": {"name": "orders", "finalizers": ["test.example/hold"]}})
    await desk.settled()
    kubectl = partial(asyncio.to_thread, desk.plane.kubectl, "--namespace", desk.namespace)
    await kubectl("delete", "fab", "orders", "--wait=false")
    try:
        (plan,) = json.loads((await desk.run("plan", "orders", "-o", "json")).out)
    finally:
        await kubectl("patch", "fab", "orders", "--type=merge", "--patch", '{"metadata": {"finalizers": null}}')
    assert {each["part"]: each["action"] for each in plan["changes"]} == {
        "PolicyReady": "delete",
        "BackendReady": "release",
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody",), "nobody: is no FunctionApiBinding in namespace"),
        ((), "say which bindings"),
        (("orders", "-f", "-"), "say which bindings"),
        (("orders", "--from-cluster"), "say which bindings"),
    ],
)
async def test_what_cannot_be_found_is_said_and_ends_with_1(desk: Desk, arguments: tuple[str, ...], says: str) -> None:
    ran = await desk.run("explain", *arguments)
    assert (ran.code, says in ran.err) == (1, True), ran.err


async def test_without_a_way_to_a_cluster_that_is_said(desk: Desk, tmp_path: Path) -> None:
    ran = await desk.terminal.run("plan", "orders", HOME=str(tmp_path))
    assert (ran.code, "KUBECONFIG" in ran.err) == (1, True)
