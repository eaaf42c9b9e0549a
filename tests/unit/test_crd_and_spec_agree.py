"""The schema in `crds/` and `spec.py` are two spellings of one contract."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from builders import a_manifest_spec
from funcgate.engine import SHOWN_FACTS
from funcgate.errors import SpecError
from funcgate.model import camel
from funcgate.spec import GROUP, KIND, PLURAL, VERSION, Spec
from manifests import BAD, GOOD, Bad, Good

CRD = yaml.safe_load((Path(__file__).parents[2] / "crds" / "functionapibindings.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

Json = Mapping[str, Any]


class Field(NamedTuple):
    """What both sides say about one field."""

    type: str
    required: bool
    default: Any
    allowed: tuple[Any, ...]
    max_items: int | None
    length: tuple[int, int] | None


def in_the_crd(schema: Json, path: str = "") -> Iterator[tuple[str, Field]]:
    for name, each in schema.get("properties", {}).items():
        yield f"{path}{name}", _field(each, required=name in schema.get("required", ()), default=_filled_in(each))
        yield from in_the_crd(each, f"{path}{name}.")


def _filled_in(schema: Json) -> Any:
    """What the API server puts where the field is left out: the default, with the defaults of its own fields."""
    default = schema.get("default")
    if not isinstance(default, dict):
        return default
    inner = {name: _filled_in(each) for name, each in schema.get("properties", {}).items()}
    return {name: value for name, value in inner.items() if value is not None} | default


def in_the_model(schema: Json, definitions: Json, path: str = "") -> Iterator[tuple[str, Field]]:
    for name, given in schema.get("properties", {}).items():
        each = _resolved(given, definitions)
        yield f"{path}{name}", _field(each, required=name in schema.get("required", ()), default=_meaning(each))
        yield from in_the_model(each, definitions, f"{path}{name}.")


def _meaning(schema: Json) -> Any:
    """A default that says nothing (none, an empty list, an object of such) is no default."""
    return _said(schema.get("default"))


def _said(default: Any) -> Any:
    if isinstance(default, dict):
        said = {name: _said(value) for name, value in default.items()}
        return {name: value for name, value in said.items() if value is not None} or None
    return None if default == [] else default


def _resolved(schema: Json, definitions: Json) -> Json:
    """A schema without references; a union becomes what its members say together."""
    if "$ref" in schema:
        there = definitions[schema["$ref"].rpartition("/")[2]]
        return _resolved(there | {key: value for key, value in schema.items() if key != "$ref"}, definitions)
    if "anyOf" in schema:
        (one,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        return _resolved(one, definitions) | {key: value for key, value in schema.items() if key != "anyOf"}
    if "oneOf" in schema:
        return _united([_resolved(each, definitions) for each in schema["oneOf"]], schema)
    return schema


def _united(members: list[Json], union: Json) -> Json:
    tag = union["discriminator"]["propertyName"]
    properties = {name: each for member in members for name, each in member["properties"].items()}
    tags = [member["properties"][tag]["const"] for member in members]
    return {
        "type": "object",
        "required": [tag],
        "default": union.get("default"),
        "properties": properties | {tag: {"type": "string", "enum": tags}},
    }


def _field(schema: Json, *, required: bool, default: Any) -> Field:
    limits = (schema["minLength"], schema["maxLength"]) if "minLength" in schema else None
    allowed = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return Field(schema["type"], required, default, tuple(allowed), schema.get("maxItems"), limits)


def test_both_sides_have_the_same_fields_with_the_same_defaults_values_and_limits() -> None:
    model = Spec.model_json_schema(by_alias=True)
    assert dict(in_the_crd(SCHEMA["properties"]["spec"])) == dict(in_the_model(model, model["$defs"]))


def test_both_sides_require_the_same_parts() -> None:
    assert set(SCHEMA["properties"]["spec"]["required"]) == set(Spec.model_json_schema(by_alias=True)["required"])


def test_the_kind_is_called_the_same_on_both_sides() -> None:
    names = CRD["spec"]["names"]
    (version,) = CRD["spec"]["versions"]
    assert (CRD["spec"]["group"], version["name"]) == (GROUP, VERSION)
    assert (names["plural"], names["kind"]) == (PLURAL, KIND)
    assert CRD["metadata"]["name"] == f"{PLURAL}.{GROUP}"


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.reason)
def test_what_the_schema_takes_the_parser_takes(case: Good) -> None:
    Spec.parse(a_manifest_spec(**case.change))


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.reason)
def test_what_the_schema_refuses_the_parser_refuses_with_the_field(case: Bad) -> None:
    with pytest.raises(SpecError) as refusal:
        Spec.parse(a_manifest_spec(**case.change))
    assert refusal.value.field.startswith(f"spec.{case.field}")


def every_schema(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    for name, each in schema.get("properties", {}).items():
        yield f"{path}{name}", each
        yield from every_schema(each, f"{path}{name}.")
        yield from every_schema(each.get("items", {}), f"{path}{name}[].")


def test_every_field_has_a_description_that_ends_as_a_sentence_does() -> None:
    undescribed = [path for path, each in every_schema(SCHEMA) if not each.get("description", "").endswith(".")]
    assert undescribed == ["metadata"]


def test_the_schema_is_closed() -> None:
    opened = [
        path
        for path, each in every_schema(SCHEMA)
        if "additionalProperties" in each or each.get("x-kubernetes-preserve-unknown-fields")
    ]
    assert opened == []


def test_strings_and_lists_of_the_spec_are_bounded_so_that_rules_have_a_bounded_cost() -> None:
    unbounded = [
        path
        for path, each in every_schema(SCHEMA["properties"]["spec"])
        if (each["type"] == "string" and "maxLength" not in each and "enum" not in each)
        or (each["type"] == "array" and "maxItems" not in each)
    ]
    assert unbounded == []


def test_the_status_has_a_field_for_every_fact_that_is_shown_and_no_other() -> None:
    status = set(SCHEMA["properties"]["status"]["properties"])
    controllers = {"observedGeneration", "conditions", "lastHandledReconcileAt", "instanceId"}
    facts = status - controllers - {"drift", "drifting", "plan"}
    assert facts == {camel(name) for name in SHOWN_FACTS}
