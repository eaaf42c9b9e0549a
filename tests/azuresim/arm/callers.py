"""Who calls ARM, by the bearer token of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azuresim.arm.routes import ArmError
from azuresim.entra.tokens import ARM_AUDIENCES, Caller, InvalidToken
from azuresim.wire import AUTHORIZATION, HttpCall

if TYPE_CHECKING:
    from azuresim.world import World


def caller_of(call: HttpCall, world: World) -> Caller:
    """The caller; ArmError 401 when there is no token, or none that ARM takes."""
    try:
        found = world.entra.caller(call.headers.get(AUTHORIZATION, ""), ARM_AUDIENCES)
    except InvalidToken as refused:
        specific = world.switches.arm_specific_token_codes
        code = refused.arm_code if specific else "InvalidAuthenticationToken"
        raise ArmError(401, code, str(refused), headers=challenge(world)) from refused
    if found is None:
        text = "Authentication failed. The 'Authorization' header is missing."
        raise ArmError(401, "AuthenticationFailed", text, headers=challenge(world))
    return found


def challenge(world: World) -> dict[str, str]:
    authority = f"https://login.microsoftonline.com/{world.entra.tenant_id}"
    return {
        "WWW-Authenticate": f'Bearer authorization_uri="{authority}", error="invalid_token", '
        "error_description=\"The authentication failed because of missing 'Authorization' header.\""
    }
