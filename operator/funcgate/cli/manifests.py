"""What the commands that only look share: files or names → bindings → passes that write nothing."""

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import yaml

from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import connect, located
from funcgate.cli.annotate import names_of_bindings
from funcgate.cli.cluster import standing, takes_cluster
from funcgate.cli.credentials import must_be_whole, nobody_signed_in
from funcgate.cli.shell import ERROR, working
from funcgate.engine import Engine, Pass
from funcgate.errors import FuncgateError, SpecError
from funcgate.settings import Settings
from funcgate.spec import KIND, Binding, Cluster, ConfigMapRef, Neighbour

MANIFESTS = (".yaml", ".yml", ".json")


class LookingCommand(click.Command):
    """A wrong option ends with 1, since 2 has a meaning of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            wrong.show()
            raise SystemExit(ERROR) from None


class NoBindings(click.UsageError):
    """Neither names nor files, or both."""

    exit_code = ERROR


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which bindings a command is about: those in files, or those of these names, or all, in the cluster."""

    files: Sequence[Path]
    names: Sequence[str]
    namespace: str | None


def takes_bindings(*outputs: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """
    The command has `NAME… [-n NAMESPACE]`, `--from-cluster [-n NAMESPACE]` or `-f FILE…`, and `-o` with these outputs.

    It is given `wanted` and `output`.
    """
    parameters = (
        click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=names_of_bindings),
        click.option("-n", "--namespace", help="Where the names are; the context's namespace if left out."),
        click.option("--from-cluster", is_flag=True, help="All bindings of the cluster, or of the namespace."),
        click.option(
            "-f",
            "--filename",
            "files",
            multiple=True,
            type=click.Path(exists=True, allow_dash=True, path_type=Path),
            help="A manifest, or a folder of them; may be given more than once. '-' reads standard input.",
        ),
        takes_cluster,
        click.option("-o", "--output", type=click.Choice(outputs), default=outputs[0], show_default=True),
    )

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(
            files: Sequence[Path], names: Sequence[str], namespace: str | None, from_cluster: bool, output: str
        ) -> Any:
            if [bool(files), bool(names), from_cluster].count(True) != 1:
                raise NoBindings("say which bindings: names in the cluster, --from-cluster, or files with -f")
            return command(wanted=Wanted(files=files, names=names, namespace=namespace), output=output)

        return functools.reduce(lambda inner, parameter: parameter(inner), reversed(parameters), called)

    return decorated


def looked_at(wanted: Wanted, *, with_calls: bool) -> dict[str, Pass]:
    """
    A pass over each of the bindings that writes nothing, by its name. Raises ClickException.

    `with_calls`: those of spec.verify are made too, which may run a function.
    """
    must_be_whole()
    try:
        with working("Looking at Azure, and calling" if with_calls else "Looking at Azure"):
            passes = asyncio.run(_look(Settings.read(), wanted, with_calls=with_calls))
    except FuncgateError as error:
        raise click.ClickException(str(error)) from error
    if why := nobody_signed_in(passes.values()):
        raise click.ClickException(why)
    return passes


async def _look(settings: Settings, wanted: Wanted, *, with_calls: bool) -> dict[str, Pass]:
    if wanted.files:
        return await _passes(settings, _in_files(settings, wanted.files), with_calls=with_calls)
    chosen = settings.instance_id if "instance_id" in settings.model_fields_set else None
    async with standing(wanted.names, wanted.namespace, instance_id=chosen) as bindings:
        return await _passes(settings, bindings, with_calls=with_calls)


def _in_files(settings: Settings, files: Sequence[Path]) -> list[Binding]:
    manifests = list(_manifests(files))
    cluster = Files([body for _, body in manifests if body.get("kind") == "ConfigMap"])
    found = [(at, _binding(at, body, settings)) for at, body in manifests if body.get("kind") == KIND]
    if not found:
        raise SpecError("kind", f"no {KIND} in {', '.join(map(str, files))}")
    seen: dict[tuple[str, str], str] = {}
    for at, each in found:
        if other := seen.get((each.namespace, each.name)):
            raise SpecError(at, f"{each.namespace}/{each.name} is in {other} already; take one of them away")
        seen[each.namespace, each.name] = at
    return _together([cluster.around(each) for _, each in found])


def _binding(at: str, body: Mapping[str, Any], settings: Settings) -> Binding:
    """Raises SpecError naming document and field."""
    try:
        return Binding.of(body, instance_id=settings.instance_id)
    except SpecError as wrong:
        raise SpecError(at, str(wrong)) from None


def _manifests(files: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each document with where it stands, those of a List one by one. Raises SpecError for what cannot be read."""
    for file in (inner for each in files for inner in _within(each)):
        try:
            with click.open_file(str(file)) as text:
                documents = list(yaml.safe_load_all(text))
        except yaml.YAMLError as error:
            raise SpecError(str(file), f"is not YAML: {error}; correct it, or name the files to read") from None
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(str(file), f"cannot be read: {error}") from None
        for place, document in enumerate(documents, start=1):
            at = f"{file}, document {place}"
            for body in _listed(document):
                if not isinstance(body.get("metadata") or {}, dict):
                    raise SpecError(at, "metadata: is no mapping; correct it")
                yield at, body


def _within(path: Path) -> Sequence[Path]:
    """The file itself, or the manifests in a folder and those below it, in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*") if each.suffix in MANIFESTS and each.is_file())


def _listed(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and document.get("kind") == "List":
        yield from (each for each in document.get("items") or () if isinstance(each, dict))
    elif isinstance(document, dict):
        yield document


@dataclass(frozen=True)
class Files(Cluster):
    """A cluster in which lies what stands in the files: ConfigMaps, as far as a binding refers to them."""

    config_maps: Sequence[Mapping[str, Any]]
    namespace: str = "default"

    def around(self, binding: Binding) -> Binding:
        """The binding in the midst of it."""
        return replace(binding, cluster=replace(self, namespace=binding.namespace))

    async def config_map(self, ref: ConfigMapRef) -> str:
        """From a manifest of that name in the binding's namespace."""
        for each in self.config_maps:
            metadata = each.get("metadata") or {}
            if (metadata.get("namespace") or "default", metadata.get("name")) == (self.namespace, ref.name):
                text = (each.get("data") or {}).get(ref.key)
                if isinstance(text, str):
                    return text
        return await super().config_map(ref)


def _together(bindings: Sequence[Binding]) -> list[Binding]:
    """The bindings, each knowing the others of its function app; who stands first counts as older."""

    def neighbours(place: int, of: Binding) -> Iterator[Neighbour]:
        for other_place, other in enumerate(bindings):
            if other is not of and other.spec.function_app.id.lower() == of.spec.function_app.id.lower():
                yield Neighbour.of(f"{other.namespace}/{other.name}", other.spec, older=other_place < place)

    return [replace(each, neighbours=tuple(neighbours(place, each))) for place, each in enumerate(bindings)]


async def _passes(settings: Settings, bindings: Sequence[Binding], *, with_calls: bool) -> dict[str, Pass]:
    endpoints = await located(settings.endpoints())
    async with connect(endpoints) as azure:
        checks = all_checks(azure) if with_calls else ()
        engine = Engine(all_aspects(azure, endpoints), azure.resources.is_gone, checks)
        done = await asyncio.gather(*(engine.reconcile(each, dry_run=True) for each in bindings))
    return {f"{each.namespace}/{each.name}": one for each, one in zip(bindings, done, strict=True)}
