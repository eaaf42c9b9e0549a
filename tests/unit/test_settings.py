import pytest

from funcgate.azure import Endpoints
from funcgate.settings import Settings, SettingsError

SCOPES = "/subscriptions/11111111-1111-4111-8111-111111111111"


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


def test_nothing_is_allowed_until_the_installation_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).azure_scopes == ()
    assert read(monkeypatch, FUNCGATE_AZURE_SCOPES=" , ").azure_scopes == ()


def test_scopes_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, FUNCGATE_AZURE_SCOPES=f"{SCOPES}/resourceGroups/a/, {SCOPES}/resourceGroups/b")
    assert settings.azure_scopes == (f"{SCOPES}/resourceGroups/a", f"{SCOPES}/resourceGroups/b")


def test_the_public_cloud_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).endpoints() == Endpoints()


def test_another_cloud_is_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        FUNCGATE_ARM_ENDPOINT="https://management.usgovcloudapi.net",
        AZURE_AUTHORITY_HOST="https://login.microsoftonline.us",
    )
    endpoints = settings.endpoints()
    assert endpoints.arm == "https://management.usgovcloudapi.net"
    assert endpoints.authority == "https://login.microsoftonline.us"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("FUNCGATE_INSTANCE_ID", "Not A Name"), ("FUNCGATE_HEALTH_PORT", "eighty"), ("FUNCGATE_LOG_LEVEL", "LOUD")],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read(monkeypatch, **{variable: value})
