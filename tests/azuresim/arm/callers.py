"""Who calls ARM: the bearer token of a call, checked once and remembered until it expires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azuresim.arm.routes import ArmError
from azuresim.entra.tokens import ARM_AUDIENCES, Caller, InvalidToken
from azuresim.wire import HttpCall

if TYPE_CHECKING:
    from azuresim.world import World

MOST_REMEMBERED = 10_000


class Callers:
    """Checking a signature costs more than everything else in a call, and the same token comes thousands of times."""

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
        known = self._known.get(token)
        if known is not None and self._world.clock.timestamp() < known.claims["exp"]:
            return known
        return self._checked(token)

    def _checked(self, token: str) -> Caller:
        self._known.pop(token, None)
        try:
            caller = Caller.of(self._world.entra.verify(token, audiences=ARM_AUDIENCES))
        except InvalidToken as refused:
            specific = self._world.switches.arm_specific_token_codes
            code = refused.arm_code if specific else "InvalidAuthenticationToken"
            raise ArmError(401, code, str(refused), headers=self._challenge()) from refused
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = caller
        return caller

    def _challenge(self) -> dict[str, str]:
        authority = f"https://login.microsoftonline.com/{self._world.entra.tenant_id}"
        return {
            "WWW-Authenticate": f'Bearer authorization_uri="{authority}", error="invalid_token", '
            "error_description=\"The authentication failed because of missing 'Authorization' header.\""
        }
