"""The role in deploy/ holds every right that the operator's passes need, and no other."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from azuresim.arm.routes import ROUTES
from azuresim.scenarios import put
from azuresim.web import site_of
from azuresim.world import Call
from funcgate.engine import Pass
from funcgate.spec import Binding
from integration.azure_stage import NAMED, Stage, add_slot, on_stage

ROLE = json.loads((Path(__file__).parents[2] / "deploy" / "azure-role.json").read_text())


class Rights:
    """The actions that passes needed, as Azure's roles name them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.used: dict[str, str] = {}

    async def settled(self, binding: Binding | None = None) -> Pass:
        done = await self.stage.settled(binding)
        for action in (each for call in self.stage.calls() for each in _actions(call)):
            self.used.setdefault(action.lower(), action)
        return done


def _actions(call: Call) -> Iterator[str]:
    yield from call.linked
    if call.service == "arm":
        assert call.action, f"{call.method} {call.path} is no operation that Azure has"
        yield call.action


async def test_the_role_holds_exactly_the_rights_that_the_passes_need() -> None:
    """A whole life: adoption, a change of identity, drift, a backend of our own, deletion, and what is gone already."""
    async with on_stage() as stage:
        stage.add_identities()
        rights = Rights(stage)
        await rights.settled()
        await rights.settled(stage.binding(identity=NAMED))
        await own_backend(stage, rights)
        await single_operations(stage, rights)
        await nobody_is_asked(stage, rights)
        await an_import(stage, rights)
        await a_slot(stage, rights)
        await rights.settled(stage.binding(identity=NAMED))
        await rights.settled(stage.binding(identity=NAMED, deleting=True))
        await the_identity_again(stage, rights)
        stage.world.arm.remove_group(stage.team.group_id)
        await rights.settled(stage.binding(deleting=True))

    held = {action.lower(): action for action in ROLE["Actions"]}
    assert {rights.used[key] for key in rights.used.keys() - held.keys()} == set(), "missing in the role"
    assert {held[key] for key in held.keys() - rights.used.keys()} == set(), "too much in the role"


async def nobody_is_asked(stage: Stage, rights: Rights) -> None:
    """Somebody took the key off the API: then the policy of the whole service is looked at too."""
    api = stage.world.arm.need(stage.team.api_id).properties
    api["subscriptionRequired"] = False
    await rights.settled(stage.binding(identity=NAMED, policy={"allowAnonymousCallers": True}))
    api["subscriptionRequired"] = True


async def single_operations(stage: Stage, rights: Rights) -> None:
    """Our statements move into the policy of an operation, and back."""
    scope = {"type": "Operations", "operations": ["GET /ping"]}
    await rights.settled(stage.binding(identity=NAMED, policy={"scope": scope}))
    await rights.settled(stage.binding(identity=NAMED))


async def an_import(stage: Stage, rights: Rights) -> None:
    """An API of our own beside the imported one: made, in a product, followed when functions go, and taken away."""
    put(stage.world, f"{stage.team.service_id}/products/partners", {"displayName": "Partners", "state": "published"})
    api = {"path": "imported", "products": ["partners"]}
    await rights.settled(stage.binding(identity=NAMED, api=api))
    site = site_of(stage.world, stage.team.site_id)
    site.deploy(site.functions[:1])
    site.sync()
    await rights.settled(stage.binding(identity=NAMED, api=api))
    await rights.settled(stage.binding(identity=NAMED, api=api, deleting=True))


async def a_slot(stage: Stage, rights: Rights) -> None:
    """A slot is published and taken down, with all that its app has."""
    slot = add_slot(stage)
    binding = stage.binding(identity=NAMED, functionApp={"id": slot}, entra={}, api={"path": "staging"})
    await rights.settled(binding)
    await rights.settled(replace(binding, deleting=True))


async def own_backend(stage: Stage, rights: Rights) -> None:
    """Somebody deleted the imported backend and its key; what we make in their place is ours, and nobody else's."""
    for operation in stage.team.operation_ids:
        stage.world.arm.delete(f"{operation}/policies/policy")
    stage.world.arm.delete(stage.team.backend_id)
    stage.world.arm.delete(stage.team.named_value_id)
    await rights.settled(stage.binding(identity=NAMED))


async def the_identity_again(stage: Stage, rights: Rights) -> None:
    """In a tier whose updates are followed below the service."""
    stage.give_identity(None)
    stage.world.switches.apim_service_polls = "results"
    await rights.settled()


async def test_with_exactly_these_rights_nothing_is_denied() -> None:
    """What Azure's roles do not grant they deny: every other action that the simulated Azure knows."""
    async with on_stage(check_contracts=False) as stage:
        held = {action.lower() for action in ROLE["Actions"]}
        stage.world.denied |= {action for action in known_actions() if action not in held}

        await stage.settled()
        await stage.settled(stage.binding(deleting=True))


def known_actions() -> set[str]:
    return {route.action.lower() for routes in ROUTES.values() for route in routes}


# --- the directory

INSTALLING = Path(__file__).parents[2] / "docs" / "how-to" / "install-on-aks.md"


def permissions() -> set[str]:
    """What the table of the installation's page lists."""
    table = INSTALLING.read_text().partition("| permission in Microsoft Graph |")[2].partition("\n\n")[0]
    return {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}


async def a_life_in_the_directory(stage: Stage) -> list[str]:
    """Registrations of others and of our own, hardened, assigned and taken away; the reasons of what went wrong."""
    existing = {"registration": {"type": "Existing", "clientId": stage.team.client_id}, "harden": "All"}
    made = {"registration": {"type": "Managed"}, "requireAssignment": True}
    passes = [
        await stage.reconcile(stage.binding(entra=existing)),
        await stage.reconcile(stage.binding(entra=made)),
        await stage.reconcile(stage.binding(entra=made, deleting=True)),
    ]
    return [each.reason for done in passes for each in done.outcomes if each.stalled]


async def test_the_directorys_permissions_are_exactly_those_that_the_page_lists() -> None:
    listed = permissions()
    assert listed == {
        "Application.ReadWrite.OwnedBy",
        "Application.Read.All",
        "AppRoleAssignment.ReadWrite.All",
    }
    for missing in [None, *sorted(listed)]:
        async with on_stage(check_contracts=False) as stage:
            stage.world.entra.graph_permissions[stage.team.operator_client_id] = listed - {missing}
            wrong = await a_life_in_the_directory(stage)
        assert bool(wrong) is (missing is not None), (missing, wrong)
