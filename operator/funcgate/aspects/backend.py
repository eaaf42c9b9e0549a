"""The backend entity that points at the function app and sends the host key."""

import contextlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from funcgate import marks
from funcgate.azure import ANY, ApimClient, ResourceId
from funcgate.azure import Backend as SeenBackend
from funcgate.errors import Rejected, Unmet
from funcgate.marks import Mark
from funcgate.model import Action, Aspect, Change, Facts, Observed, Ownership, Phase, shown
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
    needs = ("host_name", "route_prefix")
    gives = ("backend_id", "key_reference")

    def __init__(self, apim: ApimClient, arm: str) -> None:
        """`arm` is ARM's endpoint: the portal finds the site by its address there."""
        self.apim = apim
        self.arm = arm

    def home(self, binding: Binding) -> str:
        """The API Management service."""
        return binding.spec.api_management.id

    async def observe(self, binding: Binding) -> Mapping[str, Observed[FunctionBackend]]:
        """The backend of the import's name, if there is one. Raises Unmet when there is no key that it could send."""
        seen = await self.apim.get_backend(self.home(binding), backend_name(binding))
        if not binding.deleting and (seen is None or _key(seen) is None):
            await self._must_have_key(binding)
        if seen is None:
            return {}
        state = FunctionBackend(url=seen.url.rstrip("/"), key=_key(seen), description=seen.description)
        return {_resource(binding): Observed(state=state, ownership=_ownership(seen, binding), etag=seen.etag)}

    async def _must_have_key(self, binding: Binding) -> None:
        if not await self.apim.has_named_value(self.home(binding), key_name(binding)):
            raise Unmet(
                "NamedValueMissing",
                f"no named value {key_name(binding)} holds the function app's key; import the function app, or create "
                "the named value with a host key of the app as its secret",
                stalled=True,
            )

    def learn(self, binding: Binding, observed: Mapping[str, Observed[FunctionBackend]]) -> Mapping[str, Any]:
        """The backend's name once it is there; the named value that it sends, else the one that the import makes."""
        seen = observed.get(_resource(binding))
        reference = seen.state.key if seen and seen.state.key else key_name(binding)
        return {"key_reference": reference} | ({"backend_id": backend_name(binding)} if seen else {})

    def desired(self, binding: Binding, facts: Facts) -> Mapping[str, FunctionBackend]:
        """The functions' base address, and the key as it is sent today."""
        url = f"https://{facts.host_name}/{facts.route_prefix}".rstrip("/")
        return {_resource(binding): FunctionBackend(url=url, key=facts.key_reference)}

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
            "credentials": {"header": {KEY_HEADER: [f"{{{{{after.key}}}}}"]}},
        }
        if change.before is None:
            properties["resourceId"] = f"{self.arm}{binding.spec.function_app.id}"
        await self.apim.put_backend(self.home(binding), backend_name(binding), properties, change.etag)

    async def _release(self, binding: Binding, change: Change[FunctionBackend]) -> None:
        before = change.before.description if change.before else None
        properties = {"description": marks.take(before) or backend_name(binding)}
        await self.apim.put_backend(self.home(binding), backend_name(binding), properties, ANY)

    def describe(self, binding: Binding, facts: Facts) -> str:
        """Where calls go, and with which key."""
        return (
            f"Backend {facts.backend_id} points at https://{facts.host_name}/{facts.route_prefix} and sends the key "
            f"from named value {facts.key_reference}."
        )


def backend_name(binding: Binding) -> str:
    """
    The name that "Import Function App" gives to the backend of this app.

    Lower case without accents, everything but letters and digits one hyphen, at most 80 characters.
    Source: microsoft/vscode-apimanagement, src/utils/apiUtil.ts.
    """
    plain = unicodedata.normalize("NFKD", ResourceId.parse(binding.spec.function_app.id).name)
    ascii_only = plain.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-zA-Z0-9]+", "-", ascii_only)[:80].strip("-").lower()


def key_name(binding: Binding) -> str:
    """The name that "Import Function App" gives to the named value that holds the app's key. Source: as above."""
    return f"{backend_name(binding)}-key"


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
