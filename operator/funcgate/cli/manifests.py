"""What the commands that take manifests share: files → bindings → passes that only look."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml

from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import connect
from funcgate.engine import Engine, Pass
from funcgate.errors import FuncgateError, SpecError
from funcgate.settings import Settings
from funcgate.spec import KIND, Binding, Neighbour

ERROR = 1


class LookingCommand(click.Command):
    """A wrong option ends with 1, since 2 has a meaning of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            wrong.show()
            raise SystemExit(ERROR) from None


def takes_manifests(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command has `-f FILE…` and `-o text|json`."""
    files = click.option(
        "-f",
        "--filename",
        "files",
        multiple=True,
        required=True,
        type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
        help="A manifest; may be given more than once. '-' reads standard input.",
    )
    output = click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
    return files(output(command))


def looked_at(files: Sequence[Path], *, with_calls: bool) -> dict[str, Pass]:
    """
    A pass over each binding in the files that writes nothing, by its name. Raises ClickException.

    `with_calls`: those of spec.verify are made too, which may run a function.
    """
    try:
        settings = Settings.read()
        bindings = _together([Binding.of(each, instance_id=settings.instance_id) for each in _manifests(files)])
        if not bindings:
            raise SpecError("kind", f"no {KIND} in {', '.join(map(str, files))}")
        return asyncio.run(_passes(settings, bindings, with_calls=with_calls))
    except FuncgateError as error:
        raise click.ClickException(str(error)) from error


def _manifests(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with click.open_file(str(file)) as text:
            try:
                documents = list(yaml.safe_load_all(text))
            except yaml.YAMLError as error:
                raise SpecError(str(file), f"is not YAML: {error}") from None
        yield from (each for each in documents if isinstance(each, dict) and each.get("kind") == KIND)


def _together(bindings: Sequence[Binding]) -> list[Binding]:
    """The bindings, each knowing the others of its function app; who stands first counts as older."""

    def neighbours(place: int, of: Binding) -> Iterator[Neighbour]:
        for other_place, other in enumerate(bindings):
            if other is not of and other.spec.function_app.id.lower() == of.spec.function_app.id.lower():
                yield Neighbour.of(f"{other.namespace}/{other.name}", other.spec, older=other_place < place)

    return [replace(each, neighbours=tuple(neighbours(place, each))) for place, each in enumerate(bindings)]


async def _passes(settings: Settings, bindings: Sequence[Binding], *, with_calls: bool) -> dict[str, Pass]:
    endpoints = settings.endpoints()
    async with connect(endpoints) as azure:
        checks = all_checks(azure) if with_calls else ()
        engine = Engine(all_aspects(azure, endpoints), azure.resources.is_gone, checks)
        done = await asyncio.gather(*(engine.reconcile(each, dry_run=True) for each in bindings))
    return {f"{each.namespace}/{each.name}": one for each, one in zip(bindings, done, strict=True)}
