"""
The API's base policy, or the policies of single operations: take a token with the identity, send it, route to the
backend. Others' statements stay.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from funcgate import policy as documents
from funcgate.azure import ApimClient, ApiOperation, PolicyText
from funcgate.errors import NotFound, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Ownership, Phase, Plan
from funcgate.names import api_name, backend_name
from funcgate.policy import REPLACED, CallerToken, Document, Inner, PolicyError, Statements
from funcgate.routes import shape
from funcgate.spec import Binding, ForwardCaller, KeepCaller, OperationsScope, UserAssigned

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
    places: tuple[str, ...] = field(default=(), compare=False)  # how this place may be named
    document: Document | None = field(default=None, compare=False)
    size: int = field(default=0, compare=False)


class Policy(Aspect[PolicyBlock]):
    """Our statements stand where the binding wants them and nowhere else, well-formed and where they must run."""

    name = "policy"
    condition = "PolicyReady"
    phase = Phase.SWITCH
    needs = ("api_path", "placed", "client_id", "identity_client_id", "backend_id")
    gives = ("sends_token", "marked", "inner")

    def __init__(self, apim: ApimClient) -> None:
        self.apim = apim

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[PolicyBlock]]:
        """
        The policies of the API and of its operations as they stand; nothing when there is no API, which the api aspect
        says.

        Raises Unmet for one that cannot be read.
        """
        service, api, places = self.home(binding), api_name(binding), _places(binding)
        try:
            base, inner = await asyncio.gather(
                self.apim.get_policy(service, api),
                self.apim.get_inner_policies(service, api, lambda each: not set(_known_as(each)).isdisjoint(places)),
                return_exceptions=True,
            )
            if isinstance(base, BaseException):
                raise base
            if isinstance(inner, BaseException):
                raise inner
        except NotFound as missing:
            if binding.deleting and missing.reason != API_NOT_FOUND:
                raise  # more than the API may be gone, or not to be seen
            return {}
        found = {_resource(binding, each.name): await _observed(binding, _known_as(each), seen) for each, seen in inner}
        if base:
            found[_resource(binding, None)] = await _observed(binding, (BASE,), base)
        return found

    def learn(self, binding: Binding, observed: Mapping[str, Observed[PolicyBlock]]) -> Mapping[str, Any]:
        """
        Whether callers through the gateway carry a token already, whether we have been here before, and what the
        policies of operations make of the base policy.
        """
        places = {place: state for state in (seen.state for seen in observed.values()) for place in state.places}
        return {
            "sends_token": all(place in places and places[place].sends_token for place in _places(binding)),
            "marked": any(seen.ownership is Ownership.OURS for seen in observed.values()),
            "inner": _inner(binding, observed),
        }

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, PolicyBlock]:
        """Our statements, for this registration, identity and backend, in each place that the binding names."""
        named = isinstance(binding.spec.api_management.identity, UserAssigned)
        block = PolicyBlock(
            resource=facts.client_id,
            identity_client_id=facts.identity_client_id if named else None,
            backend_id=facts.backend_id,
            owner=binding.owner,
            caller_authorization=_caller_token(binding),
        )
        return {_resource(binding, _named(binding, facts, each)): block for each in _places(binding)}

    def object_to(self, binding: Binding, facts: Facts, plan: Plan[PolicyBlock]) -> Unmet | None:
        """
        A document without any mark that sends callers elsewhere, or another token with them, waits for `adopt`; and no
        token is put in front of a check that would judge it instead of the caller's.
        """
        late = _late_checks(binding, facts)
        if late and not facts.sends_token:
            return late
        if binding.spec.adopt:
            return None
        victims = [f"{_where(change.key)}, {victim}" for change in plan.changes for victim in _cut_off(change)]
        if not victims:
            return None
        more = [f"{len(victims) - QUOTED} more"] if len(victims) > QUOTED else []
        quoted = "; ".join([*victims[:QUOTED], *more])
        return Unmet(
            "WouldCutOff",
            f"{api_name(binding)} serves somebody else: {quoted}; "
            f"set spec.adopt: true once its callers may be sent to {facts.backend_id} with a token for "
            f"{facts.client_id} instead, or delete this binding if spec.api.name is the wrong API",
            stalled=True,
        )

    async def diff(self, change: Change[PolicyBlock]) -> Sequence[str]:
        """The document's lines, without what may be secret in others' statements."""
        before = change.before.document if change.before else None
        return await _aside(_size(change), lambda: documents.diff(before, _changed(change)))

    async def apply(self, binding: Binding, change: Change[PolicyBlock]) -> None:
        """Our statements are in the document, or out of it; everything else in it is as it was."""
        service, api, operation = self.home(binding), api_name(binding), _operation(change.key)
        text = await _aside(_size(change), lambda: _text(_changed(change)))
        if text is None:
            await self.apim.delete_policy(service, api, change.etag, operation)
        else:
            await self.apim.put_policy(service, api, text, change.etag, operation)

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[PolicyBlock]]) -> Unmet | None:
        """Somebody else's statement must not undo ours, and whoever uses our token must be asked who they are."""
        ours = [(key, seen.state.document) for key, seen in observed.items() if key in self.desired(binding, facts)]
        contradictions = [f"{_where(key)}, {each}" for key, at in ours if at for each in documents.contradictions(at)]
        contradictions += [f"{_where(key)}, {each}" for key, at in _found(facts) for each in at.undoing]
        if contradictions:
            return Unmet("PolicyContradicted", "; ".join(contradictions), stalled=True)
        return _late_checks(binding, facts) or _bypassed(facts) or _open(binding, facts, observed)

    def hole(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[PolicyBlock]]) -> Unmet | None:
        """A check of the caller that judges our token, or none at all."""
        if late := _late_checks(binding, facts):
            return late
        placed = facts.placed is not None and set(_places(binding)) - {BASE} <= set(facts.placed)
        return _open(binding, facts, observed) if placed else None

    def describe(self, binding: Binding, facts: Facts) -> str:
        """What the policy does."""
        scope = binding.spec.policy.scope
        whose = f"The base policy of {api_name(binding)} sends"
        if isinstance(scope, OperationsScope):
            whose = f"The policies of {len(scope.operations)} operations of {api_name(binding)} send"
        does = f"{whose} a token for {facts.client_id} to {facts.backend_id}"
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


def _asks(seen: Observed[PolicyBlock] | None) -> bool:
    return bool(seen and seen.state.document and documents.checks_caller(seen.state.document))


BASE = ""
"""The place of the base policy among those of operations."""


def _places(binding: Binding) -> tuple[str, ...]:
    """Where ours stand: operations by name or by the shape of their calls."""
    scope = binding.spec.policy.scope
    return tuple(map(_place, scope.operations)) if isinstance(scope, OperationsScope) else (BASE,)


def _place(operation: str) -> str:
    method, _, template = operation.partition(" ")
    return shape(method, template) if template else operation.lower()


def _known_as(operation: ApiOperation) -> tuple[str, ...]:
    """Both ways in which a manifest may name it."""
    return operation.name.lower(), shape(operation.method, operation.template)


def _named(binding: Binding, facts: Facts, place: str) -> str | None:
    """The name of the operation there; None for the base policy. Raises Unmet for one that the API does not have."""
    if place == BASE:
        return None
    name = facts.placed.get(place)
    if name is None:
        raise Unmet(
            "OperationNotFound",
            f"API {api_name(binding)} has no operation {place} (spec.policy.scope.operations): correct it; an "
            "operation is known by method and template, such as GET /orders/{id}, or by the last part of its id",
            stalled=True,
        )
    return str(name)


def _resource(binding: Binding, operation: str | None) -> str:
    """Where a policy stands, by names that know no case."""
    scope = f"apis/{api_name(binding)}" + (f"/operations/{operation.lower()}" if operation else "")
    return f"{scope}/policies/policy"


def _operation(key: str) -> str | None:
    """The operation whose policy this is; None for the base policy."""
    return key.partition("/operations/")[2].partition("/")[0] or None


def _where(key: str) -> str:
    operation = _operation(key)
    return f"policy of operation {operation}" if operation else "base policy"


def _inner(binding: Binding, observed: Mapping[str, Observed[PolicyBlock]]) -> Mapping[str, Inner]:
    """What the policies of operations do to a base policy of ours, by key; only those that do something."""
    if isinstance(binding.spec.policy.scope, OperationsScope):
        return {}
    base = observed.get(_resource(binding, None))
    said = replace(
        base.state if base else PolicyBlock(),
        caller_authorization=_caller_token(binding),
        backend_id=backend_name(binding),
    )
    ours = _statements(said)
    found = {
        key: documents.inner(seen.state.document, ours, base.state.document if base else None)
        for key, seen in observed.items()
        if _operation(key) and seen.state.document
    }
    return {key: inner for key, inner in found.items() if inner != Inner()}


def _found(facts: Facts) -> Iterable[tuple[str, Inner]]:
    return (facts.inner or {}).items()


def _late_checks(binding: Binding, facts: Facts) -> Unmet | None:
    late = [f"{_where(key)}, {each}" for key, inner in _found(facts) for each in inner.late_checks]
    if not late:
        return None
    return Unmet(
        "CallerCheckAfterReplace",
        f"{'; '.join(late[:QUOTED])} would judge the gateway's token instead of the caller's: name the operations of "
        f"{api_name(binding)} in spec.policy.scope, so that ours comes after the check, or move the check in front of "
        "<base/>",
        stalled=True,
    )


def _bypassed(facts: Facts) -> Unmet | None:
    past = [str(_operation(key)) for key, inner in _found(facts) if inner.bypasses]
    if not past:
        return None
    return Unmet(
        "PolicyBypassed",
        f"the policy of operation {', '.join(past[:QUOTED])} has no <base/> in inbound, so that the base policy never "
        "runs and its calls carry no token: add <base/> there",
        stalled=True,
    )


def _open(binding: Binding, facts: Facts, observed: Mapping[str, Observed[PolicyBlock]]) -> Unmet | None:
    """That anybody may use our token."""
    places = {_resource(binding, _named(binding, facts, each)) for each in _places(binding)}
    asked = _asks(observed.get(_resource(binding, None))) or all(_asks(observed.get(each)) for each in places)
    if not facts.unasked or _keeps(binding) or binding.spec.policy.allow_anonymous_callers or asked:
        return None
    return Unmet(
        "GatewayOpen",
        f"anybody can call {api_name(binding)} through the gateway, which then calls the function for "
        f"them: {facts.unasked}, and no policy checks the caller; ask for a subscription key, add validate-jwt "
        "to the base policy, or say spec.policy.allowAnonymousCallers: true",
        stalled=True,
    )


async def _observed(binding: Binding, places: tuple[str, ...], seen: PolicyText) -> Observed[PolicyBlock]:
    state = replace(await _aside(len(seen.text), lambda: _read(seen.text)), places=places)
    return Observed(state=state, ownership=_ownership(state, binding), etag=seen.etag)


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


def _changed(change: Change[PolicyBlock]) -> Document | None:
    """The document as the change leaves it; None when nothing is left of it."""
    document = (change.before and change.before.document) or documents.parse(None)
    return documents.merge(document, _statements(change.after)) if change.after else documents.remove(document)


def _text(document: Document | None) -> str | None:
    return documents.render(document) if document else None


def _size(change: Change[PolicyBlock]) -> int:
    return change.before.size if change.before else 0


def _statements(block: PolicyBlock) -> Statements:
    return Statements(
        resource=block.resource or "",
        identity_client_id=block.identity_client_id,
        backend_id=block.backend_id or "",
        owner=block.owner or "",
        caller=block.caller_authorization,
    )
