"""One line of JSON per event."""

import json
import logging
from collections.abc import Iterator

import pytest

from followed import followed
from funcgate.controller import logs
from funcgate.steps import doing


@pytest.fixture(autouse=True)
def the_root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


def test_a_line_is_an_object_with_the_fields_of_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logging.getLogger("funcgate.bindings").info("applied", extra={"binding": "shop/orders", "aspect": "BackendReady"})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "funcgate.bindings",
        "message": "applied",
        "binding": "shop/orders",
        "aspect": "BackendReady",
    }


def test_a_line_names_the_trace_of_what_is_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    with followed(), doing("pass"):
        logging.getLogger("funcgate.bindings").info("applied")
    assert json.loads(capsys.readouterr().err)["trace_id"] == "pass"


def test_what_others_log_at_rest_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("kopf.objects").info("Handler 'seen' succeeded.")
    logging.getLogger("azure.core.pipeline").info("Request headers: Authorization")
    assert capsys.readouterr().err == ""
