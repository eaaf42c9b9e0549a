"""
What funcgate wants to stand in a policy document, and how that is written.

    <!-- funcgate: owner=cluster-a/shop/orders -->
    <authentication-managed-identity resource="…" output-token-variable-name="msi-access-token" ignore-error="false" />
    <set-header name="Authorization" exists-action="override"><value>@("Bearer " + …)</value></set-header>
    <set-backend-service id="apim-generated-policy" backend-id="…" />

With the output variable the first statement only sets that variable, hence the header as a statement of its own.
Source: learn.microsoft.com/azure/api-management/authentication-managed-identity-policy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from lxml import etree

from funcgate.policy.document import Element

TOKEN = "authentication-managed-identity"  # noqa: S105 the name of a statement
HEADER = "set-header"
BACKEND = "set-backend-service"

VARIABLE = "msi-access-token"
LABEL = "apim-generated-policy"
BEARER = f'@("Bearer " + (string)context.Variables["{VARIABLE}"])'

DEFAULTS = {(TOKEN, "ignore-error"): "false", (HEADER, "exists-action"): "override"}
"""What API Management takes an absent attribute for. Source: the reference pages of the two statements."""

MARK = re.compile(r"\s*funcgate:\s*owner=(\S*)\s*")


@dataclass(frozen=True, kw_only=True)
class Statements:
    """What funcgate wants to stand in a policy document."""

    resource: str  # client id of the registration
    identity_client_id: str | None  # of a user-assigned identity; None for the system-assigned one
    backend_id: str
    owner: str  # the mark: "<instanceId>/<namespace>/<name>"


def mark_text(owner: str) -> str:
    """The text of the mark. XML allows no `--` in a comment, Kubernetes does in a name."""
    safe = quote(owner, safe="/-._~:@+,;=").replace("--", "-%2D")
    return f" funcgate: owner={safe} "


def marked_owner(node: Element) -> str | None:
    """The owner that this comment names, "" when it is a mark without one; None when it is no mark."""
    found = MARK.fullmatch(node.text or "") if isinstance(node, etree._Comment) else None
    return unquote(found[1]) if found else None


def elements(wanted: Statements) -> Sequence[Element]:
    """The mark and the three statements, in the order in which they must run."""
    token = etree.Element(TOKEN, {"resource": wanted.resource})
    if wanted.identity_client_id is not None:
        token.set("client-id", wanted.identity_client_id)
    token.set("output-token-variable-name", VARIABLE)
    token.set("ignore-error", "false")
    header = etree.Element(HEADER, {"name": "Authorization", "exists-action": "override"})
    etree.SubElement(header, "value").text = BEARER
    backend = etree.Element(BACKEND, {"id": LABEL, "backend-id": wanted.backend_id})
    return [etree.Comment(mark_text(wanted.owner)), token, header, backend]
