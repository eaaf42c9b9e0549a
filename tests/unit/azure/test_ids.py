"""Resource ids: taken apart, compared without case, and never leading elsewhere."""

import pytest

from funcgate.azure.ids import ResourceId, segment
from funcgate.errors import Rejected

SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/shop"
SERVICE = f"{GROUP}/providers/Microsoft.ApiManagement/service/contoso"
BACKEND = f"{SERVICE}/backends/orders-fn"
EXTENSION = f"{SERVICE}/providers/Microsoft.ManagedIdentity/identities/default"


def test_a_resource_id_is_taken_apart() -> None:
    found = ResourceId.parse(BACKEND)

    assert (found.subscription, found.group) == ("00000000-0000-4000-8000-000000000001", "shop")
    assert (found.provider, found.type) == ("Microsoft.ApiManagement", "Microsoft.ApiManagement/service/backends")
    assert found.name == "orders-fn"


@pytest.mark.parametrize(
    ("text", "parent"),
    [(BACKEND, SERVICE), (SERVICE, GROUP), (GROUP, SUBSCRIPTION), (SUBSCRIPTION, None), (EXTENSION, SERVICE)],
)
def test_the_parent_is_one_step_up(text: str, parent: str | None) -> None:
    found = ResourceId.parse(text).parent

    assert (str(found) if found else None) == parent


def test_ids_are_equal_without_regard_to_case_and_print_as_written() -> None:
    shouted = ResourceId.parse(SERVICE.upper())

    assert shouted == ResourceId.parse(SERVICE)
    assert len({shouted, ResourceId.parse(SERVICE)}) == 1
    assert str(shouted) == SERVICE.upper()
    assert shouted.key == SERVICE.lower()


def test_an_extension_resource_is_of_its_own_provider() -> None:
    assert ResourceId.parse(EXTENSION).type == "Microsoft.ManagedIdentity/identities"


def test_a_management_endpoint_before_an_id_is_left_out() -> None:
    assert str(ResourceId.parse(f"https://management.azure.com{SERVICE}/")) == SERVICE


@pytest.mark.parametrize(
    ("scope", "expected", "reason"),
    [
        (SUBSCRIPTION, True, "a subscription holds it"),
        (GROUP.upper(), True, "case does not count"),
        (SERVICE, True, "a resource is within itself"),
        (f"{GROUP}-2", False, "another group"),
        (f"{SUBSCRIPTION}/resourceGroups/sho", False, "a name that begins alike is no scope above"),
        (BACKEND, False, "below, not above"),
    ],
)
def test_within_says_whether_a_scope_holds_the_resource(scope: str, expected: bool, reason: str) -> None:
    assert ResourceId.parse(SERVICE).within(scope) is expected, reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("contoso", "a name"),
        ("/subscriptions/", "no subscription"),
        (f"{SUBSCRIPTION}/resourceGroups/../providers/Microsoft.Web/sites/x", "leads out of the group"),
        (f"{GROUP}/providers/Microsoft.Web/sites/..", "leads out of the type"),
        (f"{GROUP}/providers/Microsoft.Web/sites/x?api-version=1", "carries a query"),
        (f"{GROUP}/providers/Microsoft.Web/sites/%2e%2e", "carries an escape"),
        (f"{GROUP}/providers/Microsoft.Web/sites", "a type without a name"),
        (f"{SERVICE}/backends", "a collection"),
        (f"https://elsewhere.example{GROUP[1:]}", "an address that joins its path"),
    ],
)
def test_what_is_no_resource_id_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="is not a resource id"):
        ResourceId.parse(text)


def test_an_id_that_was_never_parsed_is_refused_when_it_is_taken_apart() -> None:
    with pytest.raises(ValueError, match="is not a resource id"):
        _ = ResourceId("contoso").group


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_to_another_resource_is_refused(name: str) -> None:
    with pytest.raises(Rejected, match="cannot be the name"):
        segment(name)


def test_a_name_is_escaped_for_an_address() -> None:
    assert segment("orders/é ?#%;rev=2") == "orders%2F%C3%A9%20%3F%23%25;rev=2"
