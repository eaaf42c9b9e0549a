"""
What a simulated Azure has to copy for this project's purposes, and which tests prove it.

    python -m azuresim.checklist            # prints README.md with its tables made anew
    python -m azuresim.checklist --write    # writes README.md and BEHAVIOURS.md; a test holds them to the tests

Tests say which item they prove with `@pytest.mark.item("apim-4")`; their docstring names the source, and
`@pytest.mark.assumed` says that no public source confirms it.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
README, BEHAVIOURS = HERE / "README.md", HERE / "BEHAVIOURS.md"
INSTRUMENTS = frozenset(
    {
        "test_any_input.py",
        "test_contract_check.py",
        "test_scenarios.py",
        "test_snapshot.py",
        "test_state_machines.py",
        "test_trouble.py",
    }
)
"""Files about the simulator itself: what they test is not Azure's, so it has no source."""
TESTS = HERE.parent / "contract"
ITEMS = {
    "apim-1": "ETags are one rising counter per service, base64 of eight bytes, raised only when the content changes",
    "apim-2": "A child's ETag is quoted on GET, HEAD and PUT; lists and unfinished named values carry none",
    "apim-3": "If-Match: none is accepted, `*` even creates, another one is 412; deleting what is absent is 204",
    "apim-4": "Named values and fragments are written asynchronously: partial body, both headers, three forms",
    "apim-5": "An asynchronous write can fail: an update keeps the old value, a create leaves nothing",
    "apim-6": "GET of a secret named value shows no value, listValue does, with an ETag",
    "apim-7": "An API's path loses its leading slash, conflicts name `path`, defaults and unknown fields are filled in",
    "apim-8": "DELETE of an API answers 200, 202 or 204 and takes what lies below it",
    "apim-9": "An operation's template and its parameters name each other; GET normalises, lists leave `request` out",
    "apim-10": "A policy is checked (sections, backends, named values, size), stored re-indented, read in two formats",
    "apim-11": "An identity PATCH: 200 when nothing changes, else an operation, Updating, and the ids afterwards",
    "apim-12": "Two writes to one API at once: the second gets 409 PessimisticConcurrencyConflict",
    "apim-13": "Quotas with their headers; 429, 412, 422, 5xx and a 404 right after create can be asked for",
    "apim-14": "GET of the link between product and API is a 405 with a `Message`",
    "apim-15": "The gateway matches a call, runs the policies, fills in named values, takes a token, calls the app",
    "apim-16": "Debug credentials belong to one API and expire; three headers; a trace is read by its id",
    "apim-17": "An unknown api-version is 400 InvalidApiVersionParameter",
    "apim-18": "Changes by hand raise ETags, and renaming a named value rewrites the policies that use it",
    "web-1": "TLS only; tokens of both versions, by the resource's setting; managed identity tokens cached a day",
    "web-2": "No token without an assignment where one is required; `roles` only when assigned",
    "web-3": "authsettingsV2: almost empty on a fresh site, PUT replaces, keeps unknown keys, V1 refused after V2",
    "web-4": "Easy Auth judges signature, audience, issuer, lifetime, lists; empty list both ways; 500 characters",
    "web-5": "Two different 403s, a configured answer without token, 401 for a missing key without Easy Auth",
    "web-6": "Host keys: `properties` is needed, empty ones generate and rotate, DELETE of a missing one is 404",
    "web-7": "A runtime that is down, in three forms; functions are stale until triggers are synced",
    "web-8": "invoke_url_template is lower case; bindings from either source; `config: {}`; disabled functions",
    "web-9": "Unique host names: a site's name is not the first label",
    "web-10": "Graph: late visibility, 204, enabled roles, upsert, soft delete, duplicate names, delta, 429",
    "web-11": "ARM: quotas, locks, rights that arrive late, policy denials, three kinds of 404",
    "web-12": "Event Grid events arrive in a storage queue: Base64, duplicates, disorder, mixed case, own echoes",
}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One test, as far as the tables tell of it."""

    name: str
    file: str
    items: tuple[str, ...]
    source: str
    assumed: bool
    ours: bool  # about the simulator itself: no behaviour of Azure, hence without a source

    @property
    def sentence(self) -> str:
        return self.name.removeprefix("test_").replace("_", " ")


def proofs() -> Iterator[Proof]:
    """Every contract test, in the order of files and lines."""
    for file in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(file.read_text())
        marked = marks(module_marks(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield proof(node, file, [*marked, *marks(node.decorator_list)])


def proof(node: ast.FunctionDef | ast.AsyncFunctionDef, file: Path, marked: list[tuple[str, str]]) -> Proof:
    text = ast.get_docstring(node) or ""
    assumed = any(name == "assumed" for name, _ in marked) or bool(re.search(r"\bassumed\b", text, re.IGNORECASE))
    return Proof(
        name=node.name,
        file=file.relative_to(TESTS).as_posix(),
        items=tuple(value for name, value in marked if name == "item"),
        source=source_in(text),
        assumed=assumed,
        ours=file.name in INSTRUMENTS or text.startswith("No Azure behaviour"),
    )


def module_marks(tree: ast.Module) -> list[ast.expr]:
    """What `pytestmark = …` holds."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            return node.value.elts if isinstance(node.value, ast.List) else [node.value]
    return []


def marks(decorators: Iterable[ast.expr]) -> list[tuple[str, str]]:
    """Names of `pytest.mark.…` with their first argument: `("item", "apim-4")`, `("assumed", "")`."""
    found = []
    for decorator in decorators:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "pytest.mark":
            arguments = decorator.args if isinstance(decorator, ast.Call) else []
            first = arguments[0].value if arguments and isinstance(arguments[0], ast.Constant) else ""
            found.append((called.attr, str(first)))
    return found


def source_in(text: str) -> str:
    """What stands behind `Source:` in a docstring, as one line; empty when nothing does."""
    found = re.search(r"\bSources?:\s*(.+?)(?:\n\s*\n|$)", text, re.DOTALL)
    return " ".join(found[1].split()).rstrip(".") if found else ""


# --- the tables -------------------------------------------------------------------------------------------------------
def checklist_table() -> str:
    """Item, test, source, certain or assumed; an item whose every proof is assumed is assumed."""
    known = list(proofs())
    lines = ["| item | test | source | |", "| --- | --- | --- | --- |"]
    for item, text in ITEMS.items():
        lines.append(f"| **{item}** | **{text}** | | |")
        for one in (one for one in known if item in one.items):
            certainty = "assumed" if one.assumed else "certain"
            lines.append(f"| | {one.sentence} | {escaped(one.source)} | {certainty} |")
    return "\n".join(lines)


def switches_table() -> str:
    """Every switch with its default and what it turns."""
    lines = ["| switch | default | what it turns, and where the doubt comes from |", "| --- | --- | --- |"]
    for file in sorted((HERE / "switches").glob("[a-z]*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                lines += [f"| `{name}` | `{default}` | {escaped(text)} |" for name, default, text in fields(node)]
    return "\n".join(lines)


HEAD = """# What the simulated Azure does

Every behaviour that is copied, the source that says so, and whether one does: *assumed* is what no public source
confirms. Made from `tests/contract/` by `python -m azuresim.checklist --write`.
"""


def behaviours() -> str:
    """All contract tests, file by file."""
    lines = [HEAD]
    at = ""
    for one in (one for one in proofs() if not one.ours):
        if one.file != at:
            title = one.file.removeprefix("test_").removesuffix(".py").replace("_", " ")
            lines += ["", f"## {title}", "", "| behaviour | source | |", "| --- | --- | --- |"]
            at = one.file
        lines.append(f"| {one.sentence} | {escaped(one.source)} | {'assumed' if one.assumed else ''} |")
    return "\n".join(lines) + "\n"


def fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    for field, text in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            default = ast.unparse(field.value) if field.value is not None else ""
            yield ast.unparse(field.target), default, " ".join(str(text.value.value).split())


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


TABLES = {"checklist": checklist_table, "switches": switches_table}


def rendered(text: str) -> str:
    """The page with each table between `<!-- name -->` and `<!-- /name -->` made anew."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + "\n" + table() + "\n" + end + rest.partition(end)[2]
    return text


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m azuresim.checklist")
    parser.add_argument("--write", action="store_true", help="write README.md instead of printing it")
    page = rendered(README.read_text())
    if parser.parse_args().write:
        README.write_text(page)
        BEHAVIOURS.write_text(behaviours())
    else:
        print(page)


if __name__ == "__main__":
    main()
