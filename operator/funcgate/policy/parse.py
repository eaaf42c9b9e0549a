"""Policy documents: from text and back."""

import re
from typing import Any

from lxml import etree

from funcgate.policy.document import SECTIONS, Document, Element, PolicyError, is_element, line_of, tree
from funcgate.policy.rawxml import Escaped, escape_expressions, keep_line_ends
from funcgate.policy.scanner import is_whole

DECLARATION = re.compile(r"\A\s*<\?xml\s.*?\?>", re.DOTALL)
OPEN_EXPRESSION = re.compile(r">\s*@[({][^<]*<[^/]")
"""An expression in a text before whose end some markup begins."""

POSITION = re.compile(r", line \d+, column \d+$")


def parse(text: str | None) -> Document:
    """
    The document in `text`, in either form that API Management answers; nothing at all is a document without sections.

    What is XML is read as XML (`format=xml`: `&lt;` in an expression means `<`). What is not, or would tear an
    expression apart, is read as `rawxml`, expressions verbatim. Raises PolicyError.
    """
    source = (text or "").removeprefix("\ufeff")
    if source.count("\r") != source.count("\r\n"):  # pairs are no trouble to anybody
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    source = DECLARATION.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), source, count=1)
    if not source.strip():
        return read_xml("<policies/>")
    try:
        document = read_xml(source)
    except PolicyError:
        return _checked(_read(escape_expressions(source)))
    if not OPEN_EXPRESSION.search(source) or not _is_torn(document):
        return document
    try:
        return _checked(_read(escape_expressions(source)))
    except PolicyError:
        return document


def read_xml(text: str) -> Document:
    """The document in a text that is XML as it stands. Raises PolicyError."""
    return _checked(_read(keep_line_ends(text)))


def render(document: Document) -> str:
    """
    The document as XML, to PUT with `format=xml`.

    Expressions are escaped by XML's own rules, so every character of them arrives as it is; in `rawxml` an entity in an
    expression can be read in two ways.
    Source: Azure/azure-rest-api-specs, PolicyContentFormat: xml is "a valid XML", rawxml "not XML encoded".
    """
    root = tree(document)
    around = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
    return "\n".join(etree.tostring(node, encoding="unicode", with_tail=False) for node in around)


def with_lines(document: Document) -> Document:
    """The document as it will be read from the text that is sent, unless it was read from one."""
    return document if document.has_lines else read_xml(render(document))


PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, strip_cdata=False, encoding="utf-8"
)
"""Of no use but to read one document after the other; lxml lets threads take turns."""


def _read(escaped: Escaped) -> Element:
    try:
        root = etree.fromstring(escaped.text.encode("utf-8", "surrogatepass"), PARSER)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise PolicyError(POSITION.sub("", str(error.msg)), *escaped.origin(line, max(column, 1))) from None
    if "<!DOCTYPE" in escaped.text and _has_type(root):
        raise PolicyError("a document type is not allowed", 1, 1)
    return root


def _has_type(root: Element) -> bool:
    about: Any = root.getroottree().docinfo
    return about.internalDTD is not None


def _checked(root: Element) -> Document:
    if root.tag != "policies":
        raise PolicyError(f"the root is <{root.tag}>, not <policies>", line_of(root), 1)
    seen = set()
    for child in root:
        if child.tag in seen:
            raise PolicyError(f"<{child.tag}> stands here a second time", line_of(child), 1)
        seen.update({child.tag}.intersection(SECTIONS))
    return Document(root)


def _is_torn(document: Document) -> bool:
    """Whether markup inside a string of an expression was taken for markup of the document."""
    return any(len(node) > 0 and not is_whole(node.text or "") for node in tree(document).iter() if is_element(node))
