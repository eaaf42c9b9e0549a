"""
An app registration as funcgate keeps it: a machine's door, with no way in for people. Pure.

What is looked at, what is wished for, and what is said of one that does not serve.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from funcgate.azure import Application, Redirect, ServicePrincipal, WaysIn
from funcgate.errors import Unmet
from funcgate.model import Facts
from funcgate.names import app_name
from funcgate.spec import Binding, ExistingRegistration

MADE_VERSION = 2
CALLER_ROLE = "c5b1a8a4-6f5e-5c1d-9d3c-0d1f6e0b7a52"  # the app role that callers are assigned to, in every registration
QUOTED = 5
"""As many of others' redirect URIs a message names."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """An application as far as it is ours to keep: the ways in that people have, and the form of its tokens."""

    redirects: frozenset[Redirect] = frozenset()
    implicit_tokens: frozenset[str] = frozenset()
    public_client: bool = False
    token_version: int | None = None
    caller_role: bool = False
    application: Application | None = field(default=None, compare=False)
    principal: ServicePrincipal | None = field(default=None, compare=False)
    client_id: str = field(default="", compare=False)
    readable: bool = field(default=True, compare=False)
    made: bool = field(default=False, compare=False)  # by funcgate, for this app

    @property
    def ways_in(self) -> WaysIn:
        """How people sign in."""
        return WaysIn(redirects=self.redirects, implicit_tokens=self.implicit_tokens, public_client=self.public_client)


@dataclass(frozen=True, kw_only=True)
class Presence:
    """The application's service principal."""

    assignment_required: bool
    client_id: str = field(default="", compare=False)  # of the application; empty for one that is yet to be made


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """That API Management's identity is assigned to the application."""

    to: str
    client_id: str = field(default="", compare=False)  # of the application; empty for one that is yet to be made


State = Registration | Presence | Assignment

ROLE = {
    "id": CALLER_ROLE,
    "allowedMemberTypes": ["Application"],
    "displayName": "Call the functions",
    "description": "Calls the functions of this app as an application.",
    "value": "Functions.Call",
    "isEnabled": True,
}


def read(application: Application | None) -> Registration:
    """The registration in what Graph shows."""
    if application is None:
        return Registration()
    ways = application.ways_in
    return Registration(
        redirects=ways.redirects,
        implicit_tokens=ways.implicit_tokens,
        public_client=ways.public_client,
        token_version=application.token_version,
        caller_role=CALLER_ROLE in application.roles,
        application=application,
    )


def hardened(seen: Registration, binding: Binding, host_names: Iterable[str]) -> Registration:
    """
    Without the ways in that must go.

    `Own`: this app's own callback; what is left without any redirect URI needs no other way in either.
    """
    harden = "All" if seen.made else binding.spec.entra.harden
    if harden == "Nothing":
        return seen
    hosts = {each.lower() for each in host_names}
    kept = frozenset() if harden == "All" else frozenset(each for each in seen.redirects if _host(each) not in hosts)
    if kept:
        return replace(seen, redirects=kept)
    return replace(seen, redirects=kept, implicit_tokens=frozenset(), public_client=False)


def _host(redirect: Redirect) -> str | None:
    try:
        return urlsplit(redirect.uri).hostname
    except ValueError:  # somebody's URI with an address that is none
        return None


def less(before: WaysIn, after: WaysIn) -> WaysIn:
    """The ways in that are gone after it."""
    return WaysIn(
        redirects=before.redirects - after.redirects,
        implicit_tokens=before.implicit_tokens - after.implicit_tokens,
        public_client=before.public_client and not after.public_client,
    )


def new(binding: Binding, wish: Registration) -> dict[str, Any]:
    """A registration that nobody signs in to, as it is made."""
    return {
        "displayName": f"{app_name(binding)} (funcgate)",
        "signInAudience": "AzureADMyOrg",
        "api": {"requestedAccessTokenVersion": MADE_VERSION},
        "notes": f"Made by funcgate for the door of {binding.spec.function_app.id}",
        "appRoles": [ROLE] if wish.caller_role else [],
    }


def unreadable(*, stated: bool) -> Unmet:
    """The directory is not to be read; with a stated token version that is no obstacle."""
    return Unmet(
        "GraphNotReadable",
        "the operator may not read applications in Microsoft Graph; grant it Application.Read.All, or state "
        "spec.entra.tokenVersion to go on without looking",
        status="Unknown",
        blocking=not stated,
        stalled=not stated,
    )


def unusable(binding: Binding, seen: Registration) -> Unmet | None:
    """Why nobody gets a token for it, or one of another form than stated."""
    stated, client_id = binding.spec.entra.token_version, seen.client_id
    if seen.application is None:
        return Unmet("RegistrationNotFound", _not_found(binding, client_id), stalled=True)
    if seen.principal is None:
        return Unmet(
            "ServicePrincipalMissing",
            f"application {client_id} has no service principal, so nobody gets a token for it; create one with "
            f"az ad sp create --id {client_id}",
            stalled=True,
        )
    if not seen.principal.enabled:
        return Unmet(
            "ServicePrincipalDisabled",
            f"nobody gets a token for application {client_id}: its service principal is disabled; enable it in "
            "Entra under Enterprise applications, Properties",
            stalled=True,
        )
    if stated not in (None, seen.token_version):
        return Unmet(
            "TokenVersionMismatch",
            f"spec.entra.tokenVersion says {stated}, the registration issues version {seen.token_version}; leave the "
            "field out or correct it",
            stalled=True,
        )
    return None


def _not_found(binding: Binding, client_id: str) -> str:
    if isinstance(binding.spec.entra.registration, ExistingRegistration):
        return f"no application has the client id {client_id} (spec.entra.registration.clientId) in this tenant"
    return (
        f"application {client_id}, which this binding used so far, is gone from this tenant; restore it under App "
        "registrations, Deleted applications, or set spec.entra.registration: {type: Managed} to have one made"
    )


def shared(binding: Binding, facts: Facts) -> Unmet | None:
    """Others' redirect URIs are theirs to take away: said, and no reason not to be Ready."""
    seen: Registration = facts.registered
    if not seen.redirects or binding.spec.entra.harden != "Own" or facts.host_names is None:
        return None
    quoted = sorted(map(str, seen.redirects))
    more = [f"{len(quoted) - QUOTED} more"] if len(quoted) > QUOTED else []
    return Unmet(
        "RegistrationShared",
        f"people sign in to application {seen.client_id} at other places too ({', '.join([*quoted[:QUOTED], *more])}), "
        "which are left alone; give the function app a registration of its own, or set spec.entra.harden: All once "
        "they may lose it",
        blocking=False,
    )
