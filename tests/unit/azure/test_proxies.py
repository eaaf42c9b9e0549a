"""Which calls go by the proxy."""

import pytest

from funcgate.azure.proxies import ways_from_environment

PROXY = "http://proxy.example:3128"
WAYS = [
    ("https goes by the proxy", "https://management.azure.com/x", PROXY),
    ("plain http does not: a node's endpoint for managed identities", "http://169.254.169.254/metadata", None),
    ("a name that is excepted", "https://inner.example/x", None),
    ("a name below one that is excepted", "https://deep.inner.example:8443/x", None),
    ("a name that only ends alike", "https://notinner.example/x", PROXY),
    ("a port that is excepted", "https://127.0.0.1:8443/x", None),
    ("another port of it", "https://127.0.0.1:8444/x", PROXY),
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("reason", "url", "way"), WAYS, ids=[each[0] for each in WAYS])
def test_the_way_to_an_address(monkeypatch: pytest.MonkeyPatch, reason: str, url: str, way: str | None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "inner.example, 127.0.0.1:8443")
    assert ways_from_environment()(url) == way


def test_without_a_proxy_every_way_is_straight() -> None:
    assert ways_from_environment()("https://management.azure.com/x") is None


def test_a_proxy_without_a_scheme_is_an_http_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert ways_from_environment()("https://management.azure.com/x") == PROXY


def test_what_is_read_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    way_to = ways_from_environment()
    monkeypatch.setenv("HTTPS_PROXY", "http://later.example")
    assert way_to("https://management.azure.com/x") == PROXY
