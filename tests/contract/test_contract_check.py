"""The check of requests and answers against the published contracts: what fails a test, and what is let through."""

from __future__ import annotations

from typing import Any

import pytest

from azuresim import Simulator
from azuresim.apim.service import add_service
from azuresim.contract_differences import DIFFERENCES
from azuresim.wire import HttpAnswer
from contract.conftest import OPERATOR

GROUP = "/subscriptions/00000000-aaaa-4000-8000-00000000000a/resourceGroups/shop"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/caller"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
VERSION = "?api-version=2024-11-30"
HERE = {"location": "westeurope"}


async def started(**options: Any) -> Simulator:
    azure = await Simulator(**options).__aenter__()
    azure.world.entra.add_application("operator", client_id=OPERATOR)
    azure.world.arm.add_group(GROUP)
    return azure


async def arm(azure: Simulator, method: str, target: str, body: Any = None) -> HttpAnswer:
    return await azure.send(method, "", target, headers=azure.arm_headers(OPERATOR), json=body)


async def end(azure: Simulator) -> str:
    """What the test that made these calls is told when it ends; empty when all is well."""
    try:
        await azure.__aexit__(None, None, None)
    except AssertionError as error:
        return str(error)
    return ""


async def test_an_accepted_request_with_an_unknown_property_fails_the_test() -> None:
    azure = await started()
    await arm(azure, "PUT", IDENTITY + VERSION, {**HERE, "bogus": True})
    assert "request: " in (said := await end(azure))
    assert "bogus" in said


async def test_a_refused_request_counts_only_for_clients_that_must_never_send_one() -> None:
    for refused, expected in ((False, ""), (True, "request: ")):
        azure = await started(check_refused=refused)
        assert (await arm(azure, "PUT", IDENTITY + VERSION, {"tags": 1, "bogus": True})).status == 400
        assert expected in (said := await end(azure))
        assert bool(said) is bool(expected)


async def test_another_api_version_counts_only_for_such_clients() -> None:
    for refused, expected in ((False, ""), (True, "api-version 2023-01-31 instead of 2024-11-30")):
        azure = await started(check_refused=refused)
        await arm(azure, "PUT", f"{IDENTITY}?api-version=2023-01-31", HERE)
        assert expected in (said := await end(azure))
        assert bool(said) is bool(expected)


async def test_an_answer_with_a_property_that_no_contract_lists_fails_the_test() -> None:
    azure = await started()
    await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    azure.world.arm.need(IDENTITY).body["properties"]["colour"] = "red"
    await arm(azure, "GET", IDENTITY + VERSION)
    assert "answer: properties/colour: not in the contract [property]" in await end(azure)


async def test_an_answer_of_the_wrong_type_fails_the_test() -> None:
    azure = await started()
    await arm(azure, "PUT", IDENTITY + VERSION, HERE)
    azure.world.arm.need(IDENTITY).body["location"] = 7
    await arm(azure, "GET", IDENTITY + VERSION)
    assert "answer: location: 7 is not of type 'string' [type]" in await end(azure)


async def test_a_listed_difference_passes_at_its_place_and_nowhere_else() -> None:
    azure = await started()
    add_service(azure.world, SERVICE)
    api = f"{SERVICE}/apis/orders"
    properties = {"displayName": "orders", "path": "orders", "protocols": ["https"]}
    await arm(azure, "PUT", f"{api}?api-version=2024-05-01", {"properties": properties})
    azure.world.arm.need(api).body["properties"]["contact"] = {"isAgent": False}
    await arm(azure, "GET", f"{api}?api-version=2024-05-01")
    said = await end(azure)
    assert "answer: properties/contact/isAgent: not in the contract [property]" in said
    assert "properties/isAgent" not in said  # listed: an API shows fields of other kinds of APIs


async def test_contract_checking_can_be_switched_off() -> None:
    azure = await started(check_contracts=False)
    assert (await arm(azure, "PUT", IDENTITY + VERSION, {**HERE, "bogus": True})).status == 201
    assert await end(azure) == ""


def test_every_difference_names_its_source() -> None:
    assert [difference for difference in DIFFERENCES if len(difference.source) < 20] == []


@pytest.mark.parametrize("path", [f"{GROUP}/providers/Microsoft.Nothing/things/1", "/nowhere"])
async def test_what_nobody_serves_is_counted(path: str) -> None:
    azure = await started()
    assert (await arm(azure, "GET", f"{path}?api-version=2024-05-01")).status == 404
    assert sum(azure.world.missing.values()) == 1
    await end(azure)


async def test_a_handler_that_fails_answers_500_and_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    azure = await started()
    monkeypatch.setattr(azure.world.arm, "members", None)
    assert (await arm(azure, "GET", IDENTITY.rpartition("/")[0] + VERSION)).status == 500
    assert "Handlers failed:" in await end(azure)
