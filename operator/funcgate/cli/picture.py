"""The way of a call as a picture in a terminal: a box a link, green, red or yellow, and its sentence below."""

from collections.abc import Sequence
from typing import IO

from rich.console import Console
from rich.text import Text

from funcgate.report import MARKS, Link, State

COLOURS = {State.HOLDS: "green", State.BROKEN: "bold red", State.UNKNOWN: "yellow"}
ARROWS = {State.HOLDS: "─▶", State.BROKEN: "─╳", State.UNKNOWN: "┄▶"}
PROOF = "proof"
"""What calls have proven is no link that a call passes."""


def draw(name: str, links: Sequence[Link], lines: Sequence[str], to: IO[str] | None = None) -> None:
    """
    The picture where it can be seen, and below it the lines; the lines alone where it cannot.

    No colours with NO_COLOR; no picture in pipes and files, with TERM=dumb, and where it is too wide.
    """
    console = Console(file=to, highlight=False, soft_wrap=True)
    if not console.is_terminal or console.is_dumb_terminal:
        console.file.write("".join(f"{line}\n" for line in lines))
        return
    first, *rest = lines
    console.print(Text(first, style="bold"))
    boxes = [link for link in links if link.name != PROOF]
    drawn = [Text("  ").append_text(row) for row in _rows(boxes)]
    if max(row.cell_len for row in drawn) <= console.width:
        for row in drawn:
            console.print(row)
    states = {f"  {MARKS[link.state]} {link.name}": link.state for link in links}
    style = ""
    for line in rest:
        style = next((COLOURS[state] for start, state in states.items() if line.startswith(start)), style)
        console.print(_lit(line, style))


def _lit(line: str, style: str) -> Text:
    """Sign and name of a link in its colour; what is said of a broken one too; effects on their own."""
    if line.startswith("  →"):
        return Text(line, style="bold")
    if "red" in style:
        return Text(line, style=style)
    text = Text(line)
    if not line.startswith("   "):
        text.stylize(style, 0, 13)
    return text


def _rows(links: Sequence[Link]) -> list[Text]:
    rows = [Text(), Text(), Text()]
    for place, link in enumerate(links):
        style, inner = COLOURS[link.state], len(link.name) + 2
        if place:
            for row, arrow in zip(rows, ("  ", ARROWS[link.state], "  "), strict=True):
                row.append(arrow, style)
        rows[0].append(f"╭{'─' * inner}╮", style)
        rows[1].append(f"│ {link.name} │", style)
        rows[2].append(f"╰{MARKS[link.state].center(inner, '─')}╯", style)
    return rows
