"""The backend entity that points at the function app and sends the host key."""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from funcgate import marks
from funcgate.azure import ANY, ApimClient
from funcgate.azure import Backend as SeenBackend
from funcgate.errors import Rejected
from funcgate.marks import Mark
from funcgate.model import Action, Aspect, Change, Facts, Observed, Ownership, Phase, shown
from funcgate.names import backend_name
from funcgate.spec import Binding

KEY_HEADER = "x-functions-key"
_REFERENCE = re.compile(r"^\{\{\s*([^{}\s]+)\s*\}\}$")


def shown_url(url: str | None) -> str:
    """An address without what may be secret in it: user, password and query."""
    if url is None:
        return shown(None)
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not an address)"
    hidden = "?…" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}{hidden}"


@dataclass(frozen=True, kw_only=True)
class FunctionBackend:
    """The slice of a backend that is ours: where it points and which named value it sends as the key."""

    url: str = field(metadata={"shown": shown_url})
    key: str | None
    description: str = field(default="", compare=False)


class Backend(Aspect[FunctionBackend]):
    """The backend points at the function app's host name and route prefix, and sends the key from the named value."""

    name = "backend"
    condition = "BackendReady"
    phase = Phase.ADD
    needs = ("host_name", "route_prefix", "key_reference")
    gives = ("backend_id",)

    def __init__(self, apim: ApimClient, arm: str) -> None:
        """`arm` is ARM's endpoint: the portal finds the site by its address there."""
        self.apim = apim
        self.arm = arm

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[FunctionBackend]]:
        """The backend of the import's name, if there is one."""
        seen = await self.apim.get_backend(self.home(binding), backend_name(binding))
        if seen is None:
            return {}
        state = FunctionBackend(url=seen.url.rstrip("/"), key=_key(seen), description=seen.description)
        return {_resource(binding): Observed(state=state, ownership=_ownership(seen, binding), etag=seen.etag)}

    def learn(self, binding: Binding, observed: Mapping[str, Observed[FunctionBackend]]) -> Mapping[str, Any]:
        """The backend's name once it is there."""
        return {"backend_id": backend_name(binding)} if observed else {}

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, FunctionBackend]:
        """The functions' base address, and the named value that holds the key, if one is sent."""
        url = f"https://{facts.host_name}/{facts.route_prefix}".rstrip("/")
        return {_resource(binding): FunctionBackend(url=url, key=facts.key_reference or None)}

    def foresee(
        self, binding: Binding, wish: Mapping[str, FunctionBackend], observed: Mapping[str, Observed[FunctionBackend]]
    ) -> Mapping[str, Any]:
        """Its name, which was chosen before."""
        return {"backend_id": backend_name(binding)}

    async def apply(self, binding: Binding, change: Change[FunctionBackend]) -> None:
        """Write the slice over what is there; delete what we made, unless something else still uses it."""
        if change.after is not None:
            await self._put(binding, change, change.after)
            return
        if change.action is Action.DELETE:
            with contextlib.suppress(Rejected):  # still used by a policy that is not ours: left, without our mark
                await self.apim.delete_backend(self.home(binding), backend_name(binding), change.etag)
                return
        await self._release(binding, change)

    async def _put(self, binding: Binding, change: Change[FunctionBackend], after: FunctionBackend) -> None:
        mark = Mark(owner=binding.owner, created=change.ownership is Ownership.OURS)
        properties = {
            "url": after.url,
            "protocol": "http",
            "description": marks.put(change.before.description if change.before else None, mark),
            "credentials": {"header": {KEY_HEADER: [f"{{{{{after.key}}}}}"] if after.key else None}},
        }
        if change.before is None:
            properties["resourceId"] = f"{self.arm}{binding.spec.function_app.id}"
        await self.apim.put_backend(self.home(binding), backend_name(binding), properties, change.etag)

    async def _release(self, binding: Binding, change: Change[FunctionBackend]) -> None:
        """Without our mark; what another binding of the app still sends its calls to is that one's from now on."""
        before = change.before.description if change.before else None
        left = marks.take(before) or backend_name(binding)
        if binding.heir and change.action is Action.DELETE:
            left = marks.put(before, Mark(owner=binding.heir, created=True))
        properties = {"description": left}
        await self.apim.put_backend(self.home(binding), backend_name(binding), properties, ANY)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where calls go, and with which key."""
        key = f"the key from named value {facts.key_reference}" if facts.key_reference else "no key"
        return f"Backend {facts.backend_id} points at https://{facts.host_name}/{facts.route_prefix} and sends {key}."


def _resource(binding: Binding) -> str:
    return f"backends/{backend_name(binding)}"


def _key(seen: SeenBackend) -> str | None:
    """The named value that the backend sends as the key, when that is all it sends there."""
    values = next((value for name, value in seen.header_credentials.items() if name.lower() == KEY_HEADER), ())
    found = _REFERENCE.match(values[0]) if len(values) == 1 else None
    return found[1] if found else None


def _ownership(seen: SeenBackend, binding: Binding) -> Ownership:
    mark = marks.find(seen.description)
    return mark.ownership(binding.owner) if mark else Ownership.UNMARKED
