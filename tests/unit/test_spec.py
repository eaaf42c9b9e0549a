from typing import Any

import pytest

from builders import CLIENT_ID, NAMED_IDENTITY, SERVICE, SITE, a_manifest_spec, a_spec
from funcgate.errors import SpecError
from funcgate.spec import Binding, SystemAssigned, UserAssigned, seconds


def refused(spec: dict[str, Any]) -> SpecError:
    with pytest.raises(SpecError) as error:
        Binding.of({"metadata": {"name": "orders"}, "spec": spec}, instance_id="prod")
    return error.value


def test_everything_but_the_four_parts_has_a_default() -> None:
    spec = a_spec(adopt=False)
    assert spec.api_management.identity == SystemAssigned()
    assert (spec.drift.interval_seconds, spec.deletion_policy, spec.adopt) == (600, "Delete", False)
    assert (spec.entra.token_version, spec.entra.allow.client_ids) == (None, ())


def test_a_user_assigned_identity_is_named_by_its_id() -> None:
    spec = a_spec(apiManagement={"id": SERVICE, "identity": {"type": "UserAssigned", "id": NAMED_IDENTITY}})
    assert spec.api_management.identity == UserAssigned(type="UserAssigned", id=NAMED_IDENTITY)


def test_client_ids_are_kept_in_one_form() -> None:
    spec = a_spec(entra={"registration": {"type": "Existing", "clientId": CLIENT_ID.upper()}})
    assert spec.entra.registration.client_id == CLIENT_ID


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"apiManagement": {"id": "contoso"}}, "spec.apiManagement.id", "ARM id of an API Management service"),
        ({"functionApp": {"id": SERVICE}}, "spec.functionApp.id", "ARM id of a function app"),
        ({"apiManagement": {"id": SERVICE, "identity": {"type": "UserAssigned"}}}, "spec.apiManagement.identity.id",
         "required"),
        ({"entra": {"registration": {"type": "Existing", "clientId": "orders"}}},
         "spec.entra.registration.clientId", "GUID"),
        ({"entra": {"registration": {"type": "Existing", "clientId": 7}}}, "spec.entra.registration.clientId", "GUID"),
        ({"api": {"name": "a/b", "import": {"from": "Functions"}}}, "spec.api.name", "pattern"),
        ({"api": {"name": "a\nb", "import": {"from": "None"}}}, "spec.api.name", "pattern"),
        ({"api": {"name": "a\\b", "import": {"from": "None"}}}, "spec.api.name", "pattern"),
        ({"api": {"name": "..", "import": {"from": "None"}}}, "spec.api.name", "pattern"),
        ({"functionApp": {"id": SITE.replace("shop-rg", "..")}}, "spec.functionApp.id", "ARM id"),
        ({"drift": {"interval": "soon"}}, "spec.drift.interval", "10m, 1h30m or 45s"),
        ({"drift": {"interval": "30s"}}, "spec.drift.interval", "between 1m and 24h"),
        ({"unheardOf": 1}, "spec.unheardOf", "not permitted"),
        ({"deletionPolicy": "Keep"}, "spec.deletionPolicy", "'Delete' or 'Orphan'"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_is_refused_with_its_field(change: dict[str, Any], field: str, says: str) -> None:
    error = refused(a_manifest_spec(**change))
    assert error.field == field
    assert says in str(error)


def test_a_spec_that_is_no_object_is_refused_as_a_whole() -> None:
    assert refused([1]).field == "spec"  # type: ignore[arg-type]


def test_an_object_without_a_name_is_refused() -> None:
    with pytest.raises(SpecError, match=r"metadata\.name"):
        Binding.of({"spec": a_manifest_spec()}, instance_id="prod")


def test_the_owner_is_the_installation_with_namespace_and_name() -> None:
    metadata = {"name": "orders", "namespace": "shop", "generation": 4, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    binding = Binding.of({"metadata": metadata, "spec": a_manifest_spec()}, instance_id="prod")
    assert (binding.owner, binding.generation, binding.deleting) == ("prod/shop/orders", 4, True)


@pytest.mark.parametrize(("text", "expected"), [("10m", 600), ("1h30m", 5400), ("45s", 45), ("2h", 7200)])
def test_durations_are_read_as_people_write_them(text: str, expected: int) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "1d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)
