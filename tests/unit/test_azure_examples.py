"""
The Bicep and Terraform examples: they parse, their names resolve, and they say what the guide's commands say.

Terraform is parsed as HCL. For Bicep there is no compiler among the packages that tests install, so its files are only
read: brackets, strings, names, and the parameters of modules.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from installing import DEPLOY, REPOSITORY

AZURE = DEPLOY / "azure"
ROLE_FILE = DEPLOY / "azure-role.json"
ROLE = json.loads(ROLE_FILE.read_text())
GUIDE = (REPOSITORY / "docs" / "how-to" / "install-on-aks.md").read_text()
LISTS = ("Actions", "NotActions", "DataActions", "NotDataActions")

# --- Terraform

TERRAFORM = (AZURE / "main.tf").read_text()
PARSED: dict[str, Any] = hcl2.loads(TERRAFORM)


def blocks(kind: str) -> dict[str, Any]:
    """The blocks of a kind by their labels: `azurerm_role_definition.funcgate`, `namespace`."""
    found = {}
    for block in PARSED[kind]:
        for label, inner in block.items():
            if kind in {"resource", "data"}:
                found |= {f"{bare(label)}.{bare(name)}": each for name, each in inner.items()}
            else:
                found[bare(label)] = inner
    return {name: each for name, each in found.items() if name != "__is_block__"}


def bare(text: str) -> str:
    return text.strip('"')


def test_every_name_in_the_terraform_is_declared() -> None:
    declared = {
        *(f"var.{name}" for name in blocks("variable")),
        *(f"local.{name}" for name in blocks("locals")),
        *(f"data.{name}" for name in blocks("data")),
        *blocks("resource"),
    }
    code = re.sub(r"#.*", "", TERRAFORM)
    used = set(re.findall(r"\b(?:var|local)\.\w+|\bdata\.\w+\.\w+|(?<!data\.)\b(?:azurerm|azuread)_\w+\.\w+", code))
    assert used <= declared
    assert {each for each in declared if each.startswith(("var.", "local.", "data."))} <= used, "and each is used"


def test_terraforms_role_is_the_one_that_is_shipped() -> None:
    (path,) = re.findall(r'file\("\$\{path\.module\}/(.+?)"\)', blocks("locals")["role"])
    assert (AZURE / path).resolve() == ROLE_FILE
    definition = blocks("resource")["azurerm_role_definition.funcgate"]
    (permissions,) = definition["permissions"]
    wanted = {snake(name): f"${{local.role.{name}}}" for name in LISTS}
    assert {name: permissions[name] for name in wanted} == wanted
    assert (definition["name"], definition["description"]) == ("${local.role.Name}", "${local.role.Description}")


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_terraform_trusts_the_service_account_that_is_deployed() -> None:
    credential = blocks("resource")["azurerm_federated_identity_credential.cluster"]
    default = bare(blocks("variable")["namespace"]["default"])
    subject = bare(credential["subject"]).replace("${var.namespace}", default)
    assert f"--subject {subject} " in GUIDE
    assert f"--audiences {bare(blocks('variable')['token_audience']['default'])}\n" in GUIDE


def test_terraform_grants_the_directorys_permissions_that_the_guide_grants() -> None:
    (named,) = re.findall(r"^for PERMISSION in (.+); do$", GUIDE, re.MULTILINE)
    assert [bare(each) for each in blocks("variable")["graph_permissions"]["default"]] == named.split()


def test_terraform_that_does_not_parse_would_be_noticed() -> None:
    with pytest.raises(Exception, match=r"Unexpected|expected"):
        hcl2.loads(TERRAFORM.replace('resource "azurerm_role_definition" "funcgate" {', "resource {{"))


# --- Bicep

STRING = r"'(?:[^'\\\n]|\\.)*'"
NAMES = r"(?<![.\w@'])([a-zA-Z_]\w*)\b(?!\s*:)"
DECLARES = re.compile(rf"^(param|var|resource|module|output) (\w+)(?: ({STRING}))?", re.MULTILINE)
WORDS = {
    *(
        "param",
        "var",
        "resource",
        "module",
        "output",
        "existing",
        "targetScope",
        "for",
        "in",
        "string",
        "true",
        "false",
    ),
    *("description", "guid", "join", "loadJsonContent", "map", "resourceGroup", "subscription", "uniqueString"),
}
BICEP = sorted(AZURE.glob("*.bicep"))


def bicep(name: str) -> str:
    """Without comments; none of our strings holds two slashes but addresses."""
    return re.sub(r"(?<!:)//.*", "", (AZURE / name).read_text())


def expressions(text: str) -> str:
    """The code, with strings reduced to what is between `${` and `}` in them."""
    return re.sub(STRING, lambda found: " ".join(f"({each})" for each in re.findall(r"\$\{(.+?)\}", found[0])), text)


def declared(text: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name, and what stands in quotes after it."""
    return ((kind, name, quoted.strip("'")) for kind, name, quoted in DECLARES.findall(text))


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_brackets_and_strings_are_closed(path: Path) -> None:
    open_: list[str] = []
    strings = re.findall(STRING, bicep(path.name))
    assert [each for each in strings if each.count("${") != each.count("}")] == []
    code = re.sub(STRING, "", bicep(path.name))
    assert "'" not in code
    for each in re.findall(r"[][(){}]", code):
        if each in "([{":
            open_.append(each)
        else:
            assert f"{open_.pop()}{each}" in {"()", "[]", "{}"}
    assert open_ == []


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_every_name_in_the_bicep_is_declared_and_every_declared_one_used(path: Path) -> None:
    text = bicep(path.name)
    names = {name: kind for kind, name, _ in declared(text)}
    loops = set(re.findall(r"\bfor (\w+) in\b", text)) | set(re.findall(r"(\w+) =>", text))
    used = set(re.findall(NAMES, expressions(text)))
    assert used - WORDS - loops - names.keys() == set()
    mentioned = re.findall(NAMES, expressions(re.sub(r"^(param|var|resource|module|output) \w+", "", text, flags=re.M)))
    assert {name for name, kind in names.items() if kind in {"param", "var"}} <= set(mentioned)


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_every_resource_names_its_type_and_version(path: Path) -> None:
    types = [quoted for kind, _, quoted in declared(bicep(path.name)) if kind == "resource"]
    assert [each for each in types if not re.fullmatch(r"Microsoft\.\w+(/\w+)+@\d{4}-\d\d-\d\d", each)] == []


def test_every_module_is_there_and_gets_the_parameters_that_it_takes() -> None:
    main = bicep("main.bicep")
    modules = [(name, file) for kind, name, file in declared(main) if kind == "module"]
    assert {file for _, file in modules} == {path.name for path in BICEP} - {"main.bicep"}
    for name, file in modules:
        block = main.partition(f"module {name} ")[2].partition("params: {")[2].partition("}")[0]
        takes = {each for kind, each, _ in declared(bicep(file)) if kind == "param"}
        gives = {each for kind, each, _ in declared(bicep(file)) if kind == "output"}
        assert set(re.findall(r"^\s+(\w+):", block, re.MULTILINE)) == takes
        assert set(re.findall(rf"\b{name}\.outputs\.(\w+)", main)) <= gives


def test_biceps_role_is_the_one_that_is_shipped() -> None:
    main = bicep("main.bicep")
    (path,) = re.findall(r"loadJsonContent\('(.+?)'\)", main)
    assert (AZURE / path).resolve() == ROLE_FILE
    said = dict(re.findall(r"(\w+): role\.(\w+)", main))
    lists = {f"{name[0].lower()}{name[1:]}": name for name in LISTS}
    assert said == lists | {"roleName": "Name", "description": "Description"}


def test_bicep_trusts_the_service_account_that_is_deployed() -> None:
    (subject,) = re.findall(r"subject: '(.+?)'", bicep("identity.bicep"))
    defaults = dict(re.findall(r"^param (\w+) string = '(.+?)'", bicep("main.bicep"), re.MULTILINE))
    assert f"--subject {subject.replace('${namespace}', defaults['namespace'])} " in GUIDE
    assert f"--audiences {defaults['tokenAudience']}\n" in GUIDE


def test_both_examples_give_what_an_installation_asks_for() -> None:
    outputs = {name for kind, name, _ in declared(bicep("main.bicep")) if kind == "output"}
    assert {snake(name) for name in outputs} == set(blocks("output")) == {"client_id", "principal_id", "azure_scopes"}


def test_all_fields_of_the_role_that_matter_are_used() -> None:
    assert set(ROLE) - {"Name", "Description", *LISTS} == {"IsCustom", "AssignableScopes"}
