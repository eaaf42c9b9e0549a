"""The API whose calls reach the functions. With `import: {from: None}` it is somebody else's: looks only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from funcgate import policy as documents
from funcgate.azure import Api as SeenApi
from funcgate.azure import ApimClient
from funcgate.errors import Unmet
from funcgate.model import Aspect, Facts, Observed
from funcgate.spec import Binding

KEY = "api"


@dataclass(frozen=True, kw_only=True)
class PublishedApi:
    """The API as the gateway publishes it; `unasked` says why callers need no key, empty when they do."""

    path: str
    unasked: str = ""


class Api(Aspect[PublishedApi]):
    """The API that the binding names exists."""

    name = "api"
    condition = "ApiReady"
    gives = ("api_path", "unasked")
    minds = ("gateway_url",)

    def __init__(self, apim: ApimClient) -> None:
        self.apim = apim

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[PublishedApi]]:
        """The API's current revision, and whether its callers are asked for anything; or nothing."""
        api = await self.apim.get_api(self.home(binding), binding.spec.api.name)
        if api is None:
            return {}
        return {KEY: Observed(state=PublishedApi(path=api.path, unasked=await self._unasked(binding, api)))}

    async def _unasked(self, binding: Binding, api: SeenApi) -> str:
        """Why somebody without a key gets as far as the API's policy."""
        service, name = self.home(binding), binding.spec.api.name
        why = "" if api.subscription_required else "its subscriptionRequired is off"
        if not why:
            products = await self.apim.products_of(service, name)
            open_ = sorted(each.name for each in products if each.published and not each.subscription_required)
            why = f"product {open_[0]} is open" if open_ else ""
        if not why or await self._asked_before(service):
            return ""
        return why

    async def _asked_before(self, service: str) -> bool:
        """Whether the policy of the whole service checks every caller; one that cannot be read proves nothing."""
        seen = await self.apim.get_global_policy(service)
        try:
            return seen is not None and documents.checks_caller(documents.parse(seen.text))
        except documents.PolicyError:
            return False

    def learn(self, binding: Binding, observed: Mapping[str, Observed[PublishedApi]]) -> Mapping[str, Any]:
        """The API's path, and whether its callers are asked for anything before its own policy."""
        if not observed:
            return {}
        return {"api_path": observed[KEY].state.path, "unasked": observed[KEY].state.unasked}

    def judge(self, binding: Binding, facts: Facts, observed: Mapping[str, Observed[PublishedApi]]) -> Unmet | None:
        """An API that is somebody else's must be there already."""
        if observed:
            return None
        return Unmet(
            "ApiNotFound",
            f"the service has no API named {binding.spec.api.name} (spec.api.name); import it, or correct the name",
            stalled=True,
        )

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where callers reach the API."""
        return f"Published at {facts.gateway_url}/{facts.api_path}." if facts.gateway_url else "Published."
