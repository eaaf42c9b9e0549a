"""The sign-in seen: what Entra's log says of the identity's last try to get a token for the registration."""

from typing import Any

from funcgate.azure import LogsClient
from funcgate.errors import NotFound, Unmet
from funcgate.model import Check, Checked, Facts
from funcgate.spec import Binding

UNKNOWN: dict[str, Any] = {"status": "Unknown", "blocking": False}

PLAIN = {
    "500011": "the tenant has no application of that name: the registration, or its service principal, is gone",
    "501051": "the identity is not assigned to the registration, which requires it",
    "50105": "the identity is not assigned to the registration, which requires it",
    "7000112": "the registration is disabled",
    "700016": "the tenant has no such identity any more",
    "53003": "a Conditional Access policy for workload identities refuses it",
    "530036": "a Conditional Access policy for workload identities refuses it",
}
"""What Entra's numbers mean here. Source: learn.microsoft.com/entra/identity-platform/reference-error-codes."""


class SignInSeen(Check):
    """Entra's log shows that the identity got a token for the registration."""

    condition = "SignInSeen"

    def __init__(self, logs: LogsClient) -> None:
        self.logs = logs

    def asked(self, binding: Binding) -> bool:
        """Where a workspace is named."""
        return binding.spec.sign_ins.workspace_id is not None

    async def look(self, binding: Binding, facts: Facts) -> Checked:
        """
        The newest sign-in of the last two days.

        A token is cached for a day, so silence proves nothing: it is Unknown, and keeps nothing from being Ready. So
        does a refusal, since the token from before may still be good; what callers get, Verified tells.
        """
        workspace = binding.spec.sign_ins.workspace_id
        if workspace is None:
            raise Unmet("NotAskedFor", "spec.signIns names no workspace", **UNKNOWN)
        principal = getattr(facts.registered, "principal", None)
        if principal is None or facts.principal_id is None:
            raise Unmet(
                "SignInNotVisible",
                "without reading the directory it is not known which sign-ins to look for",
                **UNKNOWN,
            )
        try:
            found = await self.logs.newest_sign_in(workspace, facts.principal_id, principal.object_id)
        except NotFound as missing:
            raise Unmet(missing.reason, str(missing), **UNKNOWN) from missing
        if found is None:
            raise Unmet(
                "NoSignInSeen",
                "no sign-in within two days: the gateway asks for a token once a day, when it is called, and its "
                "sign-in takes up to an hour to show",
                **UNKNOWN,
            )
        if found.refused:
            why = PLAIN.get(found.refused, "look the number up at https://login.microsoftonline.com/error")
            raise Unmet(
                "SignInRefused", f"at {found.at} Entra refused with AADSTS{found.refused}: {why}", blocking=False
            )
        return Checked(message="The identity got a token for the registration.", facts={"last_sign_in": found.at})
