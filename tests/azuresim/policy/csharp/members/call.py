"""
`context` and its parts.

Source: learn.microsoft.com/azure/api-management/api-management-policy-expressions, table "Context variable";
Azure/azure-api-management-policy-toolkit, src/Authoring/Expressions, for the names of the interfaces.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from azuresim.policy.csharp.context import Url
from azuresim.policy.csharp.errors import NotRun
from azuresim.policy.csharp.frame import Frame
from azuresim.policy.csharp.json_values import parsed
from azuresim.policy.csharp.members.collections import Lookup
from azuresim.policy.csharp.signatures import Live, Typed, declare
from azuresim.policy.csharp.types import JARRAY, JOBJECT, JTOKEN, OBJECT, STRING, T, array, sequence
from azuresim.policy.csharp.values import Array, Enum

TEXTS = T("IReadOnlyDictionary", (STRING, array(STRING)))
VARIABLES = T("IReadOnlyDictionary", (STRING, OBJECT))
PARAMETERS = T("IReadOnlyDictionary", (STRING, STRING))


def fact(name: str) -> Live:
    return Live(lambda frame, _: frame.fact(name))


def part(name: str) -> Callable[[Any], Any]:
    return lambda of: getattr(of, name)


def texts(name: str) -> Callable[[Any], Lookup]:
    return lambda of: Lookup(TEXTS, getattr(of, name), any_case=True)


def in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=None) if value is not None else None


def moment(name: str) -> Callable[[Any], datetime | None]:
    return lambda of: in_utc(getattr(of, name))


def traced(frame: Frame, _: Any, message: str) -> None:
    frame.fact("trace")(message)


declare(
    "IProxyRequestContext",
    "",
    {
        "IContextApi Api": fact("api"),
        "IDeployment Deployment": fact("deployment"),
        "TimeSpan Elapsed": fact("elapsed"),
        "ILastError LastError": fact("last_error"),
        "IOperation Operation": fact("operation"),
        "IProduct Product": fact("product"),
        "IRequest Request": Live(lambda frame, _: Requested(frame)),
        "Guid RequestId": fact("request_id"),
        "IResponse Response": fact("response"),
        "ISubscription Subscription": fact("subscription"),
        "DateTime Timestamp": Live(lambda frame, _: in_utc(frame.fact("timestamp"))),
        "bool Tracing": fact("tracing"),
        "IUser User": fact("user"),
        "IReadOnlyDictionary<string, object> Variables": Live(
            lambda frame, _: Lookup(VARIABLES, frame.fact("variables"))
        ),
        "void Trace(string message)": Live(traced),
    },
    others="Workspace Backend Gateway",
)


class Requested:
    """context.Request. Its headers come from `header` when the context gives no whole request."""

    type = T("IRequest")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    @property
    def whole(self) -> Any:
        return self.frame.fact("request")

    def headers(self) -> Lookup:
        if hasattr(self.frame.context, "request"):
            return Lookup(TEXTS, self.whole.headers, any_case=True)
        return HeaderByHeader(self.frame)


class HeaderByHeader(Lookup):
    def __init__(self, frame: Frame) -> None:
        super().__init__(TEXTS, {}, any_case=True)
        self.frame = frame

    def find(self, key: str | None) -> tuple[bool, Any]:
        value = self.frame.context.header(key) if key is not None else None
        return (True, Array(array(STRING), [value])) if value is not None else super().find(key)

    def elements(self) -> list[Any]:
        raise NotRun("the context of this expression has no 'request'")


def of_request(name: str) -> Callable[[Any], Any]:
    return lambda requested: getattr(requested.whole, name)


def read(_: Frame, types: dict[str, T], body: Any, preserve: bool = False) -> Any:
    """As<T>."""
    wanted = types["T"]
    if wanted == array(T("byte")):
        return body.take(preserve)
    if wanted not in (STRING, JOBJECT, JTOKEN, JARRAY):
        raise NotRun(f"As<{wanted}>() is not simulated")
    text = body.take(preserve).decode("utf-8-sig", "replace")
    return text if wanted == STRING else parsed(text, wanted)


declare(
    "IRequest",
    "",
    {
        "IMessageBody Body": of_request("body"),
        "X509Certificate2 Certificate": lambda _: None,
        "IReadOnlyDictionary<string, string[]> Headers": Requested.headers,
        "string IpAddress": of_request("ip_address"),
        "IReadOnlyDictionary<string, string> MatchedParameters": lambda of: Lookup(
            PARAMETERS, of.whole.matched_parameters, any_case=True
        ),
        "string Method": of_request("method"),
        "IUrl OriginalUrl": of_request("original_url"),
        "IUrl Url": of_request("url"),
    },
    others="PrivateEndpointConnection Foundry AzureVnetInfo",
)
declare(
    "IResponse",
    "",
    {
        "IMessageBody Body": part("body"),
        "IReadOnlyDictionary<string, string[]> Headers": texts("headers"),
        "int StatusCode": part("status_code"),
        "string StatusReason": part("status_reason"),
    },
)
declare(
    "IMessageBody",
    "",
    {"T As<T>(bool preserveContent = false)": Typed(read)},
    others="AsFormUrlEncodedContent",
)


def url_text(url: Url) -> str:
    standard = {"https": 443, "http": 80}.get(url.scheme) == url.port
    return f"{url.scheme}://{url.host}{'' if standard else f':{url.port}'}{url.path}{url.query_string}"


declare(
    "IUrl",
    "",
    {
        "string Host": part("host"),
        "string Path": part("path"),
        "int Port": part("port"),
        "string QueryString": part("query_string"),
        "string Scheme": part("scheme"),
        "IReadOnlyDictionary<string, string[]> Query": texts("query"),
        "string ToString()": url_text,
    },
)
declare(
    "IApi",
    "",
    {
        "string Id": part("id"),
        "string Name": part("name"),
        "string Path": part("path"),
        "IUrl ServiceUrl": part("service_url"),
        "IEnumerable<string> Protocols": lambda api: Array(sequence(STRING), api.protocols),
        "ISubscriptionKeyParameterNames SubscriptionKeyParameterNames": lambda api: api,
    },
)
declare(
    "IContextApi",
    "",
    {
        "string Revision": part("revision"),
        "string Version": part("version"),
        "bool IsCurrentRevision": part("is_current_revision"),
    },
    others="Workspace",
)
declare(
    "ISubscriptionKeyParameterNames",
    "",
    {"string Header": part("header_parameter"), "string Query": part("query_parameter")},
)
declare(
    "IOperation",
    "",
    {
        "string Id": part("id"),
        "string Name": part("name"),
        "string Method": part("method"),
        "string UrlTemplate": part("url_template"),
    },
)
declare("IGroup", "", {"string Id": part("id"), "string Name": part("name")})
declare("IUserIdentity", "", {"string Id": part("id"), "string Provider": part("provider")})
declare(
    "IProduct",
    "",
    {
        "string Id": part("id"),
        "string Name": part("name"),
        "bool SubscriptionRequired": part("subscription_required"),
        "bool ApprovalRequired": part("approval_required"),
        "int? SubscriptionLimit": part("subscription_limit"),
        "ProductState State": lambda of: Enum(T("ProductState"), *(STATES[of.published])),
        "IEnumerable<IGroup> Groups": lambda of: Array(sequence(T("IGroup")), of.groups),
        "IEnumerable<IApi> Apis": lambda of: Array(sequence(T("IApi")), of.apis),
    },
    others="Workspace",
)
STATES: dict[bool, tuple[str, int]] = {False: ("NotPublished", 0), True: ("Published", 1)}
declare(
    "ISubscription",
    "",
    {
        "string Id": part("id"),
        "string Name": part("name"),
        "string Key": part("key"),
        "string PrimaryKey": part("primary_key"),
        "string SecondaryKey": part("secondary_key"),
        "DateTime CreatedTime": moment("created_time"),
        "DateTime CreatedDate": moment("created_time"),
        "DateTime? StartDate": moment("start_date"),
        "DateTime? EndDate": moment("end_date"),
    },
)
declare(
    "IUser",
    "",
    {
        "string Id": part("id"),
        "string Email": part("email"),
        "string FirstName": part("first_name"),
        "string LastName": part("last_name"),
        "string Note": part("note"),
        "DateTime RegistrationDate": moment("registration_date"),
        "IEnumerable<IGroup> Groups": lambda of: Array(sequence(T("IGroup")), of.groups),
        "IEnumerable<IUserIdentity> Identities": lambda of: Array(sequence(T("IUserIdentity")), of.identities),
    },
    others="Workspace",
)
declare(
    "IDeployment",
    "",
    {
        "string ServiceName": part("service_name"),
        "string ServiceId": part("service_id"),
        "string Region": part("region"),
        "string GatewayId": part("gateway_id"),
    },
    others="Certificates Gateway SustainabilityInfo",
)
declare(
    "ILastError",
    "",
    {
        "string Source": part("source"),
        "string Reason": part("reason"),
        "string Message": part("message"),
        "string Scope": part("scope"),
        "string Section": part("section"),
        "string Path": part("path"),
        "string PolicyId": part("policy_id"),
    },
)
declare("BasicAuthCredentials", "", {"string UserId": part("user_id"), "string Password": part("password")})
declare(
    "Jwt",
    "",
    {
        "string Algorithm": lambda jwt: jwt.header["alg"],
        "string Type": lambda jwt: jwt.header.get("typ"),
        "IEnumerable<string> Audiences": lambda jwt: jwt.all("aud"),
        "IReadOnlyDictionary<string, string[]> Claims": lambda jwt: Lookup(TEXTS, jwt.claims),
        "string Id": lambda jwt: jwt.first("jti"),
        "string Issuer": lambda jwt: jwt.first("iss"),
        "string Subject": lambda jwt: jwt.first("sub"),
        "DateTime? ExpirationTime": lambda jwt: jwt.time("exp"),
        "DateTime? NotBefore": lambda jwt: jwt.time("nbf"),
        "DateTime? IssuedAt": lambda jwt: jwt.time("iat"),
    },
)
declare(
    "X509Certificate2",
    "System.Security.Cryptography.X509Certificates",
    {},
    others="""Thumbprint Subject SubjectName Issuer IssuerName NotAfter NotBefore Verify VerifyNoRevocation
        SerialNumber FriendlyName PublicKey HasPrivateKey RawData GetRSAPrivateKey GetCertHashString Extensions
        Version SignatureAlgorithm""",
)
