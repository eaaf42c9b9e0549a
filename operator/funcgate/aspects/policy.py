"""The API's base policy: takes a token with the identity, sends it, routes to the backend. Others' statements stay."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from funcgate import policy as documents
from funcgate.azure import ApimClient
from funcgate.errors import NotFound, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Ownership, Phase, Plan
from funcgate.names import api_name
from funcgate.policy import REPLACED, CallerToken, Document, PolicyError, Statements
from funcgate.spec import Binding, ForwardCaller, KeepCaller, UserAssigned

T = TypeVar("T")

API_NOT_FOUND = "ApiNotFound"  # in a service that was seen

LARGE = 64 * 1024
"""Characters of a document beyond which the event loop would notice that it is read."""

QUOTED = 3
"""As many of others' statements a message quotes; more can be seen in the policy editor."""


@dataclass(frozen=True, kw_only=True)
class PolicyBlock:
    """Our statements in a policy document, and what is wrong with them or around them."""

    resource: str | None = None
    identity_client_id: str | None = None
    backend_id: str | None = None
    owner: str | None = None
    caller_authorization: CallerToken = REPLACED
    problems: tuple[str, ...] = ()
    sends_token: bool = field(default=False, compare=False)
    document: Document | None = field(default=None, compare=False)
    size: int = field(default=0, compare=False)


class Policy(Aspect[PolicyBlock]):
    """The API's policy carries our statements, well-formed and where they must stand."""

    name = "policy"
    condition = "PolicyReady"
    phase = Phase.SWITCH
    needs = ("api_path", "client_id", "identity_client_id", "backend_id")
    gives = ("sends_token", "marked")

    def __init__(self, apim: ApimClient) -> None:
        self.apim = apim

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[PolicyBlock]]:
        """
        The API's policy as it stands; nothing when there is no API, which the api aspect says.

        Raises Unmet for one that cannot be read.
        """
        try:
            seen = await self.apim.get_policy(self.home(binding), api_name(binding))
        except NotFound as missing:
            if binding.deleting and missing.reason != API_NOT_FOUND:
                raise  # more than the API may be gone, or not to be seen
            return {}
        if seen is None:
            return {}
        state = await _aside(len(seen.text), lambda: _read(seen.text))
        return {_resource(binding): Observed(state=state, ownership=_ownership(state, binding), etag=seen.etag)}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[PolicyBlock]]) -> Mapping[str, Any]:
        """Whether callers through the gateway carry a token already, and whether we have been here before."""
        seen = observed.get(_resource(binding))
        return {
            "sends_token": seen is not None and seen.state.sends_token,
            "marked": seen is not None and seen.ownership is Ownership.OURS,
        }

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, PolicyBlock]:
        """Our statements, for this registration, identity and backend."""
        named = isinstance(binding.spec.api_management.identity, UserAssigned)
        block = PolicyBlock(
            resource=facts.client_id,
            identity_client_id=facts.identity_client_id if named else None,
            backend_id=facts.backend_id,
            owner=binding.owner,
            caller_authorization=_caller_token(binding),
        )
        return {_resource(binding): block}

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[PolicyBlock]) -> Unmet | None:
        """A document without any mark that sends callers elsewhere, or another token with them, waits for `adopt`."""
        if binding.spec.adopt:
            return None
        victims = [victim for change in plan.changes for victim in _cut_off(change)]
        if not victims:
            return None
        more = [f"{len(victims) - QUOTED} more"] if len(victims) > QUOTED else []
        quoted = "; ".join([*victims[:QUOTED], *more])
        return Unmet(
            "WouldCutOff",
            f"the base policy of {api_name(binding)} serves somebody else: {quoted}; "
            f"set spec.adopt: true once its callers may be sent to {facts.backend_id} with a token for "
            f"{facts.client_id} instead, or delete this binding if spec.api.name is the wrong API",
            stalled=True,
        )

    async def apply(self, binding: Binding, change: Change[PolicyBlock]) -> None:
        """Our statements are in the document, or out of it; everything else in it is as it was."""
        service, api = self.home(binding), api_name(binding)
        text = await _aside(change.before.size if change.before else 0, lambda: _changed(change))
        if text is None:
            await self.apim.delete_policy(service, api, change.etag)
        else:
            await self.apim.put_policy(service, api, text, change.etag)

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[PolicyBlock]]) -> Unmet | None:
        """Somebody else's statement must not undo ours, and whoever uses our token must be asked who they are."""
        document = observed[_resource(binding)].state.document
        contradictions = documents.contradictions(document) if document else ()
        if contradictions:
            return Unmet("PolicyContradicted", "; ".join(contradictions), stalled=True)
        if (
            facts.unasked
            and not _keeps(binding)
            and not binding.spec.policy.allow_anonymous_callers
            and not _asks(document)
        ):
            return Unmet(
                "GatewayOpen",
                f"anybody can call {api_name(binding)} through the gateway, which then calls the function for "
                f"them: {facts.unasked}, and no policy checks the caller; ask for a subscription key, add validate-jwt "
                "to the base policy, or say spec.policy.allowAnonymousCallers: true",
                stalled=True,
            )
        return None

    def describe(self, binding: Binding, facts: Facts) -> str:
        """What the policy does."""
        does = f"The base policy of {api_name(binding)} sends a token for {facts.client_id} to {facts.backend_id}"
        caller = binding.spec.policy.caller_authorization
        if isinstance(caller, KeepCaller):
            return f"{does} in {caller.header}; callers keep their own Authorization, which the function app judges."
        return f"{does}, and the caller's in {caller.header}." if isinstance(caller, ForwardCaller) else f"{does}."


def _caller_token(binding: Binding) -> CallerToken:
    caller = binding.spec.policy.caller_authorization
    if isinstance(caller, KeepCaller):
        return CallerToken(token_in=caller.header)
    return CallerToken(handed_on_in=caller.header) if isinstance(caller, ForwardCaller) else REPLACED


def _keeps(binding: Binding) -> bool:
    """Whether the function app judges the caller's own token, so that the gateway need not."""
    return isinstance(binding.spec.policy.caller_authorization, KeepCaller)


def _asks(document: Document | None) -> bool:
    return document is not None and documents.checks_caller(document)


def _resource(binding: Binding) -> str:
    return f"apis/{api_name(binding)}/policies/policy"


async def _aside(size: int, work: Callable[[], T]) -> T:
    """What the work gives; on a large document it is done in a thread, so that the event loop does not stand still."""
    return await asyncio.to_thread(work) if size > LARGE else work()


def _read(text: str) -> PolicyBlock:
    document = _parse(text)
    found = documents.find(document)
    ours = found.statements
    return PolicyBlock(
        resource=ours.resource if ours else found.resource,
        identity_client_id=ours.identity_client_id if ours else None,
        backend_id=ours.backend_id if ours else None,
        owner=found.owner,
        caller_authorization=ours.caller if ours else REPLACED,
        problems=found.differs,
        sends_token=found.sends_token,
        document=document,
        size=len(text),
    )


def _parse(text: str) -> Document:
    try:
        return documents.parse(text)
    except PolicyError as unreadable:
        raise Unmet("PolicyUnreadable", f"{unreadable}; nothing was written", stalled=True) from unreadable


def _ownership(state: PolicyBlock, binding: Binding) -> Ownership:
    if state.owner is None:
        return Ownership.SHARED
    return Ownership.OURS if state.owner == binding.owner else Ownership.FOREIGN


def _cut_off(change: Change[PolicyBlock]) -> tuple[str, ...]:
    """What stands in an unmarked document and would no longer work."""
    before, after = change.before, change.after
    if after is None or before is None or before.document is None or before.owner is not None:
        return ()
    return documents.cut_off(before.document, _statements(after))


def _changed(change: Change[PolicyBlock]) -> str | None:
    """The document as the change leaves it; None when nothing is left of it."""
    document = (change.before and change.before.document) or documents.parse(None)
    after = documents.merge(document, _statements(change.after)) if change.after else documents.remove(document)
    return None if after is None else documents.render(after)


def _statements(block: PolicyBlock) -> Statements:
    return Statements(
        resource=block.resource or "",
        identity_client_id=block.identity_client_id,
        backend_id=block.backend_id or "",
        owner=block.owner or "",
        caller=block.caller_authorization,
    )
