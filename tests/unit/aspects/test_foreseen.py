"""What each aspect can tell before a write of what will be known after it, so that a plan shows what follows."""

from typing import Any
from unittest.mock import sentinel

import pytest

from builders import CLIENT_ID, IDENTITY_CLIENT_ID, NAMED_IDENTITY, PRINCIPAL_ID, TENANT, a_binding
from funcgate.aspects.api import Api
from funcgate.aspects.app_registration import AppRegistration
from funcgate.aspects.backend import Backend
from funcgate.aspects.identity import Identity, ServiceIdentity
from funcgate.aspects.named_value import NamedKey
from funcgate.model import Observed
from funcgate.openapi import ApiDocument
from funcgate.published import OfferedOperation, PublishedApi
from funcgate.registration import Registration
from funcgate.spec import Binding
from stubs import IDS

NOBODY: Any = sentinel.client
MINE = {"path": "shop/orders"}
DOCUMENT = {"from": "OpenAPI", "openAPI": {"configMapKeyRef": {"name": "orders", "key": "openapi.yaml"}}}
PING = {"scope": {"type": "Operations", "operations": ["GET /ping"]}}
API = "apis/shop-orders"
OPERATION = f"{API}/operations/GET /ping"


def test_a_name_that_is_chosen_beforehand_is_known_beforehand() -> None:
    assert Backend(NOBODY, "https://arm").foresee(a_binding(), {}, {}) == {"backend_id": "orders-fn"}
    assert NamedKey(NOBODY, NOBODY).foresee(a_binding(), {}, {}) == {"key_reference": "orders-fn-key"}


@pytest.mark.parametrize(
    ("identity", "known"),
    [
        ({"type": "SystemAssigned"}, {}),
        (
            {"type": "UserAssigned", "id": NAMED_IDENTITY},
            {"principal_id": PRINCIPAL_ID, "identity_client_id": IDENTITY_CLIENT_ID, "tenant_id": TENANT},
        ),
    ],
)
def test_a_named_identity_has_its_ids_before_it_is_assigned(identity: dict[str, str], known: dict[str, str]) -> None:
    service = a_binding().spec.api_management.id
    binding = a_binding(apiManagement={"id": service, "identity": identity})
    seen = {"identity": Observed(state=ServiceIdentity(identity="x", assigned=False, ids=IDS))}
    said = Identity(NOBODY, NOBODY).foresee(binding, {}, seen)
    assert {name: value for name, value in said.items() if name != "gateway_url"} == known


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        (Registration(made=True, client_id=CLIENT_ID, token_version=2), {"client_id": CLIENT_ID, "token_version": 2}),
        (Registration(made=True, token_version=2), {}),
        (Registration(client_id=CLIENT_ID, token_version=2), {}),
    ],
)
def test_a_registration_that_only_lacks_its_principal_has_its_client_id(
    seen: Registration, known: dict[str, Any]
) -> None:
    aspect = AppRegistration(NOBODY, NOBODY, NOBODY)
    assert aspect.foresee(a_binding(), {"application": seen}, {}) == known


def imports(**more: Any) -> Binding:
    return a_binding(api=MINE | {"import": DOCUMENT}, **more)


def test_operations_that_are_made_have_the_names_that_we_choose_and_others_keep_theirs() -> None:
    wish = {
        API: PublishedApi(path="shop/orders"),
        OPERATION: OfferedOperation(shape="GET /ping", name="get-ping"),
        f"{OPERATION}s": OfferedOperation(shape="GET /pings", name="get-pings"),
    }
    seen = {OPERATION: Observed(state=OfferedOperation(shape="GET /ping", name="somebodys"))}
    assert Api(NOBODY).foresee(a_binding(api=MINE), wish, seen) == {
        "api_path": "shop/orders",
        "placed": {
            "GET /ping": "somebodys",
            "somebodys": "somebodys",
            "GET /pings": "get-pings",
            "get-pings": "get-pings",
        },
    }


@pytest.mark.parametrize(
    ("binding", "before", "placed"),
    [
        (imports(), None, {"placed": {}}),
        (imports(policy=PING), None, {"placed": None}),
        (imports(policy=PING), "another", {"placed": None}),
        (imports(policy=PING), "digest", {}),
    ],
)
def test_operations_of_a_document_get_their_names_with_its_import(
    binding: Binding, before: str | None, placed: dict[str, Any]
) -> None:
    document = ApiDocument(**dict.fromkeys(ApiDocument.__dataclass_fields__, sentinel.any))
    wish = {API: PublishedApi(path="shop/orders", document="digest", made_from=document)}
    seen = {API: Observed(state=PublishedApi(path="old", document=before))} if before else {}
    assert Api(NOBODY).foresee(binding, wish, seen) == {"api_path": "shop/orders"} | placed


def test_an_api_that_only_joins_a_product_is_not_imported_again() -> None:
    assert Api(NOBODY).foresee(imports(), {}, {}) == {"api_path": "shop/orders"}
