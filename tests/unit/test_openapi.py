import json

import pytest

from funcgate.openapi import DocumentError, read

YAML = """
openapi: 3.0.3
info: {title: Orders, description: What was ordered., version: "1"}
paths:
  /orders: {get: {}, post: {}, parameters: []}
  /orders/{number}: {get: {}}
"""
SWAGGER = {"swagger": "2.0", "paths": {"/orders": {"get": {}}}}


def test_a_document_is_known_by_what_its_operations_are_called_with() -> None:
    found = read(YAML)
    assert (found.format, found.title, found.description) == ("openapi", "Orders", "What was ordered.")
    assert found.operations == {"GET /orders", "POST /orders", "GET /orders/{}"}


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        (json.dumps({"openapi": "3.1.0", "paths": {"/a": {"get": {}}}}), "openapi+json"),
        (json.dumps(SWAGGER), "swagger-json"),
        ("\n" + json.dumps(SWAGGER), "swagger-json"),
    ],
)
def test_api_management_is_told_its_format(text: str, format_: str) -> None:
    assert (read(text).format, read(text).title) == (format_, "")


def test_another_text_has_another_digest_and_line_ends_make_none() -> None:
    assert read(YAML).digest == read(YAML.replace("\n", "\r\n")).digest
    assert read(YAML).digest != read(YAML.replace("Orders", "Bills")).digest


BOMB = "\n".join([f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(40)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no paths"),
        ("just words", "has no paths"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("!!python/object/apply:os.getcwd []", "neither JSON nor YAML"),
        ("[" * 100_000, "nested more than 100 levels deep"),
        ('{"a":' * 100_000, "neither JSON nor YAML"),
        ("openapi: 3.0.0\npaths: {}", "describes no operation"),
        ("openapi: 3.0.0\npaths: {/a: {summary: x}, /b: 1}", "describes no operation"),
        ("openapi: 2.5.0\npaths: {/a: {get: {}}}", "neither OpenAPI 3 nor Swagger 2.0"),
        ("swagger: '2.0'\npaths: {/a: {get: {}}}", "Swagger 2.0 as JSON"),
        ("x" * 1_000_001, "longer than"),
    ],
)
def test_what_is_no_document_is_refused_with_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        read(text)


def test_a_document_that_would_be_endless_when_written_out_does_no_harm() -> None:
    text = f"{YAML}x-a0: &a0 [lol]\n{BOMB}\n"
    assert len(read(text).operations) == 3
