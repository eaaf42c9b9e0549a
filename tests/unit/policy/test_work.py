"""What a large document costs: work is counted, not timed."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from funcgate.policy import contradictions, cut_off, differences, equal, find, merge, parse, remove
from unit.policy.documents import FORWARD, HEADER, MARK, OURS, ROUTE, TOKEN, a_policy, wanted

HANDED = FORWARD.partition("<set-header")[1] + FORWARD.partition("<set-header")[2].partition("</when>")[0]
MANY = 150
DEEPEST = 250  # libxml2 reads no more than 256 levels
LINES = {
    "the same statement": lambda n: "<set-variable name='a' value='1' />" * n,
    "the same behind the outer scopes": lambda n: "<base />" + "<set-variable name='a' value='1' />" * n,
    "different statements": lambda n: "".join(f"<set-variable name='a{i:06}' value='1' />" for i in range(n)),
    "others between ours": lambda n: TOKEN + "<trace />" * n + HEADER,
    "others in another order": lambda n: "".join(f"<trace a='{i % 7}' />" for i in range(n)) + "<base />",
    "tokens": lambda n: TOKEN * n,
    "headers before tokens": lambda n: HEADER * n + TOKEN * n,
    "marks": lambda n: (MARK + "<!-- why -->") * n,
    "marks and one block": lambda n: MARK * n + OURS,
    "routes": lambda n: OURS + "<set-backend-service backend-id='other' />" * n,
    "routes of ours": lambda n: ROUTE * n,
    "routes under conditions": lambda n: f"<choose><when condition='a'>{ROUTE}</when></choose>" * n,
    "text between statements": lambda n: f"a{MARK}b<trace />" * n,
    "code of many lines": lambda n: '<a b="@{\n\treturn 1;\n}" /><!-- <a b="@{\n}" /> -->' * n,
    "fragments and checks": lambda n: (
        "<include-fragment fragment-id='a' /><validate-jwt header-name='Authorization' />" * n
    ),
    "comments between ours": lambda n: MARK + "<!-- why -->" * n + TOKEN + "<!-- why -->" * n + HEADER,
    "callers' tokens handed on": lambda n: FORWARD * n,
    "one that hands on much": lambda n: FORWARD.replace("<otherwise>", "<otherwise>" + HANDED * n),
    "answers": lambda n: "<choose><when condition='a'><return-response /></when><otherwise /></choose>" * n + OURS,
    "expressions": lambda n: '<a b="@(c["d"] &lt; "e" // why &#10;)" />' * n,
}


def calls(work: Callable[[], Any]) -> int:
    """How many functions were called, ours and the interpreter's; a generator that goes on counts each time."""
    count = 0

    def counted(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def everything(text: str) -> None:
    document = parse(text)
    find(document)
    find(document, wanted())
    merged = merge(document, wanted())
    for each in (document, merged):
        contradictions(each)
        cut_off(each, wanted(backend_id="another", resource="another"))
        remove(each)
    differences(document, merged)
    equal(document, merged)


@pytest.mark.parametrize("inbound", LINES.values(), ids=LINES)
def test_twice_the_statements_are_twice_the_work(inbound: Callable[[int], str]) -> None:
    everything(a_policy(inbound(1)))  # patterns are compiled once
    half, whole = (calls(lambda n=n: everything(a_policy(inbound(n)))) for n in (MANY, 2 * MANY))
    assert whole < 2.3 * half


def test_the_deepest_document_that_can_be_read_is_judged() -> None:
    text = a_policy("<a>" * DEEPEST + OURS + "</a>" * DEEPEST)
    everything(text)
    assert find(parse(text), wanted()).differs
