"""
The text of a policy document: read with positions, written back the way API Management stores it.

`xml` must be XML as it stands; `rawxml` may hold expressions verbatim, quotes and angle brackets included. What comes
back is never what was sent: one TAB per depth, CRLF line ends, entities where XML wants them; `<x />` stays `<x />`
and `<x></x>` stays `<x></x>`, comments stay.
Sources: Azure/azure-cli recordings test_apim_api_policy and test_apim_policy; Azure/azure-rest-api-specs (the
PolicyContract formats).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from azuresim.policy.expressions import is_expression


class MalformedPolicy(ValueError):
    """The text is no XML; the message ends with line and position, as .NET's XmlReader writes it."""


@dataclass
class Comment:
    text: str


@dataclass
class Element:
    """One element with the position of its name in the submitted text, both counted from one."""

    name: str
    attributes: dict[str, str]
    line: int
    column: int
    children: list[Element | Comment] = field(default_factory=list)
    text: str = ""
    closed_at_once: bool = False

    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    def named(self, name: str) -> list[Element]:
        return [child for child in self.elements() if child.name == name]

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.elements():
            yield from child.walk()


@dataclass
class PolicyText:
    """A document: its root, and the comments around it."""

    before: list[Comment]
    root: Element
    after: list[Comment]


def read(text: str, raw: bool) -> PolicyText:
    """The document in `text`. Raises MalformedPolicy with line and position in the text as it was submitted."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    escaped, moved = escape_expressions(text) if raw else (text, [])
    return Reader(text, escaped, moved).read()


DEEPEST = 128
"""Elements inside one another. Where API Management gives up is unknown; this keeps the simulator from it."""

Moved = tuple[int, int]
"""An offset in the escaped text and the one in the submitted text that it stands for; both count on from there."""


class Reader:
    def __init__(self, submitted: str, escaped: str, moved: list[Moved]) -> None:
        self.submitted, self.moved = submitted, [(0, 0), *moved]
        try:
            self.data = escaped.encode()
        except UnicodeEncodeError as wrong:
            raise MalformedPolicy(
                f"hexadecimal value 0x{ord(escaped[wrong.start]):X}, is an invalid character."
            ) from None
        self.open: list[Element] = []
        self.root: Element | None = None
        self.before: list[Comment] = []
        self.after: list[Comment] = []
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.ordered_attributes = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.CommentHandler = self.comment
        self.parser.StartDoctypeDeclHandler = self.doctype

    def read(self) -> PolicyText:
        try:
            self.parser.Parse(self.data, True)
        except expat.ExpatError as error:
            line, column = self.position(self.parser.ErrorByteIndex)
            raise MalformedPolicy(f"{expat.ErrorString(error.code)}. Line {line}, position {column}.") from None
        if self.root is None:
            raise MalformedPolicy("Root element is missing.")
        return PolicyText(self.before, self.root, self.after)

    def position(self, at: int) -> tuple[int, int]:
        escaped_offset = len(self.data[: max(at, 0)].decode(errors="ignore"))
        escaped, submitted = self.moved[bisect_right(self.moved, (escaped_offset, len(self.submitted))) - 1]
        before = self.submitted[: submitted + escaped_offset - escaped]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def start(self, name: str, attributes: list[str]) -> None:
        line, column = self.position(self.parser.CurrentByteIndex)
        if len(self.open) >= DEEPEST:
            raise MalformedPolicy(f"The document is nested too deeply. Line {line}, position {column + 1}.")
        element = Element(name, dict(zip(attributes[::2], attributes[1::2], strict=True)), line, column + 1)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, _name: str) -> None:
        element = self.open.pop()
        at = self.parser.CurrentByteIndex
        element.closed_at_once = not element.children and not element.text and self.data[at - 2 : at] == b"/>"
        if not element.text.strip():
            element.text = ""

    def characters(self, text: str) -> None:
        self.open[-1].text += text

    def comment(self, text: str) -> None:
        within = self.open[-1].children if self.open else self.before if self.root is None else self.after
        within.append(Comment(text))

    def doctype(self, *_: object) -> None:
        raise MalformedPolicy("For security reasons DTD is prohibited in this XML document.")


MARKUP = re.compile(r"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[!?/]?[^\s<>"'=]*|/?>|["']|@[({]""", re.DOTALL)
"""What a reader of rawxml must notice: comments, tags, quotes, and where an expression may begin."""


def escape_expressions(text: str) -> tuple[str, list[Moved]]:
    """The text with each expression escaped for XML, and where offsets moved by that."""
    pieces: list[str] = []
    moved: list[Moved] = []
    at = length = 0
    for start, end in expressions_in(text):
        escaped = escape(text[start:end], attribute=True).replace("'", "&apos;")
        pieces += [text[at:start], escaped]
        length += start - at + len(escaped)
        moved.append((length, end))
        at = end
    return "".join([*pieces, text[at:]]), moved


def expressions_in(text: str) -> Iterator[tuple[int, int]]:
    """Where expressions stand: as a whole attribute value, or as the whole text of an element."""
    at, in_tag, quote = 0, False, ""
    fresh = False  # nothing but white space since the quote or the tag's end
    while found := MARKUP.search(text, at):
        token = found.group()
        fresh = fresh and not text[at : found.start()].strip()
        start, at = found.start(), found.end()
        if token in ("@(", "@{"):
            if fresh and (quote or not in_tag):
                at = end_of_expression(text, start)
                yield start, at
            fresh = False
        elif token in ('"', "'"):
            fresh = in_tag and not quote
            if in_tag and quote in ("", token):
                quote = "" if quote else token
        elif not quote:
            if token in (">", "/>"):
                in_tag, fresh = False, in_tag
            elif not token.startswith(("<!--", "<![CDATA[")):
                in_tag, fresh = True, False


CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|@\$?"(?:[^"]|"")*"|\$@"(?:[^"]|"")*"|\$?"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'|[()\[\]{}]""",
    re.DOTALL | re.VERBOSE,
)


def end_of_expression(text: str, start: int) -> int:
    """The offset behind the bracket that closes the expression; C# strings, characters, comments are stepped over."""
    depth = 0
    for found in CODE.finditer(text, start + 1):
        if found.group() in "([{":
            depth += 1
        elif found.group() in ")]}":
            depth -= 1
            if depth == 0:
                return found.end()
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    raise MalformedPolicy(f"The expression that begins here is never closed. Line {line}, position {column}.")


def write(document: PolicyText, raw: bool) -> str:
    """The document as API Management answers it, with expressions escaped (`xml`) or verbatim (`rawxml`)."""
    parts: list[Element | Comment] = [*document.before, document.root, *document.after]
    return "\r\n".join(line for part in parts for line in lines_of(part, 0, raw))


def lines_of(node: Element | Comment, depth: int, raw: bool) -> Iterator[str]:
    indent = "\t" * depth
    if isinstance(node, Comment):
        yield f"{indent}<!--{crlf(node.text)}-->"
        return
    attributes = "".join(f' {name}="{written(value, raw, attribute=True)}"' for name, value in node.attributes.items())
    text = written(node.text, raw, attribute=False)
    if node.closed_at_once:
        yield f"{indent}<{node.name}{attributes} />"
    elif not node.children:
        yield f"{indent}<{node.name}{attributes}>{text}</{node.name}>"
    else:
        yield f"{indent}<{node.name}{attributes}>{text.strip()}"
        for child in node.children:
            yield from lines_of(child, depth + 1, raw)
        yield f"{indent}</{node.name}>"


def written(text: str, raw: bool, attribute: bool) -> str:
    if raw and is_expression(text):
        return crlf(text)
    return escape(text, attribute) if attribute else crlf(escape(text, attribute))


def escape(text: str, attribute: bool) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if attribute:
        text = text.replace('"', "&quot;").replace("\n", "&#xA;")
    return text


def crlf(text: str) -> str:
    return re.sub(r"\r?\n", "\r\n", text)


BUILT_IN_GLOBAL = read("<policies><inbound /><backend><forward-request /></backend><outbound /></policies>", raw=False)
"""What applies when a service has no global policy of its own: the call is simply forwarded."""
