"""API Management's managed identity: whose token calls the function. Ensured, never removed; others' are left alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from funcgate.azure import ApimClient, IdentityClient, ManagedIdentity, Service
from funcgate.errors import NotFound, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Phase
from funcgate.spec import Binding, UserAssigned

KEY = "identity"


@dataclass(frozen=True, kw_only=True)
class ServiceIdentity:
    """Whether the service carries the identity that the binding names, and whose ids that gives."""

    identity: str
    assigned: bool
    gateway_url: str = field(default="", compare=False)
    ids: ManagedIdentity | None = field(default=None, compare=False)


class Identity(Aspect[ServiceIdentity]):
    """The service has the identity that the binding names, beside those that it has already."""

    name = "identity"
    condition = "IdentityReady"
    phase = Phase.ADD
    gives = ("gateway_url", "principal_id", "identity_client_id", "tenant_id")
    outlives = True

    def __init__(self, apim: ApimClient, identities: IdentityClient) -> None:
        self.apim = apim
        self.identities = identities

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[ServiceIdentity]]:
        """Whether the identity is there, and its ids. Raises Unmet when a named identity does not exist."""
        service, ids = await asyncio.gather(self.apim.get_service(self.home(binding)), self._ids(binding))
        _must_not_be_a_former_one(binding, service, ids)
        state = ServiceIdentity(
            identity=_wanted(binding),
            assigned=_assigned(binding, service),
            gateway_url=service.gateway_url,
            ids=ids if _are_its(binding, service, ids) else None,
        )
        return {KEY: Observed(state=state)}

    async def _ids(self, binding: Binding) -> ManagedIdentity | None:
        identity = binding.spec.api_management.identity
        if not isinstance(identity, UserAssigned):
            return await self.identities.system_assigned(self.home(binding))
        try:
            return await self.identities.user_assigned(identity.id)
        except NotFound as missing:
            raise Unmet(
                "IdentityNotFound", f"spec.apiManagement.identity.id names no identity: {missing}", stalled=True
            ) from missing

    def learn(self, binding: Binding, observed: Mapping[str, Observed[ServiceIdentity]]) -> Mapping[str, Any]:
        """The gateway's address at once; the identity's ids once the service carries it."""
        state = observed[KEY].state
        facts: dict[str, Any] = {"gateway_url": state.gateway_url}
        if state.assigned and state.ids:
            facts["principal_id"] = state.ids.principal_id
            facts["identity_client_id"] = state.ids.client_id.lower()
            facts["tenant_id"] = state.ids.tenant_id
        return facts

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, ServiceIdentity]:
        """The named identity, assigned."""
        return {KEY: ServiceIdentity(identity=_wanted(binding), assigned=True)}

    def foresee(
        self, binding: Binding, wish: Mapping[str, ServiceIdentity], observed: Mapping[str, Observed[ServiceIdentity]]
    ) -> Mapping[str, Any]:
        """The ids of a named identity, which it has already; those of the service's own are made with it."""
        if not isinstance(binding.spec.api_management.identity, UserAssigned):
            return {}
        return self.learn(binding, {KEY: Observed(state=replace(observed[KEY].state, assigned=True))})

    async def apply(self, binding: Binding, change: Change[ServiceIdentity]) -> None:
        """Add the identity to those of the service, and wait until the service has settled."""
        identity = binding.spec.api_management.identity
        named = identity.id if isinstance(identity, UserAssigned) else None
        await self.apim.add_identity(self.home(binding), system=named is None, user_assigned=named)

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[ServiceIdentity]]) -> Unmet | None:
        """A new identity takes a moment until its ids can be looked up."""
        if observed[KEY].state.ids is None:
            return Unmet("IdentityPending", "the identity is assigned; its ids are not published yet", status="Unknown")
        return None

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Which identity calls the function."""
        return f"API Management calls as client {facts.identity_client_id} (principal {facts.principal_id})."


def _must_not_be_a_former_one(binding: Binding, service: Service, ids: ManagedIdentity | None) -> None:
    """
    The named identity is the one that the service carries, not one that was deleted and made anew under its name.

    A resource goes on naming a deleted identity until somebody detaches it, and gets no token. Source:
    learn.microsoft.com/entra/identity/managed-identities-azure-resources, "Manage user-assigned managed identities".
    """
    identity = binding.spec.api_management.identity
    carried = service.user_assigned.get(identity.id.lower()) if isinstance(identity, UserAssigned) else None
    if carried and ids and carried.client_id and carried.client_id.lower() != ids.client_id.lower():
        raise Unmet(
            "IdentityReplaced",
            f"{carried.id} was deleted and made anew; the service still names the former one (client "
            f"{carried.client_id}) and gets no token: detach it from the service, funcgate attaches the new one",
            stalled=True,
        )


def _are_its(binding: Binding, service: Service, ids: ManagedIdentity | None) -> bool:
    """Whether these ids are those of the identity that the service shows, not of a system-assigned one before it."""
    named = isinstance(binding.spec.api_management.identity, UserAssigned)
    return named or ids is None or (service.principal_id or ids.principal_id) == ids.principal_id


def _wanted(binding: Binding) -> str:
    identity = binding.spec.api_management.identity
    return identity.id.lower() if isinstance(identity, UserAssigned) else identity.type


def _assigned(binding: Binding, service: Service) -> bool:
    identity = binding.spec.api_management.identity
    if isinstance(identity, UserAssigned):
        return identity.id.lower() in service.user_assigned
    return service.has_system_identity
