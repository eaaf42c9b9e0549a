from typing import Any

import pytest

from funcgate.traces import decisive

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"
KEY = "0123456789abcdef0123456789abcdef"
HOST_KEY = "Zm9vYmFyQmF6UXV4MTIzNDU2Nzg5MA=="


def a_trace(*entries: tuple[str, Any], section: str = "inbound") -> dict[str, Any]:
    return {"traceEntries": {section: [{"source": source, "data": data} for source, data in entries]}}


FINE = ("set-header", {"configuration": {"name": "X"}, "message": "Specified value was assigned"})


def test_the_first_statement_that_complains_is_quoted() -> None:
    said = {"messages": ["No token was issued."], "errorReason": "ManagedIdentityFailure"}
    trace = a_trace(FINE, ("authentication-managed-identity", said), ("later", {"error": "x"}))
    assert decisive(trace) == "authentication-managed-identity: No token was issued."


@pytest.mark.parametrize("section", ["backend", "outbound", "on-error"])
def test_every_section_is_looked_through(section: str) -> None:
    assert decisive(a_trace(("forward-request", {"error": "no such host"}), section=section)) == (
        "forward-request: no such host"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"sent Bearer {JWT} away",
        f"got {JWT}",
        f"key {KEY} is unknown",
        f"value {HOST_KEY} was refused",
        "hush is secret",
    ],
)
def test_nothing_that_looks_like_a_secret_is_quoted(text: str) -> None:
    told = decisive(a_trace(("x", {"error": text})), ["hush"])
    assert told
    assert not any(secret in told for secret in (JWT, KEY, HOST_KEY, "hush"))
    assert "…" in told


def test_ids_and_addresses_stay_readable() -> None:
    text = "resource aaaaaaaa-0000-4000-8000-000000000001 at https://orders-fn-d1af71079f4100bc.azurewebsites.net/v1"
    assert decisive(a_trace(("x", {"error": text}))) == f"x: {text}"


def test_a_long_complaint_is_cut() -> None:
    assert len(str(decisive(a_trace(("x", {"error": "so " * 500}))))) < 260


@pytest.mark.parametrize(
    "trace",
    [
        {},
        {"traceEntries": []},
        {"traceEntries": {"inbound": ["x", {"data": 1}]}},
        a_trace(FINE),
        a_trace(("x", "failed")),
    ],
)
def test_what_names_no_failure_gives_none(trace: dict[str, Any]) -> None:
    assert decisive(trace) is None
