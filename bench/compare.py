"""
What it costs to read a policy document, put ours in and say what differs, beside what lxml takes to read the same text.

Processor time, taken in turns with lxml, so that both see the same machine. Where cost grows with the size alone, both
sizes come to about the same ratio.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from lxml import etree

from bench.figures import Figure
from funcgate.policy import Statements, differences, merge, parse, render

MOST_PARSES = 4.0
KIBIBYTES = (2, 200)
ROUNDS = 40
SECONDS_A_ROUND = 0.004
WANTED = Statements(
    resource="11111111-1111-1111-1111-111111111111",
    identity_client_id=None,
    backend_id="orders-fn",
    owner="cluster-a/shop/orders",
)
FRAME = """<policies>
\t<inbound>
\t\t<base />
{}\t</inbound>
\t<backend>
\t\t<base />
\t</backend>
\t<outbound>
\t\t<base />
\t</outbound>
\t<on-error>
\t\t<base />
\t</on-error>
</policies>"""
OTHERS = """\t\t<choose>
\t\t\t<when condition="@(context.Request.Headers.GetValueOrDefault(&quot;X-Kind&quot;, null) == &quot;{0}&quot;)">
\t\t\t\t<!-- what was agreed with team {0} -->
\t\t\t\t<set-header name="X-Team" exists-action="override">
\t\t\t\t\t<value>@(context.Variables.GetValueOrDefault&lt;string&gt;("team-{0}", "none"))</value>
\t\t\t\t</set-header>
\t\t\t</when>
\t\t\t<otherwise>
\t\t\t\t<set-variable name="kind" value="{0}" />
\t\t\t</otherwise>
\t\t</choose>
"""
DRIFTED = replace(WANTED, backend_id="another")


def measure() -> list[Figure]:
    """What nearly every look finds, a document as it must be; for information also one to mend."""
    right = [_figure("as it must be", WANTED, size, MOST_PARSES) for size in KIBIBYTES]
    return [*right, *(_figure("to mend", DRIFTED, size, None) for size in KIBIBYTES)]


def _figure(name: str, said: Statements, size: int, most: float | None) -> Figure:
    text = _text(said, size)
    ours, theirs = _best([lambda: compared(text), lambda: etree.fromstring(text.encode())])
    kib = len(text.encode()) / 1024
    return Figure(
        name=f"{size} KiB, {name}: parse, merge and compare",
        value=ours / theirs,
        unit="parses",
        most=most,
        details={"KiB": kib, "microseconds a KiB": 1e6 * ours / kib, "lxml": 1e6 * theirs / kib},
    )


def compared(text: str) -> tuple[str, ...]:
    """What a look at a policy comes to: what of it is not as it must be."""
    document = parse(text)
    return differences(document, merge(document, WANTED))


def _text(said: Statements, size: int) -> str:
    """A document of about that size, most of it somebody else's, as API Management answers it."""
    room = size * 1024 - len(_with(said, 0))
    return _with(said, room // len(OTHERS.format("000")))


def _with(said: Statements, count: int) -> str:
    others = "".join(OTHERS.format(f"{number:03}") for number in range(count))
    text = render(merge(parse(FRAME.format(others)), said))
    return text.replace("\n", "\r\n")


def _best(works: Sequence[Callable[[], object]]) -> list[float]:
    """Seconds that each takes when nothing comes in between: the shortest of many rounds, taken in turns."""
    often = [_how_often(work) for work in works]
    best = [float("inf")] * len(works)
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for index, work in enumerate(works):
                best[index] = min(best[index], _seconds(work, often[index]) / often[index])
    finally:
        gc.enable()
    return best


def _how_often(work: Callable[[], object]) -> int:
    work()
    return max(1, int(SECONDS_A_ROUND / _seconds(work, 1)))


def _seconds(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - began
