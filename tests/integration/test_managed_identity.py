"""Without workload identity the operator is who its machine or its app says: tokens and calls, end to end."""

from collections.abc import Iterator

import pytest

from azuresim import Simulator
from azuresim.msi import add_user_identity
from azuresim.scenarios import GROUP, SERVICE, imported
from funcgate.azure import Endpoints, connect
from funcgate.errors import AccessDenied

MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/one"
APP = f"{GROUP}/providers/Microsoft.Web/sites/platform"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"


@pytest.fixture(autouse=True)
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "AZURE_CLIENT_ID",
            "AZURE_TENANT_ID",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_CLIENT_SECRET",
            "IDENTITY_ENDPOINT",
        ):
            patch.delenv(name, raising=False)
        patch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        yield patch


def endpoints(simulator: Simulator) -> Endpoints:
    return Endpoints(arm=simulator.url, graph=simulator.url, authority=simulator.url)


async def url_of_the_service(simulator: Simulator, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("SSL_CERT_FILE", str(simulator.ca_file))
    async with connect(endpoints(simulator)) as azure:
        return (await azure.apim.get_service(SERVICE)).gateway_url


def callers(simulator: Simulator) -> set[str]:
    return {call.caller for call in simulator.world.log if call.service == "arm"}


async def test_a_machines_identity_calls_azure(environment: pytest.MonkeyPatch) -> None:
    async with Simulator() as simulator:
        there = imported(simulator.world)
        identity = simulator.world.entra.ensure_system_identity(MACHINE)
        simulator.world.entra.attach(MACHINE)
        environment.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", simulator.url)
        assert await url_of_the_service(simulator, environment) == f"https://{there.gateway_host}"
        assert callers(simulator) == {identity.client_id}


async def test_the_user_assigned_identity_that_is_named_calls_azure(environment: pytest.MonkeyPatch) -> None:
    async with Simulator() as simulator:
        imported(simulator.world)
        identity = add_user_identity(simulator.world, f"{IDENTITIES}/operator")
        simulator.world.entra.ensure_system_identity(MACHINE)
        simulator.world.entra.attach(MACHINE, f"{IDENTITIES}/operator")
        environment.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", simulator.url)
        environment.setenv("AZURE_CLIENT_ID", identity.client_id)
        await url_of_the_service(simulator, environment)
        assert callers(simulator) == {identity.client_id}


async def test_an_apps_identity_calls_azure_and_a_wrong_header_does_not(environment: pytest.MonkeyPatch) -> None:
    async with Simulator() as simulator:
        imported(simulator.world)
        identity = simulator.world.entra.ensure_system_identity(APP)
        simulator.world.entra.attach_site("the-header", identity.principal_id)
        environment.setenv("IDENTITY_ENDPOINT", f"{simulator.url}/msi/token")
        environment.setenv("IDENTITY_HEADER", "the-header")
        await url_of_the_service(simulator, environment)
        assert callers(simulator) == {identity.client_id}
        simulator.world.log.clear()

        environment.setenv("IDENTITY_HEADER", "another")
        with pytest.raises(AccessDenied):
            await url_of_the_service(simulator, environment)
        assert callers(simulator) == set()
