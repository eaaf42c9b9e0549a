"""Which clouds there are, and where each answers: one table, and no other module knows a cloud's address."""

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """One cloud's addresses and scopes; the public cloud unless stated. `{tenant}` in an issuer stands for its id."""

    arm: str = "https://management.azure.com"
    arm_scope: str = "https://management.azure.com/.default"
    graph: str = "https://graph.microsoft.com"
    graph_scope: str = "https://graph.microsoft.com/.default"
    authority: str = "https://login.microsoftonline.com"
    issuer_v1: str = "https://sts.windows.net/{tenant}/"
    issuer_v2: str = "https://login.microsoftonline.com/{tenant}/v2.0"
    logs: str = "https://api.loganalytics.io"
    logs_scope: str = "https://api.loganalytics.io/.default"
    connect_to: str = ""  # host:port where gateways and function apps are reached, if not by their names


PUBLIC = "AzurePublic"

CUSTOM = "Custom"

CLOUDS: Mapping[str, Endpoints] = {
    PUBLIC: Endpoints(),
    CUSTOM: Endpoints(**{each.name: "" for each in fields(Endpoints)}),  # what is not stated it is asked for
    "AzureUSGovernment": Endpoints(
        arm="https://management.usgovcloudapi.net",
        arm_scope="https://management.core.usgovcloudapi.net/.default",  # not the endpoint's host
        graph="https://graph.microsoft.us",
        graph_scope="https://graph.microsoft.us/.default",
        authority="https://login.microsoftonline.us",
        issuer_v1="https://sts.windows.net/{tenant}/",
        issuer_v2="https://login.microsoftonline.us/{tenant}/v2.0",
        logs="https://api.loganalytics.us",
        logs_scope="https://api.loganalytics.us/.default",
    ),
    "AzureChina": Endpoints(
        arm="https://management.chinacloudapi.cn",
        arm_scope="https://management.chinacloudapi.cn/.default",
        graph="https://microsoftgraph.chinacloudapi.cn",
        graph_scope="https://microsoftgraph.chinacloudapi.cn/.default",
        authority="https://login.chinacloudapi.cn",
        issuer_v1="https://sts.chinacloudapi.cn/{tenant}/",
        issuer_v2="https://login.partner.microsoftonline.cn/{tenant}/v2.0",
        logs="https://api.loganalytics.azure.cn",
        logs_scope="https://api.loganalytics.azure.cn/.default",
    ),
}
"""
By the name that FUNCGATE_CLOUD has for it.

Sources: ARM and its scope, azure-mgmt-core (`get_arm_endpoints`); authority, azure-identity (`AzureAuthorityHosts`);
Graph, learn.microsoft.com/graph/deployments; Log Analytics, azure-monitor-query's README. Issuers of the national
clouds are assumed: no page states them for both token versions, and settings replace them one by one.
"""
