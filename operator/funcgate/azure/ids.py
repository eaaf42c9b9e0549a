"""Names of things in Azure: resource ids, taken apart and compared the way Azure does, without regard to case."""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from funcgate.errors import Rejected

_ENDPOINT = re.compile(r"^https://[^/]+(?=/subscriptions/)", re.IGNORECASE)
_SHAPE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)"
    r"(/resourceGroups/(?P<group>[^/]+))?"
    r"(/providers(?P<path>(/[^/]+){3,}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class ResourceId:
    """
    The id of a subscription, a resource group or a resource; `text` is as written, equality ignores case.

    Source: learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (names don't mind case).
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> "ResourceId":
        """
        The id in `text`; a management endpoint before it, as in a backend's `resourceId`, is left out.

        Raises ValueError for anything else, and for steps such as `..` that would lead a request somewhere else.
        """
        path = _ENDPOINT.sub("", text.strip()).rstrip("/")
        found = _SHAPE.fullmatch(path)
        if not found or not _well_formed(path, found["path"]):
            raise ValueError(f"'{text}' is not a resource id such as /subscriptions/…/resourceGroups/…/providers/…")
        return cls(path)

    @cached_property
    def key(self) -> str:
        """The id in lower case, for dictionaries and locks."""
        return self.text.lower()

    @property
    def subscription(self) -> str:
        """The subscription's GUID."""
        return self._parts["subscription"] or ""

    @property
    def group(self) -> str:
        """The resource group's name; empty for a subscription."""
        return self._parts["group"] or ""

    @property
    def provider(self) -> str:
        """The provider's namespace, such as Microsoft.Web; empty for subscriptions and resource groups."""
        return self._path[0] if self._path else ""

    @property
    def type(self) -> str:
        """The full type, such as Microsoft.ApiManagement/service/backends; empty where there is no provider."""
        return "/".join((self._path[0], *self._path[1::2])) if self._path else ""

    @property
    def name(self) -> str:
        """The last name in the id."""
        return self.text.rsplit("/", 1)[1]

    @property
    def parent(self) -> "ResourceId | None":
        """One step up: resource → resource that holds it → resource group → subscription → None."""
        if not self.provider:
            return self._up(2) if self.group else None
        return self._up(2) if len(self._path) > 3 else self._up(4)

    def within(self, scope: str) -> bool:
        """Whether `scope`, any such id, is this id or one above it. Raises ValueError when it is none."""
        above = ResourceId.parse(scope).key
        return self.key == above or self.key.startswith(above + "/")

    @cached_property
    def _parts(self) -> re.Match[str]:
        found = _SHAPE.fullmatch(self.text)
        if not found:
            raise ValueError(f"'{self.text}' is not a resource id")
        return found

    @cached_property
    def _path(self) -> list[str]:
        """Namespace, type, name, type, name … of the last provider: an extension resource counts as its own."""
        path = self._parts["path"] or ""
        return re.split("/providers/", path, flags=re.IGNORECASE)[-1].strip("/").split("/") if path else []

    def _up(self, steps: int) -> "ResourceId":
        return ResourceId(self.text.rsplit("/", steps)[0])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


def _well_formed(text: str, path: str | None) -> bool:
    """Every step has a name that a URL keeps as it is, and each type below a provider is followed by a name."""
    if any(step in ("", ".", "..") or set(step) & set("?#%\\") for step in text.split("/")[1:]):
        return False
    providers = re.split("/providers(?=/)", path or "", flags=re.IGNORECASE)
    return all(part.count("/") % 2 == 1 and part.count("/") >= 3 for part in providers if part)


def segment(name: str) -> str:
    """
    `name` as one step of a URL.

    Raises Rejected, InvalidName, for `.` and `..`: clients fold these away (RFC 3986, section 5.2.4), and the request
    would reach another resource, such as the policy of all APIs instead of the one of an API that is named `..`.
    """
    if name in ("", ".", ".."):
        raise Rejected(f"'{name}' cannot be the name of a resource", reason="InvalidName")
    return quote(name, safe=";=")
