from dataclasses import replace

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from funcgate.azure import CLOUDS, Endpoints
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


def test_all_namespaces_are_watched_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).namespaces == ()
    assert read(monkeypatch, FUNCGATE_NAMESPACES="").namespaces == ()
    assert read(monkeypatch, FUNCGATE_NAMESPACES="shop, billing,shop,").namespaces == ("shop", "billing")


NOT_NAMESPACES = [
    ("a pattern", "shop-*", "'shop-\\*' is no name"),
    ("one that is not to be watched", "!shop", "'!shop' is no name"),
    ("no name at all, which must not mean all", " , ", "' , ' names none"),
]


@pytest.mark.parametrize(("reason", "value", "says"), NOT_NAMESPACES, ids=[each[0] for each in NOT_NAMESPACES])
def test_what_is_no_list_of_namespaces_is_refused(
    monkeypatch: pytest.MonkeyPatch, reason: str, value: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=f"^FUNCGATE_NAMESPACES: {says}"):
        read(monkeypatch, FUNCGATE_NAMESPACES=value)


def test_the_public_cloud_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch).endpoints() == Endpoints()


SDK_NAMES = {
    "AzurePublic": (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    "AzureUSGovernment": (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    "AzureChina": (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
}


@pytest.mark.parametrize("cloud", SDK_NAMES)
def test_a_cloud_is_where_the_sdks_find_it(monkeypatch: pytest.MonkeyPatch, cloud: str) -> None:
    arm, authority = SDK_NAMES[cloud]
    published = get_arm_endpoints(arm)
    endpoints = read(monkeypatch, FUNCGATE_CLOUD=cloud).endpoints()
    assert f"{endpoints.arm}/" == published["resource_manager"]
    assert [endpoints.arm_scope] == published["credential_scopes"]
    assert endpoints.authority == f"https://{authority}"


NATIONAL = [
    (
        "AzureUSGovernment",
        "https://graph.microsoft.us",
        "https://sts.windows.net/{tenant}/",
        "https://login.microsoftonline.us/{tenant}/v2.0",
    ),
    (
        "AzureChina",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://sts.chinacloudapi.cn/{tenant}/",
        "https://login.partner.microsoftonline.cn/{tenant}/v2.0",
    ),
]


@pytest.mark.parametrize(("cloud", "graph", "issuer_v1", "issuer_v2"), NATIONAL, ids=[each[0] for each in NATIONAL])
def test_a_national_cloud_has_its_own_graph_and_issuers(
    monkeypatch: pytest.MonkeyPatch, cloud: str, graph: str, issuer_v1: str, issuer_v2: str
) -> None:
    endpoints = read(monkeypatch, FUNCGATE_CLOUD=cloud).endpoints()
    assert (endpoints.graph, endpoints.graph_scope) == (graph, f"{graph}/.default")
    assert (endpoints.issuer_v1, endpoints.issuer_v2) == (issuer_v1, issuer_v2)


STATED = [
    ("FUNCGATE_ARM_ENDPOINT", "arm"),
    ("FUNCGATE_ARM_SCOPE", "arm_scope"),
    ("FUNCGATE_GRAPH_ENDPOINT", "graph"),
    ("FUNCGATE_GRAPH_SCOPE", "graph_scope"),
    ("FUNCGATE_LOGS_ENDPOINT", "logs"),
    ("FUNCGATE_LOGS_SCOPE", "logs_scope"),
    ("FUNCGATE_AUTHORITY", "authority"),
    ("AZURE_AUTHORITY_HOST", "authority"),
    ("FUNCGATE_ISSUER_V1", "issuer_v1"),
    ("FUNCGATE_ISSUER_V2", "issuer_v2"),
]


@pytest.mark.parametrize(("variable", "field"), STATED)
def test_a_stated_address_replaces_the_one_of_the_cloud_and_no_other(
    monkeypatch: pytest.MonkeyPatch, variable: str, field: str
) -> None:
    stated = {field: "https://stated.example"}
    settings = read(monkeypatch, FUNCGATE_CLOUD="AzureChina", **{variable: "https://stated.example"})
    assert settings.endpoints() == replace(CLOUDS["AzureChina"], **stated)


def test_a_cloud_that_nobody_knows_is_refused_with_those_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    known = "AzurePublic, Custom, AzureUSGovernment, AzureChina"
    with pytest.raises(SettingsError, match=f"^FUNCGATE_CLOUD: 'AzureGermany' is none of {known}$"):
        read(monkeypatch, FUNCGATE_CLOUD="AzureGermany")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("FUNCGATE_INSTANCE_ID", "Not A Name"), ("FUNCGATE_HEALTH_PORT", "eighty"), ("FUNCGATE_LOG_LEVEL", "LOUD")],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read(monkeypatch, **{variable: value})


@pytest.mark.parametrize("value", ["socks5://u:pass-word@proxy", "http://u:pass-word@:3128", "u:pass-word@proxy:p"])
def test_a_proxy_that_is_none_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    with pytest.raises(SettingsError, match=r"^HTTPS_PROXY: must be the address of a proxy") as raised:
        read(monkeypatch, https_proxy=value)
    assert "pass-word" not in str(raised.value)


def test_a_custom_cloud_needs_the_one_address_at_which_it_is_asked_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SettingsError, match="FUNCGATE_ARM_ENDPOINT: Custom needs"):
        read(monkeypatch, FUNCGATE_CLOUD="Custom")
    endpoints = read(monkeypatch, FUNCGATE_CLOUD="Custom", FUNCGATE_ARM_ENDPOINT="https://arm.example").endpoints()
    assert (endpoints.arm, endpoints.graph, endpoints.issuer_v2) == ("https://arm.example", "", "")
