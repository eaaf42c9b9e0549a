"""
The screen of the demo as a picture: `make screen` writes docs/images/demo.svg from what a real run prints.

What kubectl shows while it watches is left out, up to the table at its end, and so are the claims of tokens.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.svg"
COLUMNS = 100
LEFT_OUT = re.compile(r"^==> (the|funcgate's) |the function saw a token|^    \d+ s$|^    NAMESPACE|^    shop ")
HEAVY, GOOD, BAD, FAINT = "bold", "bold green", "bold red", "dim"

THEME = TerminalTheme(
    (13, 17, 23),
    (201, 209, 217),
    [
        *((72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34)),  # black, red, green, yellow
        *((88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)),  # blue, magenta, cyan, white
    ],
)

# As rich draws it, but with the fonts of whoever looks: a picture that loads others' fonts tells them who looks.
FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def told(printed: str) -> Iterator[str]:
    """The lines that tell the story."""
    yield "$ make demo"
    yield from (line for line in printed.splitlines() if not LEFT_OUT.search(line))


def coloured(line: str) -> Text:
    """The line as people read it: what is going on, what was let in, what was refused."""
    text = Text(line, style=HEAVY if line.startswith(("==>", "$")) else "")
    text.highlight_regex(r"\.{3,}", FAINT)
    if "past the gateway" in line:
        text.highlight_regex(r" 200$", BAD)
        text.highlight_regex(r" 40[13]$", GOOD)
    else:
        text.highlight_regex(r" 200$", GOOD)
    text.highlight_regex(r"\bTrue\b", GOOD)
    text.highlight_regex(r"status\.drift: .*|event DriftCorrected: .*", "bold yellow")
    return text


def drawn(printed: str) -> str:
    """The picture of what a run printed."""
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, color_system="truecolor", force_terminal=True)
        for line in told(printed):
            console.print(coloured(line), no_wrap=True, overflow="ellipsis", crop=True)
        return console.export_svg(title="funcgate", theme=THEME, code_format=FORMAT, unique_id="demo")


def main() -> None:
    """Runs the demo once and draws it; exits as the demo does when it did not come out well."""
    command = [sys.executable, "-m", "demo", "--once"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(run.stdout)
    if run.returncode:
        sys.exit(run.returncode)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(drawn(run.stdout))


if __name__ == "__main__":
    main()
