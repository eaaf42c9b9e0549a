"""
What funcgate wants to stand in a policy document, and how that is written.

    <!-- funcgate: owner=cluster-a/shop/orders -->
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
from urllib.parse import quote, unquote

from lxml import etree

from funcgate.policy.document import Element

TOKEN = "authentication-managed-identity"  # noqa: S105 the name of a statement
HEADER = "set-header"
CHOICE = "choose"
BACKEND = "set-backend-service"

VARIABLE = "msi-access-token"
LABEL = "apim-generated-policy"
BEARER = f'@("Bearer " + (string)context.Variables["{VARIABLE}"])'

DEFAULTS = {(TOKEN, "ignore-error"): "false", (HEADER, "exists-action"): "override"}
"""What API Management takes an absent attribute for. Source: the reference pages of the two statements."""

MARK = re.compile(r"\s*funcgate:\s*owner=(\S*)\s*")


AUTHORIZATION = "Authorization"
SHOWN_ONE = '@(context.Request.Headers.ContainsKey("Authorization"))'
THAT_ONE = '@(context.Request.Headers.GetValueOrDefault("Authorization", ""))'


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


def mark_text(owner: str) -> str:
    """The text of the mark. XML allows no `--` in a comment, Kubernetes does in a name."""
    safe = quote(owner, safe="/-._~:@+,;=").replace("--", "-%2D")
    return f" funcgate: owner={safe} "


def marked_owner(node: Element) -> str | None:
    """The owner that this comment names, "" when it is a mark without one; None when it is no mark."""
    found = MARK.fullmatch(node.text or "") if isinstance(node, etree._Comment) else None
    return unquote(found[1]) if found else None


def elements(wanted: Statements) -> Sequence[Element]:
    """The mark and the statements, in the order in which they must run."""
    token = etree.Element(TOKEN, {"resource": wanted.resource})
    if wanted.identity_client_id is not None:
        token.set("client-id", wanted.identity_client_id)
    token.set("output-token-variable-name", VARIABLE)
    token.set("ignore-error", "false")
    header = _set_header(wanted.caller.token_in, BEARER)
    backend = etree.Element(BACKEND, {"id": LABEL, "backend-id": wanted.backend_id})
    forward = [_hand_on(wanted.caller.handed_on_in)] if wanted.caller.handed_on_in else []
    return [etree.Comment(mark_text(wanted.owner)), token, *forward, header, backend]


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
