"""
The function app's front door, `authsettingsV2`: authentication required, 401, our audience and issuer, nobody but us.

The document is shared and knows no ETag: our slice is laid over what is there, everything else stays as it was. It
never becomes more open by our hand, and stays closed when the binding goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from funcgate.azure import ApimClient, Endpoints, FunctionAppClient
from funcgate.azure.auth_settings import AuthSettings, Json, Surroundings, lay, read, settings_file
from funcgate.conditions import WAITING
from funcgate.errors import Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Phase, Plan
from funcgate.names import backend_name
from funcgate.spec import Binding, KeepCaller

KEY = "config/authsettingsV2"
ACTION = "Return401"


class EasyAuth(Aspect[AuthSettings]):
    """The door asks for a token of our registration and opens for the identity and those allowed beside it."""

    name = "easy_auth"
    condition = "EasyAuthReady"
    phase = Phase.CLOSE
    needs = ("client_id", "token_version", "tenant_id", "identity_client_id", "principal_id")
    minds = ("sends_token", "marked", "host_name", "webhooks", "published")
    also_in = (Phase.ADD,)
    outlives = True

    def __init__(self, function_apps: FunctionAppClient, apim: ApimClient, endpoints: Endpoints) -> None:
        self.function_apps = function_apps
        self.apim = apim
        self.endpoints = endpoints

    def home(self, binding: Binding) -> str:
        """The site."""
        return binding.spec.function_app.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[AuthSettings]]:
        """The door as it stands. Raises Unmet when a file in the app decides instead."""
        document = await self.function_apps.get_auth(self.home(binding))
        if path := settings_file(document):
            raise Unmet(
                "FileBasedAuth",
                f"the app takes its authentication settings from the file {path}, which wins over what Azure shows; "
                "remove platform.configFilePath",
                stalled=True,
            )
        state = read(document)
        if not state.closed and not binding.spec.adopt:
            state = replace(state, around=replace(state.around, other_backends=await self._other_backends(binding)))
        return {KEY: Observed(state=state)}

    async def _other_backends(self, binding: Binding) -> tuple[tuple[str, str], ...]:
        backends = await self.apim.list_backends(binding.spec.api_management.id)
        return tuple((each.name, each.url) for each in backends)

    def learn(self, binding: Binding, observed: Mapping[str, Observed[AuthSettings]]) -> Mapping[str, Any]:
        """Nothing that others need."""
        return {}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, AuthSettings]:
        """The closed door. Raises Unmet when an older binding of the same app wants another registration."""
        unlike = (each for each in binding.neighbours if each.client_id not in (None, facts.client_id))
        rival = next((each for each in unlike if each.older), None)
        if rival:
            raise Unmet(
                "Conflict",
                f"binding {rival.name} came first and puts registration {rival.client_id} before the same function app",
                stalled=True,
            )
        return {KEY: self._wish(binding, facts)}

    def _wish(self, binding: Binding, facts: Facts) -> AuthSettings:
        return AuthSettings(
            enabled=True,
            require_authentication=True,
            unauthenticated_client_action=ACTION,
            provider_enabled=True,
            client_id=facts.client_id,
            issuer=self._issuer(facts),
            accepts_our_audience=True,
            allowed_applications=self._allowed(binding, facts),
            audiences=frozenset({str(facts.client_id)}),
        )

    def _allowed(self, binding: Binding, facts: Facts) -> frozenset[str]:
        neighbours = (each.allowed for each in binding.neighbours if each.client_id in (None, facts.client_id))
        ours = {facts.identity_client_id} if facts.identity_client_id else frozenset()
        return frozenset(binding.spec.entra.allow.client_ids).union(ours, *neighbours)

    def _issuer(self, facts: Facts) -> str:
        issuer = self.endpoints.issuer_v1 if facts.token_version == 1 else self.endpoints.issuer_v2
        return issuer.format(tenant=facts.tenant_id)

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[AuthSettings]) -> Unmet | None:
        """A first write that would cut somebody off waits for `adopt`, one that cuts the gateway off for its token."""
        if not (binding.corrects("policy") or facts.sends_token or facts.published is False) and _closes(plan):
            return Unmet(
                "DoorOpen",
                "the function app lets callers in without a token; closing it waits until the gateway sends one, which "
                "spec.drift leaves to others: correct the policy, or set its mode to Correct",
                stalled=True,
            )
        if binding.spec.adopt or facts.marked:
            return None
        changes = [(each.before, each.after) for each in plan.changes if each.before and each.after]
        if changes and None in (facts.marked, facts.host_name, facts.webhooks):
            return Unmet(WAITING, "waits until it is known whom closing the door would cut off", status="Unknown")
        victims = [victim for before, after in changes for victim in _cut_off(binding, facts, before, after)]
        if not victims:
            return None
        return Unmet(
            "WouldCutOff",
            f"closing the door would cut off {', '.join(victims)}; set spec.adopt: true once they may lose access, or "
            "name applications in spec.entra.allow.clientIds",
            stalled=True,
        )

    def stages(self, change: Change[AuthSettings], facts: Facts) -> Sequence[tuple[Phase, Change[AuthSettings]]]:
        """
        A closed door first admits the identity beside those that it admits already, and drops them after the switch.

        An open door closes after the switch, so that callers through the gateway see no gap; at once when the gateway
        sends a token already, or when nobody can call the API yet.
        """
        before, after = change.before, change.after
        if before is None or after is None or not before.closed:
            at_once = facts.sends_token or facts.published is False
            return ((Phase.ADD if at_once else Phase.CLOSE, change),)
        admits = _admitting(before, after, str(facts.identity_client_id))
        steps = [(Phase.ADD, replace(change, after=admits)), (Phase.CLOSE, replace(change, before=admits))]
        return [(phase, step) for phase, step in steps if _differ(step.before, step.after)]

    async def apply(self, binding: Binding, change: Change[AuthSettings]) -> None:
        """Our slice is in the document, laid over what stands there at that moment."""
        before, after = change.before, change.after
        assert before, "this document is always there"
        assert after, "this document outlives the binding"

        def over(document: Json) -> Json:
            return lay(document, _as_it_stands(document, before, after))

        await self.function_apps.put_auth(self.home(binding), over)

    def hole(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[AuthSettings]]) -> Unmet | None:
        """A door that is open, or open for more than may come in."""
        state = observed[KEY].state
        wanted = self._allowed(binding, facts)
        strangers = sorted(state.allowed_applications - wanted)
        if not state.closed:
            return Unmet("DoorOpen", "the function app lets callers in without a token", stalled=True)
        if not state.allowed_applications or strangers:
            who = f"{', '.join(strangers)} too" if strangers else "every application of the tenant"
            return Unmet(
                "OthersAllowed",
                f"the function app lets in {who}; take them out of allowedApplications, or name them in "
                "spec.entra.allow.clientIds",
                stalled=True,
            )
        return next(_open_doors(state.around), None)

    def meanwhile(self, observed: Mapping[str, Observed[AuthSettings]], unmet: Unmet) -> Unmet:
        """An open door that has to wait is said to be open, not just to wait."""
        if observed[KEY].state.closed or unmet.reason != WAITING:
            return unmet
        return Unmet("DoorOpen", f"the function app lets callers in without a token; closing it {unmet.message}")

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[AuthSettings]]) -> Unmet | None:
        """Settings of others that leave a hole, or keep our caller out."""
        return next(_holes(observed[KEY].state.around, facts), None)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Who may come in."""
        only = (
            f"Only tokens for {facts.client_id} from the allowed applications come in; everything else gets 401 or 403."
        )
        if isinstance(binding.spec.policy.caller_authorization, KeepCaller):
            return f"{only} Callers bring tokens of their own, so those in entra.allow can call past the gateway too."
        return only


def _differ(before: AuthSettings | None, after: AuthSettings | None) -> bool:
    return before != after or bool(before and after and after.audiences - before.audiences)


def _as_it_stands(document: Json, before: AuthSettings, after: AuthSettings) -> AuthSettings:
    """The wish, with whoever else came in or went out at the door since `before` was read."""
    listed = read(document).allowed_applications
    joined, left = after.allowed_applications - before.allowed_applications, before.allowed_applications
    return replace(after, allowed_applications=(listed | joined) - (left - after.allowed_applications))


def _admitting(before: AuthSettings, after: AuthSettings, newcomer: str) -> AuthSettings:
    """
    The door as it is, open for the newcomer too.

    Without a list everybody with a token for the registration comes in already: one name in it would shut others out,
    and so may a first audience beside no list (pnp/Microsoft365-Analytics-Insights: 403 for every valid token).
    """
    listed = before.allowed_applications
    if not listed and before.client_id == after.client_id:
        return before
    allowed = listed | {newcomer} if listed else listed
    audiences = before.audiences | after.audiences
    accepts = before.client_id in audiences
    return replace(before, allowed_applications=allowed, audiences=audiences, accepts_our_audience=accepts)


def _cut_off(binding: Binding, facts: Facts, before: AuthSettings, after: AuthSettings) -> Iterator[str]:
    """Who calls today, as far as Azure tells, and could not after this change."""
    for each in sorted(before.allowed_applications - after.allowed_applications):
        yield f"application {each}"
    if before.closed:
        if before.unauthenticated_client_action == "RedirectToLoginPage":
            yield "people who sign in"
        return
    ours = backend_name(binding)
    for name, url in before.around.other_backends:
        if _host(url) == facts.host_name and name.lower() != ours.lower():
            yield f"backend {name}"
    for name in facts.webhooks or ():
        yield f"function {name}, which a webhook calls"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # somebody's backend with an address that is none
        return None


def _closes(plan: Plan[AuthSettings]) -> bool:
    return any(each.before and not each.before.closed for each in plan.changes)


def _open_doors(around: Surroundings) -> Iterator[Unmet]:
    """Settings of others through which somebody comes in whom nobody asked for."""
    if around.excluded_paths:
        yield Unmet(
            "ExcludedPaths",
            f"Easy Auth lets anybody through to {', '.join(around.excluded_paths)}; remove them from "
            "globalValidation.excludedPaths",
            stalled=True,
        )
    if around.other_providers:
        yield Unmet(
            "OtherProviderEnabled",
            f"Easy Auth accepts sign-ins of {', '.join(around.other_providers)} too; disable those identity providers",
            stalled=True,
        )


def _holes(around: Surroundings, facts: Facts) -> Iterator[Unmet]:
    """Those, and settings that keep our caller out."""
    yield from _open_doors(around)
    if around.allowed_principals and facts.principal_id not in around.allowed_principals:
        yield Unmet(
            "PrincipalNotAllowed",
            f"allowedPrincipals names principals and not API Management's ({facts.principal_id}), so its calls get "
            "403; add it, or empty the list",
            stalled=True,
        )
    if around.allowed_clients and facts.identity_client_id not in around.allowed_clients:
        yield Unmet(
            "ClientNotAllowed",
            "jwtClaimChecks.allowedClientApplications names applications and not API Management's identity "
            f"({facts.identity_client_id}), so its calls may get 403; add it, or empty the list",
            stalled=True,
        )
