"""The operator's settings: environment → one frozen object, read once. `docs/reference/settings.md` lists them."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from funcgate.azure import CLOUDS, CUSTOM, PUBLIC, Endpoints
from funcgate.azure.proxies import ways_from_environment
from funcgate.errors import FuncgateError
from funcgate.marks import INSTANCE_ID

_SCOPE = re.compile(
    r"(?ai:/subscriptions/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})((?ai:/resourceGroups/)[-\w.()]{0,89}[-\w()])?"
)


_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class SettingsError(FuncgateError):
    """A setting is missing or wrong; names the environment variable."""


class Settings(BaseSettings):
    """How this installation runs. Each field is read from `FUNCGATE_<NAME>` unless it names other variables."""

    model_config = SettingsConfigDict(env_prefix="FUNCGATE_", frozen=True, extra="ignore")

    instance_id: Annotated[
        str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,62}[a-z0-9])?$", description="Names this installation in marks")
    ] = INSTANCE_ID
    azure_scopes: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(description="Subscriptions and resource groups that bindings may name; none means none"),
    ] = ()
    namespaces: Annotated[
        tuple[str, ...], NoDecode, Field(description="Whose bindings are in our care; none means those of all")
    ] = ()
    cloud: Annotated[str, Field(description="Which Azure; the addresses below replace its own, one by one")] = PUBLIC
    arm_endpoint: Annotated[str, Field(description="Azure Resource Manager")] = ""
    arm_scope: Annotated[str, Field(description="Scope of its tokens")] = ""
    graph_endpoint: Annotated[str, Field(description="Microsoft Graph")] = ""
    graph_scope: Annotated[str, Field(description="Scope of its tokens")] = ""
    authority: Annotated[
        str,
        Field(
            description="Entra's token endpoint",
            validation_alias=AliasChoices("FUNCGATE_AUTHORITY", "AZURE_AUTHORITY_HOST"),
        ),
    ] = ""
    issuer_v1: Annotated[str, Field(description="Issuer of version 1 tokens")] = ""
    issuer_v2: Annotated[str, Field(description="Issuer of version 2 tokens")] = ""
    logs_endpoint: Annotated[str, Field(description="Log Analytics")] = ""
    logs_scope: Annotated[str, Field(description="Scope of its tokens")] = ""
    connect_to: Annotated[
        str,
        Field(
            pattern=r"^$|^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$",
            description="host:port where verification reaches gateways and function apps, if not by their names",
        ),
    ] = ""
    leader_election: Annotated[bool, Field(description="Whether replicas elect one that acts")] = True
    lease_name: Annotated[str, Field(description="The Lease they elect with")] = "funcgate"
    pod_namespace: Annotated[
        str,
        Field(
            description="Where the Lease lives",
            validation_alias=AliasChoices("FUNCGATE_POD_NAMESPACE", "POD_NAMESPACE"),
        ),
    ] = "funcgate-system"
    pod_name: Annotated[
        str,
        Field(description="Who holds it", validation_alias=AliasChoices("FUNCGATE_POD_NAME", "POD_NAME", "HOSTNAME")),
    ] = "funcgate"
    health_host: Annotated[str, Field(description="Address of /livez, /readyz and /metrics")] = "0.0.0.0"  # noqa: S104 the kubelet and Prometheus come from outside the pod
    health_port: Annotated[int, Field(ge=0, le=65535, description="Port of /livez, /readyz and /metrics")] = 8080
    passes_per_service: Annotated[
        int, Field(ge=1, le=32, description="Passes at once on one API Management service")
    ] = 4
    log_level: Annotated[
        str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged")
    ] = "INFO"
    traces_exporter: Annotated[
        str,
        Field(
            description="otlp: a trace of each pass is sent to a collector",
            validation_alias=AliasChoices("OTEL_TRACES_EXPORTER"),
        ),
    ] = "none"

    @field_validator("azure_scopes", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("azure_scopes")
    @classmethod
    def _subscriptions_or_groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for scope in value:
            if not _SCOPE.fullmatch(scope):
                raise ValueError(f"{scope!r} is neither /subscriptions/<guid> nor one with /resourceGroups/<name>")
        return value

    @field_validator("namespaces", mode="before")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        named = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        if value.strip() and not named:
            raise ValueError(f"{value!r} names none; leave it empty for all namespaces")
        return named

    @field_validator("namespaces")
    @classmethod
    def _names_of_namespaces(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not _NAMESPACE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a namespace")
        return value

    @field_validator("cloud")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CLOUDS:
            raise ValueError(f"{value!r} is none of {', '.join(CLOUDS)}")
        return value

    @classmethod
    def read(cls, further: Mapping[str, str] = MappingProxyType({})) -> "Settings":
        """
        The settings of this process, with `further` variables where it has none of that name.

        Raises SettingsError naming the first variable that is wrong.
        """
        fields = {f"FUNCGATE_{name.upper()}": name for name, of in cls.model_fields.items() if not of.validation_alias}
        given = {fields.get(name, name): value for name, value in further.items() if name not in os.environ}
        try:
            settings = cls(**given)  # type: ignore[arg-type]  # validated, as what the environment holds
        except ValidationError as invalid:
            error = invalid.errors(include_url=False, include_input=False)[0]
            variable = str(error["loc"][0])
            name = variable if variable.isupper() else f"FUNCGATE_{variable.upper()}"
            raise SettingsError(f"{name}: {error['msg'].removeprefix('Value error, ')}") from None
        if settings.cloud == CUSTOM and not settings.arm_endpoint:
            raise SettingsError(f"FUNCGATE_ARM_ENDPOINT: {CUSTOM} needs the address of that cloud's Resource Manager")
        try:
            ways_from_environment()
        except ValueError as wrong:
            raise SettingsError(f"HTTPS_PROXY: {wrong}") from None
        return settings

    @property
    def traced(self) -> bool:
        """Whether traces are asked for. Several ways to send them may be named; OTLP is the one that is known here."""
        return "otlp" in (each.strip() for each in self.traces_exporter.split(","))

    def endpoints(self) -> Endpoints:
        """Where Azure is: the addresses that are stated, and the cloud's for the others; empty where to ask it."""
        stated = {
            "arm": self.arm_endpoint,
            "arm_scope": self.arm_scope,
            "graph": self.graph_endpoint,
            "graph_scope": self.graph_scope,
            "authority": self.authority,
            "issuer_v1": self.issuer_v1,
            "issuer_v2": self.issuer_v2,
            "logs": self.logs_endpoint,
            "logs_scope": self.logs_scope,
            "connect_to": self.connect_to,
        }
        return replace(CLOUDS[self.cloud], **{name: value for name, value in stated.items() if value})
