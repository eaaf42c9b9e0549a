"""The API's base policy: takes a token with the identity, sends it, routes to the backend. Others' statements stay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from funcgate import policy as documents
from funcgate.azure import ApimClient
from funcgate.errors import NotFound, Unmet
from funcgate.model import Aspect, Change, Facts, Observed, Ownership, Phase
from funcgate.policy import Document, Found, PolicyError, Statements
from funcgate.spec import Binding, UserAssigned

API_NOT_FOUND = "ApiNotFound"  # in a service that was seen


@dataclass(frozen=True, kw_only=True)
class PolicyBlock:
    """Our statements in a policy document, and what is wrong with them or around them."""

    resource: str | None = None
    identity_client_id: str | None = None
    backend_id: str | None = None
    owner: str | None = None
    problems: tuple[str, ...] = ()
    sends_token: bool = field(default=False, compare=False)
    document: Document | None = field(default=None, compare=False)


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
            seen = await self.apim.get_policy(self.home(binding), binding.spec.api.name)
        except NotFound as missing:
            if binding.deleting and missing.reason != API_NOT_FOUND:
                raise  # more than the API may be gone, or not to be seen
            return {}
        if seen is None:
            return {}
        document = _parse(seen.text)
        found = documents.find(document)
        state = _state(found, document)
        return {_resource(binding): Observed(state=state, ownership=_ownership(found, binding), etag=seen.etag)}

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
        )
        return {_resource(binding): block}

    async def apply(self, binding: Binding, change: Change[PolicyBlock]) -> None:
        """Our statements are in the document, or out of it; everything else in it is as it was."""
        service, api = self.home(binding), binding.spec.api.name
        document = (change.before and change.before.document) or documents.parse(None)
        after = documents.merge(document, _statements(change.after)) if change.after else documents.remove(document)
        if after is None:
            await self.apim.delete_policy(service, api, change.etag)
        else:
            await self.apim.put_policy(service, api, documents.render(after), change.etag)

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[PolicyBlock]]) -> Unmet | None:
        """Somebody else's statement must not undo ours."""
        document = observed[_resource(binding)].state.document
        contradictions = documents.contradictions(document) if document else ()
        if contradictions:
            return Unmet("PolicyContradicted", "; ".join(contradictions), stalled=True)
        return None

    def describe(self, binding: Binding, facts: Facts) -> str:
        """What the policy does."""
        return f"The base policy of {binding.spec.api.name} sends a token for {facts.client_id} to {facts.backend_id}."


def _resource(binding: Binding) -> str:
    return f"apis/{binding.spec.api.name}/policies/policy"


def _parse(text: str) -> Document:
    try:
        return documents.parse(text)
    except PolicyError as unreadable:
        raise Unmet("PolicyUnreadable", f"{unreadable}; nothing was written", stalled=True) from unreadable


def _ownership(found: Found, binding: Binding) -> Ownership:
    if found.owner is None:
        return Ownership.SHARED
    return Ownership.OURS if found.owner == binding.owner else Ownership.FOREIGN


def _state(found: Found, document: Document) -> PolicyBlock:
    ours = found.statements
    return PolicyBlock(
        resource=ours.resource if ours else found.resource,
        identity_client_id=ours.identity_client_id if ours else None,
        backend_id=ours.backend_id if ours else None,
        owner=found.owner,
        problems=found.differs,
        sends_token=found.sends_token,
        document=document,
    )


def _statements(block: PolicyBlock) -> Statements:
    return Statements(
        resource=block.resource or "",
        identity_client_id=block.identity_client_id,
        backend_id=block.backend_id or "",
        owner=block.owner or "",
    )
