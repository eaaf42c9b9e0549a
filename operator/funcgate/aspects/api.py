"""The API whose calls reach the functions. With `import: {from: None}` it is somebody else's: looks only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from funcgate.azure import ApimClient
from funcgate.errors import Unmet
from funcgate.model import Aspect, Facts, Observed
from funcgate.spec import Binding

KEY = "api"


@dataclass(frozen=True, kw_only=True)
class PublishedApi:
    """The API as the gateway publishes it."""

    path: str


class Api(Aspect[PublishedApi]):
    """The API that the binding names exists."""

    name = "api"
    condition = "ApiReady"
    gives = ("api_path",)
    minds = ("gateway_url",)

    def __init__(self, apim: ApimClient) -> None:
        self.apim = apim

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[PublishedApi]]:
        """The API's current revision, or nothing."""
        api = await self.apim.get_api(self.home(binding), binding.spec.api.name)
        return {KEY: Observed(state=PublishedApi(path=api.path))} if api else {}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[PublishedApi]]) -> Mapping[str, Any]:
        """The API's path."""
        return {"api_path": observed[KEY].state.path} if observed else {}

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
