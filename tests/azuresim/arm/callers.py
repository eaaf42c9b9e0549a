"""Who calls ARM, by the bearer token of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azuresim.arm.routes import ArmError
from azuresim.entra.tokens import ARM_AUDIENCES, Caller, Claims, InvalidToken
from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

MOST_KNOWN = 10_000


class Callers:
    """Entra remembers which signatures it has checked, so asking it each time costs little."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Caller] = {}

    def of(self, call: HttpCall) -> Caller:
        """The caller; ArmError 401 when there is no token, or none that ARM takes."""
        scheme, _, token = call.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            text = "Authentication failed. The 'Authorization' header is missing."
            raise ArmError(401, "AuthenticationFailed", text, headers=self._challenge())
        try:
            return self._caller(token, self._world.entra.verify(token, audiences=ARM_AUDIENCES))
        except InvalidToken as refused:
            specific = self._world.switches.arm_specific_token_codes
            code = refused.arm_code if specific else "InvalidAuthenticationToken"
            raise ArmError(401, code, str(refused), headers=self._challenge()) from refused

    def _caller(self, token: str, claims: Claims) -> Caller:
        """The same object as last time while Entra reads the same out of the token."""
        known = self._known.get(token)
        if known is None or known.claims is not claims:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[token] = Caller.of(claims)
        return known

    def _challenge(self) -> dict[str, str]:
        authority = f"https://login.microsoftonline.com/{self._world.entra.tenant_id}"
        return {
            "WWW-Authenticate": f'Bearer authorization_uri="{authority}", error="invalid_token", '
            "error_description=\"The authentication failed because of missing 'Authorization' header.\""
        }
