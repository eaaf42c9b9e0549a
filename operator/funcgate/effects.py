"""
What a difference between manifest and Azure does to a call, by the field that differs: the cause, before it is mended.

A look that writes nothing finds an issuer, an audience or a list that is not as it must be; the person who asks why
calls fail wants to hear that, not the name of a field. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from funcgate.engine import Pass, Write
from funcgate.model import Action, Drift


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What calls meet as long as it is so."""

    cause: str
    says: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.says}"


OPEN = Effect(cause="DoorOpen", says="the function app lets callers in without a token")
AUDIENCE = Effect(
    cause="AudienceNotAccepted",
    says="calls get 401: the gateway's token is for another audience than the function app accepts",
)
KEY = Effect(cause="KeyNotValid", says="calls get 401: the functions host does not know the key that the gateway sends")
ELSEWHERE = Effect(cause="RoutedElsewhere", says="calls go to another address than the function app's")
NO_TOKEN = Effect(
    cause="NoTokenSent", says="calls get 401: no token, or not the gateway's own, reaches the function app"
)

EFFECTS: dict[tuple[str, str], Effect] = {
    ("IdentityReady", "assigned"): Effect(
        cause="NoIdentity", says="calls get 500: API Management does not have the identity, so it gets no token"
    ),
    ("HostKeyReady", "name"): KEY,
    ("NamedValueReady", "value"): KEY,
    ("BackendReady", "url"): ELSEWHERE,
    ("BackendReady", "key"): Effect(cause="KeyNotSent", says="calls get 401: the gateway sends no valid host key"),
    ("PolicyReady", "resource"): NO_TOKEN,
    ("PolicyReady", "problems"): Effect(
        cause="StatementsBroken",
        says="calls may reach the function app without the gateway's token: its statements are not all there, or not "
        "where they must run",
    ),
    ("PolicyReady", "identityClientId"): Effect(
        cause="TokenOfAnotherIdentity",
        says="calls get 403: the gateway takes its token with another identity than the one that may call",
    ),
    ("PolicyReady", "backendId"): ELSEWHERE,
    ("EasyAuthReady", "enabled"): OPEN,
    ("EasyAuthReady", "requireAuthentication"): OPEN,
    ("EasyAuthReady", "providerEnabled"): Effect(
        cause="NoTokenAccepted", says="calls get 401: the function app accepts no tokens of Microsoft Entra"
    ),
    ("EasyAuthReady", "clientId"): AUDIENCE,
    ("EasyAuthReady", "acceptsOurAudience"): AUDIENCE,
    ("EasyAuthReady", "issuer"): Effect(
        cause="IssuerNotAccepted",
        says="calls get 401: the function app asks for the issuer of another token version than the registration's",
    ),
    ("EasyAuthReady", "allowedApplications"): Effect(
        cause="CallerNotListed", says="calls get 403: API Management's identity is not among those who may call"
    ),
}
ANYBODY = Effect(
    cause="EverybodyListed", says="every application of the tenant may call: the function app names nobody who may"
)
ABSENT = {"PolicyReady": NO_TOKEN, "BackendReady": ELSEWHERE, "NamedValueReady": KEY}
"""Of what is not there at all."""


def effects(done: Pass) -> Iterator[Effect]:
    """What the differences that a dry run found are about, each once, in the order of the aspects."""
    seen: set[Effect] = set()
    for effect in (each for write in done.differences for each in _of(write)):
        if effect not in seen:
            seen.add(effect)
            yield effect


def _of(write: Write) -> Iterator[Effect]:
    if write.action is Action.CREATE and write.condition in ABSENT:
        yield ABSENT[write.condition]
        return
    for drift in write.drifts:
        if write.condition == "EasyAuthReady" and drift.field == "allowedApplications":
            yield from _of_the_list(drift)
        elif effect := EFFECTS.get((write.condition, drift.field)):
            yield effect


def _of_the_list(drift: Drift) -> Iterator[Effect]:
    """An empty list lets everybody in; one that only names more than it must shuts nobody of ours out."""
    seen, wanted = (set(text.strip("[]").split(", ")) - {""} for text in (drift.seen, drift.wanted))
    if not seen or drift.seen == "absent":
        yield ANYBODY
    elif wanted - seen:
        yield EFFECTS["EasyAuthReady", "allowedApplications"]
