"""The app registration behind Easy Auth, and its service principal. Looks only."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from funcgate.azure import GraphClient
from funcgate.errors import AccessDenied, Unmet
from funcgate.model import Aspect, Facts, Observed
from funcgate.spec import Binding

KEY = "application"
PERMISSION_MISSING = "GraphPermissionMissing"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What Graph shows of the application; `readable` is false when the operator may not look."""

    readable: bool
    found: bool = False
    token_version: int | None = None
    service_principal: bool = False
    enabled: bool = True


class AppRegistration(Aspect[Registration]):
    """The registration exists, has a service principal, and issues tokens of a known version."""

    name = "app_registration"
    condition = "AppRegistrationReady"
    gives = ("client_id", "token_version")

    def __init__(self, graph: GraphClient) -> None:
        self.graph = graph

    def home(self, binding: Binding) -> str:
        """The function app, whose door it is; the registration itself lives outside ARM."""
        return binding.spec.function_app.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[Registration]]:
        """The application and its service principal, or that Graph can't be read."""
        client_id = binding.spec.entra.registration.client_id
        try:
            application, principal = await asyncio.gather(
                self.graph.get_application(client_id), self.graph.get_service_principal(client_id)
            )
        except AccessDenied as denied:
            if denied.reason != PERMISSION_MISSING:
                raise
            return {KEY: Observed(state=Registration(readable=False))}
        state = Registration(
            readable=True,
            found=application is not None,
            token_version=application.token_version if application else None,
            service_principal=principal is not None,
            enabled=principal is None or principal.enabled,
        )
        return {KEY: Observed(state=state)}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[Registration]]) -> Mapping[str, Any]:
        """The client id that the spec names, and the token version: looked up, else as the spec states it."""
        state, stated = observed[KEY].state, binding.spec.entra.token_version
        if state.readable and not (state.found and state.service_principal):
            return {}
        return {
            "client_id": binding.spec.entra.registration.client_id,
            "token_version": state.token_version or stated,
        }

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[Registration]]) -> Unmet | None:
        """Whether a token for this registration can be had, and which form it has."""
        state, entra = observed[KEY].state, binding.spec.entra
        client_id = entra.registration.client_id
        if not state.readable:
            return _unreadable(stated=entra.token_version is not None)
        if not state.found:
            return Unmet(
                "RegistrationNotFound",
                f"no application has the client id {client_id} (spec.entra.registration.clientId) in this tenant",
                stalled=True,
            )
        if not state.service_principal:
            return Unmet(
                "ServicePrincipalMissing",
                f"application {client_id} has no service principal, so nobody gets a token for it; create one with "
                f"az ad sp create --id {client_id}",
                stalled=True,
            )
        if not state.enabled:
            return Unmet(
                "ServicePrincipalDisabled",
                f"nobody gets a token for application {client_id}: its service principal is disabled; enable it in "
                "Entra under Enterprise applications, Properties",
                stalled=True,
            )
        if entra.token_version not in (None, state.token_version):
            return Unmet(
                "TokenVersionMismatch",
                f"spec.entra.tokenVersion says {entra.token_version}, the registration issues version "
                f"{state.token_version}; leave the field out or correct it",
                stalled=True,
            )
        return None

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Whose tokens the function app accepts."""
        return f"Application {facts.client_id} issues version {facts.token_version} tokens."


def _unreadable(*, stated: bool) -> Unmet:
    return Unmet(
        "GraphNotReadable",
        "the operator may not read applications in Microsoft Graph; grant it Application.Read.All, or state "
        "spec.entra.tokenVersion to go on without looking",
        status="Unknown",
        blocking=not stated,
        stalled=not stated,
    )
