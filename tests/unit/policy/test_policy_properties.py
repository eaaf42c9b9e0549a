"""What holds for every policy document, whoever wrote it."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from funcgate.policy import REPLACED, CallerToken, Document, differences, equal, find, merge, parse, remove, render
from unit.policy.documents import FORWARD, HEADER, KEPT, MARK, ROUTE, TOKEN, a_policy, as_stored, inbound_of, wanted

PATIENT = settings(deadline=None, max_examples=40)

CALLERS = (REPLACED, CallerToken(handed_on_in="X-Caller"), CallerToken(token_in="X-Gateway"))
BLOCKS = {caller: inbound_of(merge(None, wanted(caller)))[1:] for caller in CALLERS}
CALLER = st.sampled_from(CALLERS)
PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from("<>&;()[]{} '"), max_size=12
)


@dataclass(frozen=True)
class Code:
    """A C# expression as it is meant."""

    text: str


def a_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def a_verbatim_string(text: str) -> str:
    return '@"' + text.replace('"', '""') + '"'


def an_interpolated_string(text: str) -> str:
    return '$"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}") + ' {a["k"]:x)}"'


ATOMS = st.one_of(
    PRINTABLE.map(a_string),
    PRINTABLE.map(a_verbatim_string),
    PRINTABLE.map(an_interpolated_string),
    st.sampled_from(
        ["a", "1 < 2", "b && c", "d[0]", "e.As<JObject>()", "')'", "'\\''", "'\"'", "/* it's ) */ f", "// it's )\n g"]
    ),
)
CODE = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" + ".join),
        inner.map("({})".format),
        inner.map(lambda code: "new[] { " + code + " }"),
        inner.map("h[{}]".format),
    ),
    max_leaves=5,
)
EXPRESSIONS = st.one_of(CODE.map("@({})".format), CODE.map(lambda code: "@{ return " + code + "; }")).map(Code)


def spelled(expression: Code, raw: bool) -> tuple[str, str]:
    """As an attribute with its quotes, and as text."""
    if raw:
        return f'"{expression.text}"', expression.text
    value = escape(expression.text, {'"': "&quot;", "\n": "&#xA;"})
    return f'"{value}"', escape(expression.text)


def statement(kind: int, expression: Code, raw: bool) -> str:
    value, text = spelled(expression, raw)
    return [
        f"<set-variable name='v' value={value} />",
        f"<choose><when condition={value}><set-status code='404' /></when><otherwise /></choose>",
        f"<set-header name='X-Custom'><value>{text}</value></set-header>",
        f"<set-body>\n{text}\n</set-body>",
        "<validate-jwt header-name='Authorization'><audiences><audience>a</audience></audiences></validate-jwt>",
        "<!-- somebody's comment, <b> & all -->",
        "<cors />",
        "{{a-named-value}}",
    ][kind]


PARTS = st.lists(st.tuples(st.integers(0, 7), EXPRESSIONS), max_size=5)
SECTIONS = st.fixed_dictionaries({"inbound": PARTS, "outbound": PARTS})
FORCES_RAW = Code('@("a" + b)')  # a quote within quotes: no longer XML


def document(parts: dict[str, list[tuple[int, Code]]], raw: bool = False) -> str:
    written = {
        name: "<base />" + "".join(statement(kind, expression, raw) for kind, expression in [*some, (0, FORCES_RAW)])
        for name, some in parts.items()
    }
    return a_policy(**written)


@PATIENT
@given(SECTIONS)
def test_both_forms_of_a_document_mean_the_same(parts: dict[str, list[tuple[int, Code]]]) -> None:
    assert differences(parse(document(parts, raw=True)), parse(document(parts))) == ()


@PATIENT
@given(EXPRESSIONS)
def test_an_expression_goes_through_merging_and_storing_as_it_was(expression: Code) -> None:
    for raw in (True, False):
        text = document({"inbound": [(0, expression), (2, expression)]}, raw)
        sent = render(merge(parse(text), wanted()))
        for seen in (sent, as_stored(parse(sent))):
            inbound = etree.fromstring(seen).find("inbound")
            assert inbound is not None
            assert inbound.find("set-variable").get("value") == expression.text
            assert inbound.find("set-header/value").text.replace("\r\n", "\n") == expression.text


@PATIENT
@given(SECTIONS, CALLER)
def test_merging_is_idempotent_and_leaves_nothing_that_differs(
    parts: dict[str, list[tuple[int, Code]]], caller: CallerToken
) -> None:
    once = merge(parse(document(parts)), wanted(caller))
    assert equal(merge(once, wanted(caller)), once)
    assert find(once, wanted(caller)).differs == ()
    assert find(once).statements == wanted(caller)


@PATIENT
@given(SECTIONS, CALLER, CALLER)
def test_what_becomes_of_the_callers_token_can_be_changed_without_a_trace(
    parts: dict[str, list[tuple[int, Code]]], before: CallerToken, after: CallerToken
) -> None:
    changed = merge(merge(parse(document(parts)), wanted(before)), wanted(after))
    assert differences(changed, merge(parse(document(parts)), wanted(after))) == ()


@PATIENT
@given(SECTIONS, CALLER)
def test_taking_ours_out_again_leaves_what_was_there(
    parts: dict[str, list[tuple[int, Code]]], caller: CallerToken
) -> None:
    before = parse(document(parts))
    after = remove(merge(before, wanted(caller)))
    assert after is not None
    assert differences(after, before) == ()
    assert others_of(after) == others_of(before)


@PATIENT
@given(SECTIONS, CALLER)
def test_what_api_management_makes_of_a_document_is_no_difference(
    parts: dict[str, list[tuple[int, Code]]], caller: CallerToken
) -> None:
    merged = merge(parse(document(parts)), wanted(caller))
    stored = parse(as_stored(merged))
    assert differences(stored, merged) == ()
    assert find(stored, wanted(caller)).differs == ()


OURS_IN_PIECES = st.lists(st.sampled_from([MARK, TOKEN, FORWARD, HEADER, KEPT, ROUTE]), max_size=6)
WRAPPED = st.booleans()


@PATIENT
@given(
    SECTIONS,
    st.dictionaries(st.sampled_from(["inbound", "outbound", "backend", "error"]), OURS_IN_PIECES),
    WRAPPED,
    CALLER,
)
def test_wherever_ours_lie_about_they_are_gathered_and_others_stay(
    parts: dict[str, list[tuple[int, Code]]], pieces: dict[str, list[str]], wrapped: bool, caller: CallerToken
) -> None:
    """Routes apart, where none of ours is missing or nothing else is ours: an import left them, and they stay."""
    block = BLOCKS[caller]
    sections = {name: [statement(kind, code, False) for kind, code in some] for name, some in parts.items()}
    clean = {name: "<base />" + "".join(some) for name, some in sections.items()}
    littered = dict(clean)
    for name, lying in pieces.items():
        some = "".join(lying)
        wrapper = f"<choose><when condition='a'>{some}</when></choose>" if wrapped else some
        littered[name] = littered.get(name, "<base />") + wrapper
        clean[name] = clean.get(name, "<base />") + wrapper.replace(some, "")
    merged = merge(parse(a_policy(**littered)), wanted(caller))
    assert find(merged, wanted(caller)).differs == ()
    assert without_routes(others_of(merged)) == others_of(parse(a_policy(**clean)))
    start = inbound_of(merged).index(block[0])
    assert inbound_of(merged)[start : start + len(block)] == block
    assert all(render(merged).count(node) == 1 for node in block[:-1])


def without_routes(written: list[str]) -> list[str]:
    bare = (each.replace(BLOCKS[REPLACED][-1], "").replace('"a"></when>', '"a"/>') for each in written)
    return [text for text in bare if not text.endswith(": ")]


CHANGES = st.tuples(
    st.sampled_from(["authentication-managed-identity", "set-header", "set-backend-service"]),
    st.sampled_from(
        [
            "resource",
            "client-id",
            "output-token-variable-name",
            "ignore-error",
            "name",
            "exists-action",
            "id",
            "backend-id",
            "base-url",
            "unheard-of",
        ]
    ),
    st.none() | PRINTABLE,
)
SILENT = {("authentication-managed-identity", "ignore-error"), ("set-header", "exists-action")}


@PATIENT
@given(CHANGES)
def test_any_change_to_an_attribute_of_ours_is_a_difference(change: tuple[str, str, str | None]) -> None:
    tag, name, value = change
    merged = merge(None, wanted())
    root = etree.fromstring(render(merged))
    node = root.find(f"inbound/{tag}")
    assert node is not None
    before = node.get(name)
    if value is not None:
        node.set(name, value)
    elif name in node.attrib:
        del node.attrib[name]
    changed = parse(etree.tostring(root, encoding="unicode"))
    silent = node.get(name) == before or (value is None and (tag, name) in SILENT)
    assert (find(changed, wanted()).differs == ()) is silent
    assert equal(changed, merged) is silent


@PATIENT
@given(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1).filter(str.strip))
def test_any_owner_can_be_written_and_read(owner: str) -> None:
    merged = merge(None, wanted(owner=owner))
    assert find(parse(as_stored(merged))).owner == owner


def others_of(document: Document) -> list[str]:
    """Everything but ours, in order, as canonical XML."""
    root = etree.fromstring(render(document))
    written = []
    for node in root.iter():
        if isinstance(node.tag, str) and len(node):
            node.text = (node.text or "").strip()
        node.tail = (node.tail or "").strip()
    for section in root:
        for node in section:
            text = etree.tostring(node, encoding="unicode", with_tail=False)
            written += [] if any(text in block for block in BLOCKS.values()) else [f"{section.tag}: {text}"]
    return written
