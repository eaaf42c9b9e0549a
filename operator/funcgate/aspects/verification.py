"""Proof: calls were made. Past the gateway nobody gets in; through it comes the call that the author names."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import uuid4

from funcgate import traces
from funcgate.answers import GATEWAY_FAILED, from_in_front, inside, is_the_doors, may_be_the_doors, why
from funcgate.azure import ApimClient, FunctionAppClient, Heard, ProbeClient
from funcgate.clock import utc_now
from funcgate.errors import AzureError, TryAgain, Unmet
from funcgate.model import Check, Checked, Facts
from funcgate.names import api_name
from funcgate.secrets import Secret
from funcgate.spec import Binding

DEBUG = "Apim-Debug-Authorization"
TRACE_ID = "apim-trace-id"
FETCHES = "authentication-managed-identity"
SUBSCRIPTION_KEY = "Ocp-Apim-Subscription-Key"
FUNCTIONS_KEY = "x-functions-key"


class Verification(Check):
    """The door turned a caller away, and the gateway let one through."""

    condition = "Verified"

    def __init__(
        self,
        probe: ProbeClient,
        function_apps: FunctionAppClient,
        apim: ApimClient,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.probe = probe
        self.apim = apim
        self.function_apps = function_apps
        self.now = now

    async def look(self, binding: Binding, facts: Facts) -> Checked:
        """
        A GET without anything to a path that is no function's; with an operation named, that call past the gateway with
        the key alone, and through the gateway.
        """
        if not binding.spec.verify.direct and not binding.spec.verify.operation:
            return Checked(message="No call was asked for (spec.verify).")
        calls = [self._past(binding, facts)] if binding.spec.verify.direct else []
        if binding.spec.verify.operation:
            calls += [self._with_the_key(binding, facts), self._through(binding, facts)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        if failures := [each for each in found if isinstance(each, BaseException)]:
            raise min(failures, key=_doubt)
        message = " ".join(map(str, found))
        return Checked(message=message, facts={"last_verified": f"{self.now():%Y-%m-%dT%H:%M:%SZ}"})

    async def _past(self, binding: Binding, facts: Facts) -> str:
        path = nobodys_path(str(facts.route_prefix or ""), facts.routes or ())
        if path is None:
            raise _unseen("every path of the app may be a function's, so none can be called without running one")
        status = self._refused(await self._ask(f"https://{facts.host_name}{path}", "direct"), "a call without anything")
        return f"A call past the gateway was refused with {status}."

    async def _with_the_key(self, binding: Binding, facts: Facts) -> str:
        """The second lock alone opens nothing."""
        if not binding.spec.function_app.has_key:
            return "No key is sent."
        keys = await self.function_apps.host_keys(binding.spec.function_app.id)
        key = keys.get(facts.held_key or "")
        headers = {FUNCTIONS_KEY: key.reveal()} if key else {}
        prefix = f"/{facts.route_prefix}" if facts.route_prefix else ""
        url = f"https://{facts.host_name}{prefix}{_path(binding)}"
        heard = await self._ask(url, "direct", headers)
        status = self._refused(heard, "a call with the key and no token")
        # The function may refuse in the same way. Where nobody's path is refused too, the door is closed.
        if not (binding.spec.verify.direct or is_the_doors(heard)):
            raise _unseen(
                f"with the key alone the call was refused with {status}, by the door or by what stands behind it; with "
                "spec.verify.direct the two can be told apart"
            )
        return f"With the key alone it was refused with {status}."

    async def _through(self, binding: Binding, facts: Facts) -> str:
        verify = binding.spec.verify
        headers = {}
        if verify.subscription_key_secret_ref:
            key: Secret = await binding.cluster.secret(verify.subscription_key_secret_ref)
            headers[SUBSCRIPTION_KEY] = key.reveal()
        heard = await self._ask(f"{facts.gateway_url}/{facts.api_path}{_path(binding)}", "gateway", headers)
        if heard.status not in verify.expected:
            unmet = why(heard, verify.expected)
            traced = await self._traced(binding, facts, headers) if verify.trace == "OnFailure" else ""
            if unmet.reason == GATEWAY_FAILED:
                found = inside(traced) or inside(await self._looked_at(binding, facts))
                unmet = Unmet(found.reason, f"answered with {heard.status}: {found.advice}") if found else unmet
            text = f"{verify.operation} through the gateway {unmet.message}{traced}"
            raise Unmet(unmet.reason, text, stalled=unmet.stalled)
        return f"{verify.operation} through the gateway was answered with {heard.status}."

    async def _traced(self, binding: Binding, facts: Facts, headers: Mapping[str, str]) -> str:
        """What the gateway's own trace of the same call says of it, as the end of a sentence."""
        service, api = binding.spec.api_management.id, api_name(binding)
        try:
            token = await self.apim.debug_token(service, api)
            url = f"{facts.gateway_url}/{facts.api_path}{_path(binding)}"
            heard = await self.probe.get(url, "gateway", {**headers, DEBUG: token.reveal()})
            trace = await self.apim.get_trace(service, heard.headers.get(TRACE_ID, ""))
        except AzureError as unheard:
            return f"; no trace could be had: {unheard}"
        told = traces.decisive(trace, [token.reveal(), *headers.values()]) if trace else None
        return f"; the gateway's trace says {told}" if told else "; the gateway's trace names no statement that failed"

    async def _looked_at(self, binding: Binding, facts: Facts) -> str:
        """What can be seen from here of why the gateway does not reach the app; empty when nothing can."""
        principal = getattr(facts.registered, "principal", None)
        if principal and principal.assignment_required and not binding.spec.entra.require_assignment:
            return FETCHES  # where the manifest requires it, the identity is known to be assigned
        path = nobodys_path(str(facts.route_prefix or ""), facts.routes or ())
        try:
            await self.probe.get(f"https://{facts.host_name}{path}", "direct") if path else None
        except TryAgain as unheard:
            return unheard.reason
        return ""

    async def _ask(self, url: str, kind: str, headers: Mapping[str, str] | None = None) -> Heard:
        try:
            return await self.probe.get(url, kind, headers)
        except TryAgain as unheard:
            raise _unseen(str(unheard)) from unheard

    def _refused(self, heard: Heard, what: str) -> int:
        """The door's refusal. Raises Unmet when it let the call in, or when something before it answered."""
        if from_in_front(heard):
            raise _unseen(f"the platform in front of the door answered {what} with {heard.status}")
        if may_be_the_doors(heard):
            return heard.status
        raise Unmet(
            "DoorStillOpen",
            f"{what} past the gateway got as far as the functions host, which answered {heard.status}, although the "
            "settings say that the door is closed; if it stays, restart the app",
        )


def _doubt(failure: BaseException) -> int:
    """Mistakes of ours come first, then what is not so, then what could not be seen."""
    if isinstance(failure, Unmet):
        return 1 + (failure.status == "Unknown")
    return 2 if isinstance(failure, AzureError) else 0


def _path(binding: Binding) -> str:
    return str(binding.spec.verify.operation).partition(" ")[2]


def nobodys_path(prefix: str, templates: tuple[str, ...]) -> str | None:
    """
    A path that no function's route matches; None where one takes every path.

    Routes stand below the prefix, so another first segment is nobody's. Without a prefix it must be as deep as no route
    is, and no route may take the rest of a path.
    """
    if prefix:
        return f"/{uuid4().hex}"
    if any(template.endswith("/*") or "{*" in template for template in templates):
        return None
    depth = max((template.count("/") for template in templates), default=0) + 1
    return "".join(f"/{uuid4().hex}" for _ in range(depth))


def _unseen(why_not: str) -> Unmet:
    """Nothing is proven either way, which keeps nothing from being Ready."""
    return Unmet("NotSeenFromHere", why_not, status="Unknown", blocking=False)
