"""
The Bicep and Terraform examples: they parse, their names resolve, and they say what the guide's commands say.

Terraform is parsed as HCL, Bicep with its grammar for editors; Bicep's compiler is in none of the registries that tests
install from, so that types are not checked.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

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

BICEP = sorted(AZURE.glob("*.bicep"))
GRAMMAR = Parser(Language(tree_sitter_bicep.language()))
DECLARATIONS = {f"{kind}_declaration": kind for kind in ("parameter", "variable", "resource", "module", "output")}
FUNCTIONS = {
    *("description", "guid", "join", "loadJsonContent", "map", "resourceGroup", "subscription", "uniqueString"),
}


def bicep(name: str) -> Node:
    """The file's syntax tree."""
    return GRAMMAR.parse((AZURE / name).read_bytes()).root_node


def text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def below(node: Node) -> Iterator[Node]:
    """The node and all of its descendants."""
    yield node
    for each in node.children:
        yield from below(each)


def declared(tree: Node, *kinds: str) -> dict[str, Node]:
    """The declarations of these kinds by their names."""
    nodes = [each for each in tree.named_children if DECLARATIONS.get(each.type) in kinds]
    return {text(each.named_children[0]): each for each in nodes}


def used(tree: Node) -> set[str]:
    """The names that expressions use, without those that a loop or a function of one argument makes itself."""
    nodes = [each for each in below(tree) if each.type == "identifier" and not names_something(each)]
    return {text(each) for each in nodes} - {text(name) for name in map(bound, below(tree)) if name}


def names_something(name: Node) -> bool:
    """It names what is declared or a property, and refers to nothing."""
    parent = name.parent
    return bool(parent) and parent.type in {*DECLARATIONS, "object_property"} and parent.named_children[0] == name


def bound(node: Node) -> Node | None:
    return node.child_by_field_name("initializer") or (
        node.named_children[0] if node.type == "lambda_expression" else None
    )


def property_of(node: Node, *path: str) -> Node:
    """What stands at the property with this path."""
    for name in path:
        (node,) = [
            each.named_children[1]
            for each in below(node)
            if each.type == "object_property" and text(each.named_children[0]) == name
        ]
    return node


def quoted(node: Node) -> str:
    """The first text in quotes below the node."""
    return next(text(each) for each in below(node) if each.type == "string" and each.is_named).strip("'")


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_the_bicep_parses(path: Path) -> None:
    assert [text(each) for each in below(bicep(path.name)) if each.is_error or each.is_missing] == []


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_bicep_that_does_not_parse_would_be_noticed(path: Path) -> None:
    assert GRAMMAR.parse(path.read_bytes().replace(b"' = ", b"' = {", 1)).root_node.has_error


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_every_name_in_the_bicep_is_declared_and_every_declared_one_used(path: Path) -> None:
    tree = bicep(path.name)
    assert used(tree) - FUNCTIONS <= set(declared(tree, *DECLARATIONS.values()))
    assert set(declared(tree, "parameter", "variable")) <= used(tree)


@pytest.mark.parametrize("path", BICEP, ids=lambda path: path.stem)
def test_every_resource_names_its_type_and_version(path: Path) -> None:
    types = [quoted(each) for each in declared(bicep(path.name), "resource").values()]
    assert [each for each in types if not re.fullmatch(r"Microsoft\.\w+(/\w+)+@\d{4}-\d\d-\d\d", each)] == []


def test_every_module_is_there_and_gets_the_parameters_that_it_takes() -> None:
    main = bicep("main.bicep")
    modules = declared(main, "module")
    assert {quoted(each) for each in modules.values()} == {path.name for path in BICEP} - {"main.bicep"}
    for name, module in modules.items():
        taken = declared(bicep(quoted(module)), "parameter")
        given = [text(each.named_children[0]) for each in property_of(module, "params").named_children]
        assert set(given) == set(taken)
        asked = {text(each) for each in below(main) if text(each).startswith(f"{name}.outputs.")}
        assert asked <= {f"{name}.outputs.{each}" for each in declared(bicep(quoted(module)), "output")}


def test_biceps_role_is_the_one_that_is_shipped() -> None:
    main = bicep("main.bicep")
    assert (AZURE / quoted(declared(main, "variable")["role"])).resolve() == ROLE_FILE
    definition = declared(main, "resource")["definition"]
    permissions = {f"{name[0].lower()}{name[1:]}": name for name in LISTS}
    for name, field in (permissions | {"roleName": "Name", "description": "Description"}).items():
        assert text(property_of(definition, "properties", name)) == f"role.{field}"


def test_bicep_trusts_the_service_account_that_is_deployed() -> None:
    defaults = declared(bicep("main.bicep"), "parameter")
    subject = quoted(property_of(declared(bicep("identity.bicep"), "resource")["credential"], "properties", "subject"))
    assert f"--subject {subject.replace('${namespace}', quoted(defaults['namespace']))} " in GUIDE
    assert f"--audiences {quoted(defaults['tokenAudience'])}\n" in GUIDE


def test_both_examples_give_what_an_installation_asks_for() -> None:
    outputs = declared(bicep("main.bicep"), "output")
    assert {snake(name) for name in outputs} == set(blocks("output")) == {"client_id", "principal_id", "azure_scopes"}


def test_all_fields_of_the_role_that_matter_are_used() -> None:
    assert set(ROLE) - {"Name", "Description", *LISTS} == {"IsCustom", "AssignableScopes"}
