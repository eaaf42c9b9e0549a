"""What all commands share: nobody sees a traceback, help fits the screen, data comes out as JSON or YAML."""

import contextlib
import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml
from click.shell_completion import CompletionItem

from funcgate.errors import FuncgateError

ERROR = 1
RUN = "run"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A command in the list of all: the module that has it, and its sentence."""

    module: str
    says: str


class _Commands(dict[str, click.Command]):
    """The commands, each imported when it is needed: the Azure SDKs take a while, and help does not need them."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self.lines = lines
        super().__init__(dict.fromkeys(lines))  # type: ignore[arg-type]  # its values are read below only

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self.lines else default

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"funcgate.cli.{self.lines[name].module}"), name)
        return command


class Shell(click.Group):
    """The group of all commands. Whatever one of them could not do is a sentence on standard error, and ends with 1."""

    def __init__(self, *args: Any, lines: Mapping[str, Line], **options: Any) -> None:
        super().__init__(*args, **options)
        self.lines = lines
        self.commands = _Commands(lines)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A line for each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line.says) for name, line in self.lines.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands by their beginning, or our own options."""
        found = [(name, line) for name, line in self.lines.items() if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=line.says) for name, line in found] + options

    def main(self, *args: Any, **options: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, ValueError):
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without our signs
        return super().main(*args, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people need them."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FuncgateError as error:
            raise click.ClickException(str(error)) from error
        except click.UsageError as wrong:
            wrong.show()
            raise SystemExit(ERROR) from wrong  # 2 has meanings of its own
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(f"{error.filename or 'the system'}: {error.strerror or error}") from error
        except Exception as error:
            if ctx.invoked_subcommand == RUN:
                raise  # the log of the operator shows where
            raise click.ClickException(unforeseen(error)) from error


def unforeseen(error: Exception) -> str:
    """A fault of ours, by its kind and place. Its own words stay out: nobody has looked whether they hold a secret."""
    *_, place = traceback.extract_tb(error.__traceback__)
    where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return f"a fault in funcgate itself ({where}); please report it with what you called"


def show(data: Any, output: str) -> None:
    """Data for programs, as JSON or YAML."""
    if output == "yaml":
        click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(data, indent=2))


class Working:
    """What is being done right now, for people who wait."""

    def say(self, text: str) -> None:
        """The line is this now."""


@contextlib.contextmanager
def working(text: str) -> Iterator[Working]:
    """A line that moves on standard error as long as it takes; nothing where nobody looks."""
    from rich.console import Console  # not needed by most, and it takes a while to load

    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield Working()
        return
    with console.status(f"{text} …") as status:
        said = Working()
        said.say = lambda text: status.update(f"{text} …")  # type: ignore[method-assign]
        yield said
