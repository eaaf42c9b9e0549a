"""
The app registration behind Easy Auth and its service principal: found or made, a machine's door and nobody's sign-in.

Which one it is does not drift: what earlier passes used is used until the manifest says otherwise.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from funcgate import policy as documents
from funcgate.azure import ApimClient, Application, FunctionAppClient, GraphClient, ServicePrincipal
from funcgate.azure.auth_settings import named_registration
from funcgate.conditions import WAITING
from funcgate.errors import AccessDenied, NotFound, TryAgain, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Ownership, Phase, Plan, named
from funcgate.names import api_name, registration_name
from funcgate.registration import (
    CALLER_ROLE,
    MADE_VERSION,
    ROLE,
    Assignment,
    Presence,
    Registration,
    State,
    hardened,
    less,
    new,
    read,
    shared,
    unreadable,
    unusable,
)
from funcgate.spec import AutoRegistration, Binding, ExistingRegistration

APPLICATION = "application"
PRINCIPAL = "servicePrincipal"
ASSIGNMENT = "appRoleAssignment"
PERMISSION_MISSING = "GraphPermissionMissing"


class AppRegistration(Aspect[State]):
    """The registration exists, issues tokens of a known version, and lets no people sign in."""

    name = "app_registration"
    condition = "AppRegistrationReady"
    phase = Phase.ADD
    gives = ("registered", "client_id", "token_version")
    minds = ("host_names", "principal_id")
    also_in = (Phase.CLOSE,)
    stood_on = True

    def __init__(self, graph: GraphClient, function_apps: FunctionAppClient, apim: ApimClient) -> None:
        self.graph = graph
        self.function_apps = function_apps
        self.apim = apim

    def home(self, binding: Binding) -> str:
        """The function app, whose door it is; the registration itself lives outside ARM."""
        return binding.spec.function_app.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[State]]:
        """The application and its service principal, or that Graph can't be read; nothing where it is to be made."""
        if binding.deleting:
            return await self._left_behind(binding)
        client_id = await self._chosen(binding)
        if client_id is None:
            made = await self.graph.find_application(registration_name(binding))
            principal = await self.graph.get_service_principal(made.client_id) if made else None
            return await self._seen(binding, made.client_id, made, principal) if made else {}
        try:
            application, principal = await asyncio.gather(
                self.graph.get_application(client_id), self.graph.get_service_principal(client_id)
            )
        except AccessDenied as denied:
            if denied.reason != PERMISSION_MISSING:
                raise
            return {APPLICATION: Observed(state=Registration(client_id=client_id, readable=False))}
        return await self._seen(binding, client_id, application, principal)

    async def _chosen(self, binding: Binding) -> str | None:
        """The client id that the author names, that earlier passes used, or that Easy Auth names; None: one of ours."""
        registration = binding.spec.entra.registration
        if isinstance(registration, ExistingRegistration):
            return registration.client_id
        if not isinstance(registration, AutoRegistration):
            return None
        return binding.pinned or await self._found(binding)

    async def _found(self, binding: Binding) -> str | None:
        """What a binding without a past finds in Azure. Raises Unmet when it is not for this binding to use."""
        client_id = await self._sent_for(binding) or await self._behind_easy_auth(binding)
        if client_id and (unmet := await binding.cluster.may_use(client_id)):
            raise unmet
        return client_id

    async def _sent_for(self, binding: Binding) -> str | None:
        """What our own statement in a policy of the API asks a token for: the pin, where the status was lost."""
        service, api = binding.spec.api_management.id, api_name(binding)
        try:
            base = await self.apim.get_policy(service, api)
            if base and (found := _asked_for(binding, base.text)):
                return found
            inner = await self.apim.get_inner_policies(service, api)
        except NotFound:
            return None
        return next((found for _, seen in inner if (found := _asked_for(binding, seen.text))), None)

    async def _behind_easy_auth(self, binding: Binding) -> str | None:
        """The registration that Easy Auth names, unless there is none such."""
        client_id = named_registration(await self.function_apps.get_auth(self.home(binding)))
        if client_id is None:
            return None
        try:
            return client_id if await self.graph.get_application(client_id) else None
        except AccessDenied as denied:
            if denied.reason != PERMISSION_MISSING:
                raise
            return client_id  # it may well be there

    async def _seen(
        self, binding: Binding, client_id: str, application: Application | None, principal: ServicePrincipal | None
    ) -> Mapping[str, Observed[State]]:
        made = application is not None and application.unique_name == registration_name(binding)
        state = replace(read(application), principal=principal, client_id=client_id, made=made)
        found: dict[str, Observed[State]] = {APPLICATION: Observed(state=state)}
        if principal:
            found[PRINCIPAL] = Observed(state=Presence(assignment_required=principal.assignment_required))
            if binding.spec.entra.require_assignment:
                assigned = await self.graph.assigned_to(principal)
                found |= {f"{ASSIGNMENT}/{each}": Observed(state=Assignment(to=each)) for each in assigned}
        return found

    async def _left_behind(self, binding: Binding) -> Mapping[str, Observed[State]]:
        """What funcgate made for the app goes with the last binding that uses it; nothing else does."""
        if binding.neighbours:
            return {}
        try:
            application = await self.graph.find_application(registration_name(binding))
        except AccessDenied:
            if isinstance(binding.spec.entra.registration, ExistingRegistration):
                return {}  # who may not look made none
            raise
        if application is None or await binding.cluster.used_elsewhere(application.client_id):
            return {}
        state = replace(read(application), client_id=application.client_id, made=True)
        return {APPLICATION: Observed(state=state, ownership=Ownership.OURS)}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[State]]) -> Mapping[str, Any]:
        """The client id once tokens can be had for it, and their version: looked up, else as the spec states it."""
        seen = observed.get(APPLICATION)
        if seen is None or not isinstance(seen.state, Registration):
            return {"registered": Registration(made=True)}
        state = seen.state
        if state.readable and not (state.application and state.principal):
            return {"registered": state}
        version = MADE_VERSION if state.made else state.token_version or binding.spec.entra.token_version
        return {"registered": state, "client_id": state.client_id, "token_version": version}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, State]:
        """A registration without a way in for people, as far as that is asked for; one of our own where none is."""
        seen: Registration = facts.registered
        if not seen.made and not (seen.application and seen.principal):
            return {}
        wish = replace(seen, token_version=MADE_VERSION if seen.made else seen.token_version)
        wish = hardened(wish, binding, facts.host_names or ())
        required = seen.principal is not None and seen.principal.assignment_required
        wishes: dict[str, State] = {APPLICATION: wish, PRINCIPAL: Presence(assignment_required=required)}
        if binding.spec.entra.require_assignment and facts.principal_id:
            wishes[APPLICATION] = replace(wish, caller_role=True)
            wishes[PRINCIPAL] = Presence(assignment_required=True, client_id=seen.client_id)
            wishes[f"{ASSIGNMENT}/{facts.principal_id}"] = Assignment(to=facts.principal_id, client_id=seen.client_id)
        return wishes

    def foresee(
        self, binding: Binding, wish: Mapping[str, State], observed: Mapping[str, Observed[State]]
    ) -> Mapping[str, Any]:
        """The client id of one that only lacks its service principal; a new one is given its own by the directory."""
        state = wish[APPLICATION]
        if not isinstance(state, Registration) or not (state.made and state.client_id):
            return {}
        return {"client_id": state.client_id, "token_version": state.token_version}

    def stages(self, change: Change[State], facts: Facts) -> Sequence[tuple[Phase, Change[State]]]:
        """
        What our caller needs comes first, and others are shut out when it has been switched over.

        The ways in for people go last: as long as the door still sends anybody to sign in, they are in use.
        """
        before, after = change.before, change.after
        if isinstance(before, Registration) and isinstance(after, Registration):
            given = replace(before, token_version=after.token_version, caller_role=after.caller_role)
            steps = [(Phase.ADD, replace(change, after=given)), (Phase.CLEAR, replace(change, before=given))]
            return [(phase, step) for phase, step in steps if step.before != step.after]
        if isinstance(after, Presence):
            there = before or Presence(assignment_required=False)
            made = [] if before else [(Phase.ADD, replace(change, after=there))]
            return [*made, *([] if there == after else [(Phase.CLOSE, replace(change, before=there))])]
        return super().stages(change, facts)

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[State]) -> Unmet | None:
        """That callers have to be assigned cuts off those who are not."""
        others = binding.spec.entra.allow.client_ids
        if binding.spec.adopt or not others or not any(map(_requires, plan.changes)):
            return None
        return Unmet(
            "WouldCutOff",
            f"requiring an assignment would cut off those of spec.entra.allow.clientIds who have none: "
            f"{', '.join(others)}; assign them to application {facts.registered.client_id} under Enterprise "
            "applications, then set spec.adopt: true",
            stalled=True,
        )

    async def apply(self, binding: Binding, change: Change[State]) -> None:
        """Make the application, its service principal or the assignment; or change what differs."""
        before, after = change.before, change.after
        if isinstance(before, Registration):
            await self._change(before, after)
        elif isinstance(after, Registration):
            await self.graph.make_application(registration_name(binding), new(binding, after))
        elif isinstance(after, Presence) and before is None:
            await self.graph.make_service_principal(await self._need_made(binding))
        elif isinstance(after, Presence):
            await self.graph.require_assignment(await self._principal(binding, after.client_id))
        else:
            assert isinstance(after, Assignment), "neither of these is taken away"
            principal = await self._principal(binding, after.client_id)
            await self.graph.assign(principal, after.to, CALLER_ROLE)

    async def _principal(self, binding: Binding, client_id: str) -> ServicePrincipal:
        principal = await self.graph.get_service_principal(client_id or await self._need_made(binding))
        if principal is None:
            raise TryAgain("the directory does not show the service principal yet", reason="DirectoryBehind")
        return principal

    async def _need_made(self, binding: Binding) -> str:
        application = await self.graph.find_application(registration_name(binding))
        if application is None:
            raise TryAgain("the directory does not show the registration that was made yet", reason="DirectoryBehind")
        return application.client_id

    async def _change(self, before: Registration, after: State | None) -> None:
        if not isinstance(after, Registration):
            await self.graph.delete_application(before.client_id)
            return
        if after.token_version != before.token_version:
            properties = {"api": {"requestedAccessTokenVersion": after.token_version}}
            await self.graph.change_application(before.client_id, properties)
        if after.caller_role and not before.caller_role:
            await self.graph.add_role(before.client_id, ROLE)
        if after.ways_in != before.ways_in:
            await self.graph.close_ways_in(before.client_id, less(before.ways_in, after.ways_in))

    def meanwhile(self, observed: Mapping[str, Observed[State]], unmet: Unmet) -> Unmet:
        """Ways in that stay because something else is not done yet are said to be there."""
        seen = observed.get(APPLICATION)
        if unmet.reason != WAITING or seen is None or not isinstance(seen.state, Registration):
            return unmet
        ways = [*map(str, seen.state.redirects), *seen.state.implicit_tokens]
        if not ways:
            return unmet
        return Unmet(
            "SignInOpen",
            f"people can still sign in to application {seen.state.client_id} ({ways[0]}); taking that away "
            f"{unmet.message}",
            status=unmet.status,
        )

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[State]]) -> Unmet | None:
        """Whether a token for this registration can be had, which form it has, and who else uses it."""
        seen: Registration = facts.registered
        if not seen.readable:
            return unreadable(stated=binding.spec.entra.token_version is not None)
        if unmet := unusable(binding, seen):
            return unmet
        if binding.spec.entra.require_assignment and not _assigned(facts, observed):
            return Unmet(WAITING, f"waits for {named('principal_id')}, from IdentityReady", status="Unknown")
        return shared(binding, facts)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Whose tokens the function app accepts."""
        made = ", made by funcgate for this app," if facts.registered.made else ""
        assigned = " Only who is assigned to it gets one; tokens issued before are good for up to a day."
        required = assigned if binding.spec.entra.require_assignment else ""
        return f"Application {facts.client_id}{made} issues version {facts.token_version} tokens.{required}"


def _asked_for(binding: Binding, text: str) -> str | None:
    """The resource in the binding's own statement there."""
    try:
        found = documents.find(documents.parse(text))
    except documents.PolicyError:
        return None
    return found.resource if found.owner == binding.owner else None


def _assigned(facts: Facts, observed: Mapping[str, Observed[State]]) -> bool:
    """Whether only who is assigned gets a token, and our caller is; it is not when its identity was found too late."""
    presence = observed.get(PRINCIPAL)
    required = presence is not None and isinstance(presence.state, Presence) and presence.state.assignment_required
    return required and f"{ASSIGNMENT}/{facts.principal_id}" in observed


def _requires(change: Change[State]) -> bool:
    """Whether this shuts out whoever is not assigned."""
    required = isinstance(change.before, Presence) and change.before.assignment_required
    return isinstance(change.after, Presence) and change.after.assignment_required and not required
