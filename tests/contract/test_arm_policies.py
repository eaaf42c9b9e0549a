"""What Azure Policy, missing registrations, locks and missing scopes refuse before a provider sees a call."""

from __future__ import annotations

import pytest

from azuresim import Simulator
from azuresim.arm.registrations import set_registration
from contract.arm_world import (
    AUTHORIZATION,
    GROUP,
    HERE,
    IDENTITY,
    MSI,
    SUBSCRIPTION,
    SUBSCRIPTION_ID,
    arm,
    message,
    refusal,
)

LOCK = f"{GROUP}/{AUTHORIZATION}/locks/keep"


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


@pytest.mark.item("web-11")
async def test_a_policy_refuses_a_write_and_says_which_it_was(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/
    error-policy-requestdisallowedbypolicy."""
    azure.world.policies.deny("*/userassignedidentities/*", name="no-identities")
    answer = await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    error = answer.data()["error"]
    assert (refusal(answer), error["target"]) == ((403, "RequestDisallowedByPolicy"), "caller")
    assert "'caller' was disallowed by policy" in message(answer)
    assert error["additionalInfo"][0]["type"] == "PolicyViolation"
    assert error["additionalInfo"][0]["info"]["policyAssignmentName"] == "no-identities"
    assert azure.world.arm.get(IDENTITY) is None


@pytest.mark.item("web-11")
async def test_a_policy_judges_by_what_is_sent_and_only_writes(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/governance/policy/concepts/effect-deny."""
    azure.world.policies.deny("*", when=lambda body: "team" not in body.get("tags", {}))
    assert (await arm(azure, "PUT", IDENTITY, HERE, version=MSI)).status == 403
    assert (await arm(azure, "PUT", IDENTITY, HERE | {"tags": {"team": "x"}}, version=MSI)).status == 201
    assert (await arm(azure, "GET", IDENTITY, version=MSI)).status == 200
    assert (await arm(azure, "DELETE", IDENTITY, version=MSI)).status == 200


@pytest.mark.item("web-11")
@pytest.mark.parametrize(
    ("path", "version", "status", "code"),
    [
        ("/subscriptions/99999999-aaaa-4000-8000-00000000000a", "2022-12-01", 404, "SubscriptionNotFound"),
        ("/subscriptions/mine", "2022-12-01", 400, "InvalidSubscriptionId"),
        (f"{SUBSCRIPTION}/resourceGroups/nowhere", "2022-09-01", 404, "ResourceGroupNotFound"),
        (IDENTITY, MSI, 404, "ResourceNotFound"),
    ],
)
async def test_each_level_that_is_missing_has_a_code_of_its_own(
    azure: Simulator, path: str, version: str, status: int, code: str
) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors and
    error-not-found."""
    assert refusal(await arm(azure, "GET", path, version=version)) == (status, code)


@pytest.mark.parametrize("state", ["NotRegistered", "Unregistered", "Registering"])
async def test_a_provider_that_is_not_registered_takes_no_writes_but_reads(azure: Simulator, state: str) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider; that
    Registering refuses too is assumed."""
    set_registration(azure.world, SUBSCRIPTION_ID, "Microsoft.ManagedIdentity", state)  # type: ignore[arg-type]
    answer = await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    assert refusal(answer) == (409, "MissingSubscriptionRegistration")
    assert answer.data()["error"]["details"][0]["target"] == "Microsoft.ManagedIdentity"
    assert (await arm(azure, "GET", IDENTITY, version=MSI)).status == 404


@pytest.mark.assumed
async def test_a_provider_with_resources_is_not_unregistered(azure: Simulator) -> None:
    """The rule is in learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types; the code
    is not public."""
    await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    answer = await arm(azure, "POST", f"{SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/unregister")
    assert answer.status == 409


@pytest.mark.item("web-11")
async def test_a_lock_made_over_http_locks_and_can_be_removed_although_it_locks(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/lock-resources."""
    made = await arm(azure, "PUT", LOCK, {"properties": {"level": "ReadOnly"}}, version="2020-05-01")
    refused = await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    removed = await arm(azure, "DELETE", LOCK, version="2020-05-01")
    assert (made.status, refusal(refused), removed.status) == (201, (409, "ScopeLocked"), 200)
    assert (await arm(azure, "PUT", IDENTITY, HERE, version=MSI)).status == 201


@pytest.mark.item("web-11")
async def test_a_lock_on_something_in_a_group_keeps_the_group(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/delete-resource-group (locks)."""
    await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    azure.world.arm.lock(IDENTITY, "CanNotDelete")
    answer = await arm(azure, "DELETE", GROUP)
    assert refusal(answer) == (409, "ScopeLocked")
    assert IDENTITY in message(answer)


@pytest.mark.parametrize("properties", [{}, {"level": "Softly"}, {"level": 3}, "ReadOnly", None])
async def test_a_lock_without_a_known_level_is_refused(azure: Simulator, properties: object) -> None:
    """Source: learn.microsoft.com/rest/api/resources/management-locks (levels); the code is assumed."""
    answer = await arm(azure, "PUT", LOCK, {"properties": properties}, version="2020-05-01")
    assert (answer.status, azure.world.arm.locks) == (400, [])
