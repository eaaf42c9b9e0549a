"""Request quotas of Resource Manager and of a provider: what is left, and what an empty bucket answers."""

from __future__ import annotations

import pytest

from azuresim import Simulator
from contract.arm_world import GROUP, HERE, IDENTITY, MSI, SUBSCRIPTION_ID, arm, operator_id, refusal

pytestmark = [pytest.mark.item("web-11"), pytest.mark.item("apim-13")]


@pytest.fixture(autouse=True)
def group(azure: Simulator) -> None:
    azure.world.arm.add_group(GROUP)


@pytest.mark.parametrize(
    ("method", "kind", "size", "per_second"),
    [("GET", "reads", 250, 25), ("PUT", "writes", 200, 10), ("DELETE", "deletes", 200, 10)],
)
async def test_each_kind_of_call_has_a_bucket_that_refills(
    azure: Simulator, method: str, kind: str, size: int, per_second: int
) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling."""
    azure.world.switches.arm_throttle = True
    body = HERE if method == "PUT" else None
    left = azure.world.quotas.left(kind, subscription=SUBSCRIPTION_ID, principal=operator_id(azure))  # type: ignore[arg-type]
    azure.world.quotas.spend(kind, size, subscription=SUBSCRIPTION_ID, principal=operator_id(azure))  # type: ignore[arg-type]
    refused = await arm(azure, method, IDENTITY, body, version=MSI)
    azure.world.clock.advance(1)
    answered = await arm(azure, method, IDENTITY, body, version=MSI)
    assert (left, refused.status) == (size, 429)
    assert answered.headers[f"x-ms-ratelimit-remaining-subscription-{kind}"] == str(per_second - 1)


async def test_an_empty_bucket_says_when_to_come_back(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling."""
    azure.world.switches.arm_throttle = True
    azure.world.quotas.spend("reads", 250, subscription=SUBSCRIPTION_ID, principal=operator_id(azure))
    answer = await arm(azure, "GET", GROUP)
    assert (refusal(answer), answer.headers["Retry-After"]) == ((429, "SubscriptionRequestsThrottled"), "1")


async def test_another_principal_has_a_bucket_of_its_own_and_the_subscription_one_for_all(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (15 times)."""
    azure.world.switches.arm_throttle = True
    azure.world.quotas.spend("reads", 250, subscription=SUBSCRIPTION_ID, principal="somebody else")
    answer = await arm(azure, "GET", GROUP)
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert answer.headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"
    azure.world.quotas.spend("reads", 3750, subscription=SUBSCRIPTION_ID, principal="")
    assert (await arm(azure, "GET", GROUP)).status == 429


async def test_a_call_without_subscription_spends_a_bucket_of_the_tenant(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling (tenant)."""
    answer = await arm(azure, "GET", "/tenants")
    assert answer.headers["x-ms-ratelimit-remaining-tenant-reads"] == "249"
    assert "x-ms-ratelimit-remaining-subscription-reads" not in answer.headers


async def test_a_provider_throttles_on_its_own_whatever_is_left_of_the_subscription(azure: Simulator) -> None:
    """Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling: providers
    apply limits of their own."""
    azure.world.quotas.limit("Microsoft.ManagedIdentity", "writes", size=1, per_second=0.1, code="OwnLimit")
    statuses = [(await arm(azure, "PUT", IDENTITY, HERE, version=MSI)).status for _ in range(2)]
    refused = await arm(azure, "PUT", IDENTITY, HERE, version=MSI)
    assert (statuses, refusal(refused), refused.headers["Retry-After"]) == ([201, 429], (429, "OwnLimit"), "10")
    assert (await arm(azure, "GET", IDENTITY, version=MSI)).status == 200
    azure.world.clock.advance(10)
    assert (await arm(azure, "PUT", IDENTITY, HERE, version=MSI)).status == 200
