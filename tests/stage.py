"""
A real Kubernetes API and a simulated Azure that trust each other, and what an operator between them needs.

The cluster's own service account tokens are the operator's identity in Azure (workload identity), as in production.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azuresim.entra.tokens import EXCHANGE_AUDIENCE
from azuresim.scenarios import Imported, imported
from azuresim.server import Simulator
from azuresim.wire import HttpAnswer
from controlplane import ControlPlane

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
    """The team's Azure after the portal's "Import Function App", beside a cluster with funcgate's rights in it."""

    plane: ControlPlane
    azure: Simulator
    team: Imported
    folder: Path

    @classmethod
    def built(cls, plane: ControlPlane, azure: Simulator, folder: Path) -> "Stage":
        """Azure accepts the tokens that the cluster signs for the operator's service account."""
        team = imported(azure.world)
        azure.world.entra.trust_issuer(
            plane.issuer, json.loads(plane.kubectl("get", "--raw", "/openid/v1/jwks").stdout)
        )
        subject = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"
        azure.world.entra.add_federated_credential(team.operator_client_id, issuer=plane.issuer, subject=subject)
        return cls(plane, azure, team, folder)

    def environment(self) -> Mapping[str, str]:
        """What the operator's pod would have in its environment here."""
        token = self.plane.service_account_token(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT, audience=EXCHANGE_AUDIENCE)
        token_file = self.folder / "azure.token"
        token_file.touch(mode=0o600)
        token_file.write_text(token)
        return {
            "KUBECONFIG": str(self.plane.service_account_kubeconfig(OPERATOR_NAMESPACE, OPERATOR_ACCOUNT)),
            "AZURE_CLIENT_ID": self.team.operator_client_id,
            "AZURE_TENANT_ID": self.team.tenant_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(token_file),
            "AZURE_AUTHORITY_HOST": self.azure.url,
            "SSL_CERT_FILE": str(self.azure.ca_file),
            "FUNCGATE_ARM_ENDPOINT": self.azure.url,
            "FUNCGATE_GRAPH_ENDPOINT": self.azure.url,
            "FUNCGATE_AZURE_SCOPES": self.team.group_id,
            "FUNCGATE_INSTANCE_ID": "demo",
            "FUNCGATE_HEALTH_HOST": "127.0.0.1",
            "FUNCGATE_HEALTH_PORT": "0",
            "POD_NAMESPACE": OPERATOR_NAMESPACE,
        }

    async def through_the_gateway(self) -> HttpAnswer:
        """A caller of the API, with its subscription key."""
        key = {"Ocp-Apim-Subscription-Key": self.team.subscription_key}
        return await self.azure.send("GET", self.team.gateway_host, f"/{self.team.api_path}{FUNCTION}", headers=key)

    async def past_the_gateway(self, **headers: str) -> HttpAnswer:
        """Somebody who calls the function app directly, without any token unless one is handed in."""
        path = f"/{self.team.route_prefix}{FUNCTION}"
        return await self.azure.send("GET", self.team.site_host, path, headers=headers)

    async def with_the_key(self) -> HttpAnswer:
        """Somebody who got hold of the functions' key."""
        return await self.past_the_gateway(**{"x-functions-key": self.team.host_key})

    async def as_somebody_else(self) -> HttpAnswer:
        """Another application of the tenant, with a valid token for the function app, and with the key."""
        token = self.azure.world.entra.token_for_client(self.team.stranger_client_id, self.team.client_id)
        return await self.past_the_gateway(
            **{"Authorization": f"Bearer {token}", "x-functions-key": self.team.host_key}
        )


def token_claims(answer: HttpAnswer) -> Mapping[str, str]:
    """The claims that the function saw; empty when the call did not reach it."""
    return dict(json.loads(answer.body).get("claims") or {}) if answer.status == 200 else {}
