"""What `doctor` checks is what people apply: the package's own copies equal the files in the repository."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from funcgate.cli.needs import ACTIONS, PERMISSIONS, RIGHTS, SCHEMA, Right, fingerprint

REPOSITORY = Path(__file__).parents[3]


def rules(kind: str) -> set[tuple[str, str, str]]:
    documents = yaml.safe_load_all((REPOSITORY / "deploy" / "rbac.yaml").read_text())
    return {
        (group, resource, verb)
        for document in documents
        if document["kind"] == kind
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def stated(rights: tuple[Right, ...], *, at_home: bool) -> set[tuple[str, str, str]]:
    return {(each.group, each.resource, each.verb) for each in rights if each.at_home is at_home}


def test_the_rights_in_the_cluster_are_those_of_the_manifest() -> None:
    assert stated(RIGHTS, at_home=False) == rules("ClusterRole")
    assert stated(RIGHTS, at_home=True) == rules("Role")


def test_the_actions_in_azure_are_those_of_the_role() -> None:
    role = json.loads((REPOSITORY / "deploy" / "azure-role.json").read_text())
    assert list(ACTIONS) == role["Actions"]


def test_the_permissions_in_the_directory_are_those_of_the_guide() -> None:
    guide = (REPOSITORY / "docs" / "how-to" / "install-on-aks.md").read_text()
    table = guide.partition("| permission in Microsoft Graph |")[2].partition("\n\n")[0]
    assert {each.name for each in PERMISSIONS} == set(re.findall(r"^\| `([\w.]+)`", table, re.MULTILINE))


def schema() -> dict[str, Any]:
    kind = yaml.safe_load((REPOSITORY / "crds" / "functionapibindings.yaml").read_text())
    properties = kind["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return {name: properties[name] for name in ("spec", "status")}


def test_the_schemas_fingerprint_is_the_one_in_the_package() -> None:
    assert fingerprint(schema()) == SCHEMA, "state the new fingerprint as SCHEMA in funcgate/cli/needs.py"


def test_words_do_not_change_the_fingerprint_and_fields_do() -> None:
    worded, changed = schema(), schema()
    worded["spec"]["description"] = "Something else."
    assert fingerprint(worded) == SCHEMA
    changed["spec"]["properties"]["description"] = {"type": "string"}
    assert fingerprint(changed) != SCHEMA
