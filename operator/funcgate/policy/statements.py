"""
What funcgate wants to stand in a policy document, and how that is written.

    <!-- funcgate: owner=cluster-a/shop/orders added=on-error,outbound/base -->
    <authentication-managed-identity resource="…" output-token-variable-name="msi-access-token" ignore-error="false" />
    <choose>…</choose>                                     only to forward the caller's own token
    <set-header name="Authorization" exists-action="override"><value>@("Bearer " + …)</value></set-header>
    <set-backend-service id="apim-generated-policy" backend-id="…" />

With the output variable the first statement only sets that variable, hence the header as a statement of its own.
Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy, …/set-header-policy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from lxml import etree

from funcgate.policy.document import Element
from funcgate.policy.expressions import BEARER, SHOWN_ONE, THAT_ONE, VARIABLE

TOKEN = "authentication-managed-identity"  # noqa: S105 the name of a statement
HEADER = "set-header"
CHOICE = "choose"
BACKEND = "set-backend-service"

LABEL = "apim-generated-policy"

DEFAULTS = {(TOKEN, "ignore-error"): "false", (HEADER, "exists-action"): "override"}
"""What API Management takes an absent attribute for. Source: the reference pages of the two statements."""

MARKED = "funcgate:"
MARK = re.compile(r"\s*funcgate:\s*owner=(\S*)(?:\s+added=(\S*))?\s*")

AUTHORIZATION = "Authorization"


@dataclass(frozen=True, kw_only=True)
class CallerToken:
    """
    What becomes of the caller's own Authorization header.

    Ours stands in `token_in`; where that is another one, the caller's stays. `handed_on_in` names the header in which
    the function gets the caller's.
    """

    token_in: str = AUTHORIZATION
    handed_on_in: str | None = None

    def __str__(self) -> str:
        if self.handed_on_in:
            return f"Forward in {self.handed_on_in}"
        return "Replace" if self.token_in == AUTHORIZATION else f"Keep, ours in {self.token_in}"


REPLACED = CallerToken()


@dataclass(frozen=True, kw_only=True)
class Statements:
    """What funcgate wants to stand in a policy document."""

    resource: str  # client id of the registration
    identity_client_id: str | None  # of a user-assigned identity; None for the system-assigned one
    backend_id: str
    owner: str  # the mark: "<instanceId>/<namespace>/<name>"
    caller: CallerToken = REPLACED


@dataclass(frozen=True)
class Mark:
    """
    What the comment beside our statements says.

    `added` names what of the document's frame is ours: `outbound` a section, `outbound/base` the `<base/>` in it.
    """

    owner: str
    added: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """The text of the comment. XML allows no `--` in one, Kubernetes does in a name."""
        safe = quote(self.owner, safe="/-._~:@+,;=").replace("--", "-%2D")
        added = f" added={','.join(sorted(self.added))}" if self.added else ""
        return f" funcgate: owner={safe}{added} "


def read_mark(node: Element) -> Mark | None:
    """What this comment says as a mark; None when it is none."""
    return _mark_in(node.text or "") if isinstance(node, etree._Comment) else None


@lru_cache(maxsize=256)
def _mark_in(text: str) -> Mark | None:
    found = MARK.fullmatch(text) if MARKED in text else None
    return Mark(unquote(found[1]), frozenset(filter(None, (found[2] or "").split(",")))) if found else None


def marked_owner(node: Element) -> str | None:
    """The owner that this comment names, "" when it is a mark without one; None when it is no mark."""
    mark = read_mark(node)
    return None if mark is None else mark.owner


def elements(wanted: Statements, added: frozenset[str] = frozenset()) -> Sequence[Element]:
    """The mark and the statements, in the order in which they must run."""
    token = etree.Element(TOKEN, {"resource": wanted.resource})
    if wanted.identity_client_id is not None:
        token.set("client-id", wanted.identity_client_id)
    token.set("output-token-variable-name", VARIABLE)
    token.set("ignore-error", "false")
    header = _set_header(wanted.caller.token_in, BEARER)
    backend = etree.Element(BACKEND, {"id": LABEL, "backend-id": wanted.backend_id})
    forward = [_hand_on(wanted.caller.handed_on_in)] if wanted.caller.handed_on_in else []
    return [etree.Comment(str(Mark(wanted.owner, added))), token, *forward, header, backend]


def _set_header(name: str, value: str) -> Element:
    header = etree.Element(HEADER, {"name": name, "exists-action": "override"})
    etree.SubElement(header, "value").text = value
    return header


def _hand_on(name: str) -> Element:
    """The caller's token in that header, and nothing in it when there is none, whatever the caller sent there."""
    choice = etree.Element(CHOICE)
    etree.SubElement(choice, "when", {"condition": SHOWN_ONE}).append(_set_header(name, THAT_ONE))
    etree.SubElement(etree.SubElement(choice, "otherwise"), HEADER, {"name": name, "exists-action": "delete"})
    return choice
