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


NOT_SCOPES = [
    ("all subscriptions at once", "/subscriptions"),
    ("no guid", "/subscriptions/production"),
    ("a resource, which nobody needs", f"{SCOPES}/resourceGroups/a/providers/Microsoft.Web/sites/b"),
    ("a management group", "/providers/Microsoft.Management/managementGroups/all"),
    ("a group without a name", f"{SCOPES}/resourceGroups"),
    ("a name that no group can have", f"{SCOPES}/resourceGroups/a."),
    ("not one of all", f"{SCOPES},/"),
    ("letters that only look alike", SCOPES.replace("s", "\u017f")),
]


@pytest.mark.parametrize(("reason", "value"), NOT_SCOPES, ids=[each[0] for each in NOT_SCOPES])
def test_what_is_neither_subscription_nor_group_is_refused(
    monkeypatch: pytest.MonkeyPatch, reason: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=r"^FUNCGATE_AZURE_SCOPES: '.*' is neither"):
        read(monkeypatch, FUNCGATE_AZURE_SCOPES=value)


def test_scopes_may_be_written_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    value = f"{SCOPES}/resourcegroups/Größe_(1).x".upper()
    assert read(monkeypatch, FUNCGATE_AZURE_SCOPES=value).azure_scopes == (value,)


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
