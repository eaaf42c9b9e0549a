"""Policy documents for tests: the corpus, builders, and the form in which API Management keeps what it is sent."""

from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from funcgate.policy import REPLACED, CallerToken, Document, Statements, render


@dataclass(frozen=True)
class Written:
    """A document of the corpus, with its line ends and byte order mark."""

    stem: str
    text: str


def _huge(stem: str, limit: int) -> Written:
    """As large as a tier lets a document be, with room for ours: a table of routes that somebody let grow."""
    one = """
        <when condition="@(context.Request.Headers.GetValueOrDefault("X-Tenant", "") == "tenant-{0}" && {0} < 9999)">
            <!-- tenant {0}: agreed in writing -->
            <set-header name="X-Region" exists-action="override">
                <value>@(context.Variables.GetValueOrDefault<string>("region-{0}", "west"))</value>
            </set-header>
            <set-variable name="budget" value="@{{
                var spent = context.Variables.GetValueOrDefault<int>("spent-{0}", 0); // in cents
                return spent > {0} ? "none" : "some";
            }}" />
        </when>"""
    frame = "<policies><inbound><base /><choose>{}</choose></inbound><outbound><base /></outbound></policies>"
    fits = (limit - 2048 - len(frame)) // len(one.format("0000"))
    return Written(stem, frame.format("".join(one.format(number) for number in range(1000, 1000 + fits))))


CORPUS = [
    *(
        Written(path.stem, path.read_bytes().decode())
        for path in sorted((Path(__file__).parent / "corpus").glob("*.xml"), key=lambda path: path.name)
    ),
    _huge("huge-on-consumption", 16 * 1024),
    _huge("huge", 256 * 1024),
]
RESOURCE = "11111111-1111-1111-1111-111111111111"
OWNER = "cluster-a/shop/orders"
BEARER = '@("Bearer " + (string)context.Variables["msi-access-token"])'

MARK = f"<!-- funcgate: owner={OWNER} -->"
TOKEN = (
    f'<authentication-managed-identity resource="{RESOURCE}" output-token-variable-name="msi-access-token"'
    ' ignore-error="false" />'
)
HEADER = f'<set-header name="Authorization" exists-action="override"><value>{BEARER}</value></set-header>'
ROUTE = '<set-backend-service id="apim-generated-policy" backend-id="orders-fn" />'
FORWARD = (
    '<choose><when condition="@(context.Request.Headers.ContainsKey(&quot;Authorization&quot;))">'
    '<set-header name="X-Caller" exists-action="override">'
    '<value>@(context.Request.Headers.GetValueOrDefault("Authorization", ""))</value></set-header></when>'
    '<otherwise><set-header name="X-Caller" exists-action="delete" /></otherwise></choose>'
)
KEPT = HEADER.replace('"Authorization"', '"X-Gateway"')
OURS = MARK + TOKEN + HEADER + ROUTE


def wanted(caller: CallerToken = REPLACED, **fields: str | None) -> Statements:
    """What the binding shop/orders wants."""
    says = {"resource": RESOURCE, "identity_client_id": None, "backend_id": "orders-fn", "owner": OWNER, **fields}
    return Statements(caller=caller, **says)


def a_policy(
    inbound: str = "<base />", backend: str = "<base />", outbound: str = "<base />", error: str = "<base />"
) -> str:
    """A document with these sections."""
    return (
        f"<policies>\n    <inbound>{inbound}</inbound>\n    <backend>{backend}</backend>\n"
        f"    <outbound>{outbound}</outbound>\n    <on-error>{error}</on-error>\n</policies>"
    )


def text_of(written: Written) -> str:
    """The text of a document of the corpus."""
    return written.text


def inbound_of(document: Document) -> list[str]:
    """The statements of the inbound section, one string each, comments too."""
    inbound = etree.fromstring(render(document)).find("inbound")
    assert inbound is not None
    return [etree.tostring(node, encoding="unicode", with_tail=False) for node in inbound]


def as_stored(document: Document) -> str:
    """
    The document as API Management answers it with format=xml: TABs, CRLF, all entities, attributes as sent.

    Source: Azure/azure-cli recordings test_apim_api_policy, test_apim_policy.
    """
    root = etree.fromstring(render(document).encode(), etree.XMLParser(strip_cdata=True))
    around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
    return "\r\n".join(_stored(node, 0) for node in around)


def _stored(node: etree._Element, depth: int) -> str:
    indent = "\t" * depth
    if not isinstance(node.tag, str):
        return indent + _crlf(etree.tostring(node, encoding="unicode", with_tail=False))
    declared = {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in _new_prefixes(node).items()}
    attributes = "".join(f' {name}="{_value(value)}"' for name, value in {**declared, **node.attrib}.items())
    name = f"{node.prefix}:{etree.QName(node).localname}" if node.prefix else etree.QName(node).localname
    if len(node) == 0:
        text = _crlf(_escaped(node.text or ""))
        return f"{indent}<{name}{attributes}>{text}</{name}>" if text else f"{indent}<{name}{attributes} />"
    parts = [_crlf(_escaped((node.text or "").strip()))]
    for child in node:
        parts += [_stored(child, depth + 1), _crlf(_escaped((child.tail or "").strip()))]
    inner = "\r\n".join(part for part in parts if part)
    return f"{indent}<{name}{attributes}>\r\n{inner}\r\n{indent}</{name}>"


def _new_prefixes(node: etree._Element) -> dict[str | None, str]:
    parent = node.getparent()
    known = {} if parent is None else parent.nsmap
    return {prefix: uri for prefix, uri in node.nsmap.items() if known.get(prefix) != uri}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _value(text: str) -> str:
    return _escaped(text).replace('"', "&quot;").replace("\n", "&#xA;").replace("\t", "&#x9;")


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
