"""
A real Kubernetes API and a simulated Azure that trust each other, and what an operator between them needs.

The cluster's own service account tokens are the operator's identity in Azure (workload identity), as in production.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azuresim.entra.tokens import EXCHANGE_AUDIENCE, EntraError
from azuresim.scenarios import GROUP, OPERATOR, Deployed
from azuresim.server import Simulator
from azuresim.wire import HttpAnswer
from controlplane import ControlPlane
from controlplane.credentials import write_secret

REPOSITORY = Path(__file__).parents[1]
DEPLOY = REPOSITORY / "deploy"
SAMPLES = DEPLOY / "samples"
OPERATOR_NAMESPACE = "funcgate-system"
OPERATOR_ACCOUNT = "funcgate"
FUNCTION = "/orders"  # its authLevel is `function`: the host asks for a key


def install(plane: ControlPlane) -> None:
    """All of deploy/ is in the cluster: schema, rights, and a Deployment that nobody here turns into pods."""
    plane.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(DEPLOY / ".." / "crds"))
    plane.wait_for_crd("functionapibindings.funcgate.dev")
    plane.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(DEPLOY))


@dataclass(frozen=True)
class Stage:
    """A cluster with funcgate's rights in it, and an Azure that lets its service account in."""

    plane: ControlPlane
    azure: Simulator
    folder: Path

    def let_the_operator_in(self) -> None:
        """Azure accepts the tokens that the cluster signs for the operator's service account."""
        entra = self.azure.world.entra
        keys = json.loads(self.plane.kubectl("get", "--raw", "/openid/v1/jwks").stdout)
        entra.trust_issuer(self.plane.issuer, keys)
        subject = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
        entra.add_federated_credential(OPERATOR, issuer=self.plane.issuer, subject=subject)

    def environment(self) -> Mapping[str, str]:
        """What the operator's pod would have in its environment here."""
        return {
            **self.identity(OPERATOR),
            **self.here(),
            "FUNCGATE_AZURE_SCOPES": GROUP,
            "FUNCGATE_INSTANCE_ID": "demo",
            "POD_NAMESPACE": OPERATOR_NAMESPACE,
        }

    def identity(self, client_id: str, account: str = OPERATOR_ACCOUNT) -> Mapping[str, str]:
        """What workload identity's webhook puts into pods of the account; the file with the token lies elsewhere."""
        token = self.plane.service_account_token(OPERATOR_NAMESPACE, account, audience=EXCHANGE_AUDIENCE)
        return {
            "AZURE_CLIENT_ID": client_id,
            "AZURE_TENANT_ID": self.azure.world.tenant_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(write_secret(self.folder / "azure.token", token.encode())),
            "AZURE_AUTHORITY_HOST": self.azure.url,
        }

    def here(self, account: str = OPERATOR_ACCOUNT) -> Mapping[str, str]:
        """
        All that is different from a pod beside Azure.

        The account's token comes in a kubeconfig, Azure answers at one address on this machine, with a certificate of
        its own, and nobody else on this machine waits for the probes' port.
        """
        return {
            "KUBECONFIG": str(self.plane.service_account_kubeconfig(OPERATOR_NAMESPACE, account)),
            "SSL_CERT_FILE": str(self.azure.ca_file),
            "FUNCGATE_ARM_ENDPOINT": self.azure.url,
            "FUNCGATE_GRAPH_ENDPOINT": self.azure.url,
            "FUNCGATE_LOGS_ENDPOINT": self.azure.url,
            "FUNCGATE_CONNECT_TO": f"{self.azure.host}:{self.azure.port}",
            "FUNCGATE_HEALTH_HOST": "127.0.0.1",
            "FUNCGATE_HEALTH_PORT": "0",
        }


@dataclass(frozen=True)
class Callers:
    """Those who call one function app: of its API, and past the gateway."""

    azure: Simulator
    app: Deployed
    path: str

    async def through_the_gateway(self) -> HttpAnswer:
        """A caller of the API, with a subscription key."""
        key = {"Ocp-Apim-Subscription-Key": self.app.master_key}
        return await self.azure.send("GET", self.app.gateway_host, f"/{self.path}{FUNCTION}", headers=key)

    async def past_the_gateway(self, **headers: str) -> HttpAnswer:
        """Somebody who calls the function app directly, without any token unless one is handed in."""
        path = f"/{self.app.route_prefix}{FUNCTION}"
        return await self.azure.send("GET", self.app.site_host, path, headers=headers)

    async def with_the_key(self) -> HttpAnswer:
        """Somebody who got hold of the functions' key."""
        return await self.past_the_gateway(**{"x-functions-key": self.app.host_key})

    async def as_somebody_else(self) -> HttpAnswer:
        """Another application of the tenant, with the key, and with a valid token for the app if it can get one."""
        headers = {"x-functions-key": self.app.host_key}
        if client_id := self._asked_for():
            with contextlib.suppress(EntraError):
                token = self.azure.world.entra.token_for_client(self.app.stranger_client_id, client_id)
                headers["Authorization"] = f"Bearer {token}"
        return await self.past_the_gateway(**headers)

    def _asked_for(self) -> str | None:
        """The registration that the door names."""
        settings = self.azure.world.arm.get(f"{self.app.site_id}/config/authsettingsV2")
        providers = settings.properties.get("identityProviders") if settings else None
        provider = (providers or {}).get("azureActiveDirectory") or {}
        return (provider.get("registration") or {}).get("clientId")


def token_claims(answer: HttpAnswer) -> Mapping[str, str]:
    """The claims that the function saw; empty when the call did not reach it."""
    return dict(json.loads(answer.body).get("claims") or {}) if answer.status == 200 else {}
