"""The way of a call as a picture in a terminal, and as lines where no picture can be."""

import io
import re

import pytest

from funcgate.cli.picture import draw
from funcgate.report import Link, State

LINKS = [
    Link(name="caller", state=State.HOLDS, says=("Published.",)),
    Link(name="gateway", state=State.HOLDS, says=("Points there.", "Sends a token.")),
    Link(name="token", state=State.HOLDS, says=("Calls as client b.",)),
    Link(name="key", state=State.HOLDS, says=("Known.",)),
    Link(name="door", state=State.BROKEN, says=("ExcludedPaths: lets anybody in on /open",)),
    Link(name="function", state=State.UNKNOWN, says=("Waiting",)),
    Link(name="proof", state=State.UNKNOWN, says=("Waiting: waits for EasyAuthReady",)),
]
LINES = [
    "shop/orders",
    "  ✓ caller    Published.",
    "  ✓ gateway   Points there.",
    "              Sends a token.",
    "  ✓ token     Calls as client b.",
    "  ✓ key       Known.",
    "  ✗ door      ExcludedPaths: lets anybody in on /open",
    "  ? function  Waiting",
    "  ? proof     Waiting: waits for EasyAuthReady",
    "  → DoorOpen: calls get in",
]
PICTURE = [
    "  ╭────────╮  ╭─────────╮  ╭───────╮  ╭─────╮  ╭──────╮  ╭──────────╮",
    "  │ caller │─▶│ gateway │─▶│ token │─▶│ key │─╳│ door │┄▶│ function │",
    "  ╰───✓────╯  ╰────✓────╯  ╰───✓───╯  ╰──✓──╯  ╰──✗───╯  ╰────?─────╯",
]
ESCAPES = re.compile(r"\x1b\[([\d;]*)m")


def drawn(monkeypatch: pytest.MonkeyPatch, *, columns: int = 80, **environment: str) -> str:
    """What is drawn where these are set; FORCE_COLOR stands for a terminal."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color", "COLUMNS": str(columns)} | environment).items():
        monkeypatch.setenv(name, value)
    to = io.StringIO()
    draw("shop/orders", LINKS, LINES, to)
    return to.getvalue()


def test_in_a_pipe_there_are_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch).splitlines() == LINES


def test_in_a_terminal_the_links_are_boxes_and_their_sentences_stand_below(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(monkeypatch, FORCE_COLOR="1")
    assert ESCAPES.sub("", shown).splitlines() == [LINES[0], *PICTURE, *LINES[1:]]


def test_what_holds_is_green_what_is_broken_red_with_its_cause_and_what_nobody_saw_yellow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = {ESCAPES.sub("", line): line for line in drawn(monkeypatch, FORCE_COLOR="1").splitlines()}
    colours = {line.split()[1]: ESCAPES.findall(lines[line])[0] for line in LINES[1:] if line[2] in "✓✗?"}
    assert colours == {
        **dict.fromkeys(("caller", "gateway", "token", "key"), "32"),
        "door": "1;31",
        "function": "33",
        "proof": "33",
    }
    assert lines[LINES[6]] == f"\x1b[1;31m{LINES[6]}\x1b[0m"


def test_without_colours_the_picture_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(monkeypatch, FORCE_COLOR="1", NO_COLOR="1")
    assert set(ESCAPES.findall(shown)) <= {"0", "1"}
    assert PICTURE[1] in ESCAPES.sub("", shown)


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, FORCE_COLOR="1", TERM="dumb").splitlines() == LINES


def test_where_it_is_too_wide_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ESCAPES.sub("", drawn(monkeypatch, columns=60, FORCE_COLOR="1")).splitlines() == LINES
