"""
The wish as the author wrote it: custom resource → frozen objects, parsed once, at the rim.

The schema in `crds/` refuses what one object can know; what it cannot is refused here as a `SpecError` that names the
field. A test holds the two equal. Nothing is accepted and ignored: unknown fields are errors.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from funcgate.errors import SpecError, Unmet

GROUP = "funcgate.dev"
VERSION = "v1alpha1"
PLURAL = "functionapibindings"
KIND = "FunctionApiBinding"

PAUSED = f"{GROUP}/paused"
RECONCILE_REQUESTED_AT = f"{GROUP}/reconcile-requested-at"
RECONCILE_POLICY = f"{GROUP}/reconcile-policy"
CONFIRM_DELETE = f"{GROUP}/confirm-delete"

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_GROUP_ID = r"/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[-\w._()]{0,89}[-\w()]"


def _arm_id(what: str, type_and_name: str) -> AfterValidator:
    """A check that a string is the ARM id of one kind of resource; ARM itself ignores case."""
    pattern = re.compile(rf"(?i){_GROUP_ID}/providers/{type_and_name}")

    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"is not the ARM id of {what}: /subscriptions/…/resourceGroups/…/providers/…")
        return value

    return AfterValidator(check)


SERVICE_TYPE = r"Microsoft\.ApiManagement/service/[a-z](?:[-a-z0-9]{0,48}[a-z0-9])?"
SITE_TYPE = r"Microsoft\.Web/sites/[a-z0-9](?:[-a-z0-9]{0,58}[a-z0-9])?(?:/slots/[a-z0-9](?:[-a-z0-9]{0,58}[a-z0-9])?)?"
IDENTITY_TYPE = r"Microsoft\.ManagedIdentity/userAssignedIdentities/[a-z0-9][-\w]{2,127}"

ServiceId = Annotated[str, _arm_id("an API Management service", SERVICE_TYPE)]
SiteId = Annotated[str, _arm_id("a function app", SITE_TYPE)]
UserAssignedIdentityId = Annotated[str, _arm_id("a user-assigned identity", IDENTITY_TYPE)]
ClientId = Annotated[str, BeforeValidator(lambda value: _guid(value))]


def _guid(value: object) -> str:
    """The GUID in lower case with hyphens; Azure compares client ids without case, so we keep one form."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        raise ValueError("is not a GUID such as 00000000-0000-0000-0000-000000000000")
    return str(UUID(value))


def seconds(duration: str) -> int:
    """A duration such as `10m`, `1h30m` or `45s`, in seconds. Raises ValueError for anything else."""
    found = _DURATION.fullmatch(duration)
    if not duration or not found:
        raise ValueError("is not a duration such as 10m, 1h30m or 45s")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


class _Part(BaseModel):
    """A closed, frozen piece of the spec, spelled in camelCase outside."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        regex_engine="python-re",
    )


class SystemAssigned(_Part):
    """The identity that lives and dies with the API Management service."""

    type: Literal["SystemAssigned"] = "SystemAssigned"


class UserAssigned(_Part):
    """An identity of its own, beside those that the service has already."""

    type: Literal["UserAssigned"]
    id: UserAssignedIdentityId


Identity = Annotated[SystemAssigned | UserAssigned, Field(discriminator="type")]


class ApiManagement(_Part):
    """The API Management service; shared with others, never owned."""

    id: ServiceId
    identity: Identity = SystemAssigned()


class HostKey(_Part):
    """The second lock: a host key of the app, made for this binding, that the gateway sends; rotated, if asked for."""

    source: Literal["HostKey"] = "HostKey"
    rotate_after: str | None = None

    @field_validator("rotate_after")
    @classmethod
    def _between_a_day_and_two_years(cls, value: str | None) -> str | None:
        if value is not None and not 86_400 <= seconds(value) <= 2 * 8760 * 3600:
            raise ValueError("must be between 24h and 17520h")
        return value


class NoKey(_Part):
    """No key is sent: the functions ask for none, or somebody else sees to it."""

    source: Literal["None"]


Key = Annotated[HostKey | NoKey, Field(discriminator="source")]


FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\Z", min_length=1, max_length=127)]
FunctionNames = Annotated[tuple[FunctionName, ...], Field(max_length=100, strict=False)]


ObjectName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z", min_length=1, max_length=253)
]
DataKey = Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+\Z", min_length=1, max_length=253)]


class Functions(_Part):
    """Which functions become operations: those included, or all, without those excluded. Names know no case."""

    include: FunctionNames = ()
    exclude: FunctionNames = ()

    def takes(self, function: str) -> bool:
        """Whether it becomes an operation."""
        name = function.lower()
        return (not self.include or name in _lowered(self.include)) and name not in _lowered(self.exclude)

    @model_validator(mode="after")
    def _fits_together(self) -> "Functions":
        if both := sorted(_lowered(self.include) & _lowered(self.exclude)):
            raise ValueError(f"includes and excludes {both[0]}: remove it from one of the two")
        return self


def _lowered(names: Iterable[str]) -> set[str]:
    return {each.lower() for each in names}


class FunctionApp(_Part):
    """The function app behind it."""

    id: SiteId
    functions: Functions = Functions()
    key: Key = HostKey()

    @property
    def has_key(self) -> bool:
        """Whether calls carry a host key."""
        return isinstance(self.key, HostKey)

    @property
    def rotates_after(self) -> int | None:
        """Seconds after which that key is replaced; None when never."""
        after = self.key.rotate_after if isinstance(self.key, HostKey) else None
        return seconds(after) if after else None


class AutoRegistration(_Part):
    """The registration that Easy Auth names when the binding is new; where it names none, one that funcgate makes."""

    type: Literal["Auto"] = "Auto"


class ExistingRegistration(_Part):
    """The registration with this client id, made by somebody else."""

    type: Literal["Existing"]
    client_id: ClientId


class ManagedRegistration(_Part):
    """One that funcgate makes for the function app and keeps."""

    type: Literal["Managed"]


Registration = Annotated[AutoRegistration | ExistingRegistration | ManagedRegistration, Field(discriminator="type")]


class Allow(_Part):
    """Who may call the function besides API Management's identity; client ids of applications."""

    client_ids: Annotated[tuple[ClientId, ...], Field(max_length=50, strict=False)] = ()


class Entra(_Part):
    """Whose tokens the function app accepts, and from whom."""

    registration: Registration = AutoRegistration()
    harden: Literal["Own", "All", "Nothing"] = "Own"
    require_assignment: bool = False
    token_version: Literal[1, 2] | None = None
    allow: Allow = Allow()

    @property
    def client_id(self) -> str | None:
        """The client id that the author names; None where it is found or made."""
        return self.registration.client_id if isinstance(self.registration, ExistingRegistration) else None


class ConfigMapRef(_Part):
    """One key of a ConfigMap in the binding's namespace."""

    name: ObjectName
    key: DataKey


class OpenApi(_Part):
    """Where an API's description lies."""

    config_map_key_ref: ConfigMapRef


class Import(_Part):
    """
    Functions: an API with one operation per function and method. OpenAPI: with those that a document describes. None:
    API and operations are somebody else's.
    """

    from_: Literal["Functions", "OpenAPI", "None"] = Field(default="Functions", alias="from")
    open_api: OpenApi | None = Field(default=None, alias="openAPI")

    @model_validator(mode="after")
    def _fits_together(self) -> "Import":
        if self.from_ == "OpenAPI" and self.open_api is None:
            raise ValueError("needs openAPI: the ConfigMap that holds the document")
        if self.from_ != "OpenAPI" and self.open_api is not None:
            raise ValueError("reads no document: remove openAPI, or say from: OpenAPI")
        return self


OF_AN_IMPORT = ("path", "display_name", "description", "subscription_required", "products")
"""What only an API that is ours to keep can be told."""


class Api(_Part):
    """The API in API Management whose calls reach the functions."""

    name: (
        Annotated[
            str,
            StringConstraints(pattern=r"^(?!\.{1,2}\Z)[^*#&+:<>?/;\\\x00-\x1f\x7f]+\Z", min_length=1, max_length=80),
        ]
        | None
    ) = None
    import_: Import = Field(default=Import(), alias="import")
    path: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*\Z", min_length=1, max_length=400),
        ]
        | None
    ) = None
    display_name: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None
    description: Annotated[str, StringConstraints(max_length=1000)] | None = None
    subscription_required: bool | None = None
    products: (
        Annotated[
            tuple[Annotated[str, StringConstraints(pattern=r"^[^*#&+:<>?/\s]+\Z", min_length=1, max_length=80)], ...],
            Field(max_length=20, strict=False),
        ]
        | None
    ) = None

    @property
    def imported(self) -> bool:
        """Whether API and operations are kept equal to the functions or to a document."""
        return self.import_.from_ != "None"

    @property
    def document(self) -> ConfigMapRef | None:
        """Where the document lies to which they are kept equal; None when it is the functions."""
        return self.import_.open_api.config_map_key_ref if self.import_.open_api else None

    @model_validator(mode="after")
    def _fits_together(self) -> "Api":
        if self.imported and self.path is None:
            raise ValueError("needs a path: where the gateway serves the functions, such as orders")
        if self.imported:
            return self
        if self.name is None:
            raise ValueError(
                "needs a name: with import: {from: None} the API stands already, and name says which it is"
            )
        told = [to_camel(name) for name in OF_AN_IMPORT if getattr(self, name) is not None]
        if told:
            raise ValueError(f"cannot say {told[0]}: with import: {{from: None}} the API is somebody else's")
        return self


_NOT_FREE = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-functions-key",
    }
)
"""Headers that have a meaning on the way to a function already; so have all that begin with `x-ms-` (Easy Auth)."""


def _free_header(value: str) -> str:
    if value.lower() in _NOT_FREE or value.lower().startswith("x-ms-"):
        raise ValueError("is a header that means something else on the way to the function; take one of your own")
    return value


HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", min_length=1, max_length=100),
    AfterValidator(_free_header),
]


class ReplaceCaller(_Part):
    """The function sees the gateway's token; the caller's ends at the gateway."""

    mode: Literal["Replace"] = "Replace"


class ForwardCaller(_Part):
    """The function sees the gateway's token, and the caller's under another name."""

    mode: Literal["Forward"]
    header: HeaderName = "X-Forwarded-Authorization"


class KeepCaller(_Part):
    """The function app judges the caller's own token; the gateway's comes along under another name."""

    mode: Literal["Keep"]
    header: HeaderName


CallerAuthorization = Annotated[ReplaceCaller | ForwardCaller | KeepCaller, Field(discriminator="mode")]


class ApiScope(_Part):
    """Our statements stand in the API's base policy, for all operations."""

    type: Literal["Api"] = "Api"


OperationName = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z]+ /\S*|[^*#&+:<>?/\s]+)\Z", min_length=1, max_length=400)
]


class OperationsScope(_Part):
    """Our statements stand in the policies of these operations, each known by name or as `GET /orders/{id}`."""

    type: Literal["Operations"]
    operations: Annotated[tuple[OperationName, ...], Field(min_length=1, max_length=100, strict=False)]

    @field_validator("operations")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(_lowered(value)) < len(value):
            raise ValueError("names an operation twice: names differ by more than upper and lower case")
        return value


PolicyScope = Annotated[ApiScope | OperationsScope, Field(discriminator="type")]


class PolicySettings(_Part):
    """Where our statements stand, what the gateway asks of its callers, and what becomes of the token they bring."""

    scope: PolicyScope = ApiScope()
    allow_anonymous_callers: bool = False
    caller_authorization: CallerAuthorization = ReplaceCaller()


class SecretRef(_Part):
    """One key of a Secret in the binding's namespace."""

    name: ObjectName
    key: DataKey


_DISGUISED = re.compile(r"%(2e|[46][1-9a-f]|[57][0-9a])")
"""A letter or a dot that is encoded though it need not be; every client decodes it."""


def _stays_in_the_api(call: str) -> str:
    """Past the gateway the same path is called with the host key: never the host's own endpoints."""
    path = call.lower().partition(" ")[2]
    if "/." in path or _DISGUISED.search(path) or re.match(r"/+admin(?![^/?#])", path):
        raise ValueError(
            "must be a path of the API: nothing under /admin or /.auth, no dot before a segment, no letter encoded"
        )
    return call


class Verify(_Part):
    """The calls that prove it: past the gateway to nobody's path, and one through it that the author names."""

    direct: bool = True
    operation: (
        Annotated[
            str,
            StringConstraints(pattern=r"^GET /\S*\Z", min_length=5, max_length=400),
            AfterValidator(_stays_in_the_api),
        ]
        | None
    ) = None
    expect: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=10, strict=False)] = ()
    subscription_key_secret_ref: SecretRef | None = None
    trace: Literal["Never", "OnFailure"] = "Never"

    @property
    def expected(self) -> tuple[int, ...]:
        """The statuses that are right."""
        return self.expect or (200,)

    @model_validator(mode="after")
    def _fits_together(self) -> "Verify":
        if self.operation is None and (self.expect or self.subscription_key_secret_ref or self.trace != "Never"):
            raise ValueError(
                "needs an operation: expect, subscriptionKeySecretRef and trace are about a call through the gateway"
            )
        return self


class SignIns(_Part):
    """Where Entra's sign-ins can be looked up."""

    workspace_id: ClientId | None = None


Mode = Literal["Correct", "Report", "Ignore"]


class PartDrift(_Part):
    """What happens when one part is changed by hand; without a mode what the binding says."""

    mode: Mode | None = None


class ApiDrift(PartDrift):
    """The same of the API, and fields of it that are left to others."""

    ignore: Annotated[tuple[Literal["subscriptionRequired"], ...], Field(max_length=1, strict=False)] = ()


class BackendDrift(PartDrift):
    """The same of the backend, and fields of it that are left to others."""

    ignore: Annotated[tuple[Literal["url", "key"], ...], Field(max_length=2, strict=False)] = ()


class EasyAuthDrift(PartDrift):
    """The same of Easy Auth, and fields of it that are left to others; none of them opens the door."""

    ignore: Annotated[
        tuple[Literal["issuer", "unauthenticatedClientAction"], ...], Field(max_length=2, strict=False)
    ] = ()


class DriftParts(_Part):
    """Parts for which something else holds than the binding says."""

    identity: PartDrift | None = None
    app_registration: PartDrift | None = None
    host_key: PartDrift | None = None
    named_value: PartDrift | None = None
    backend: BackendDrift | None = None
    api: ApiDrift | None = None
    policy: PartDrift | None = None
    easy_auth: EasyAuthDrift | None = None


class DriftSettings(_Part):
    """How often Azure is compared with the wish, and what becomes of what differs."""

    mode: Mode = "Correct"
    interval: str = "10m"
    parts: DriftParts = DriftParts()

    @field_validator("interval")
    @classmethod
    def _between_a_minute_and_a_day(cls, value: str) -> str:
        if not 60 <= seconds(value) <= 86_400:
            raise ValueError("must be between 1m and 24h")
        return value

    @property
    def interval_seconds(self) -> int:
        """Seconds between two checks of a settled binding."""
        return seconds(self.interval)

    def mode_of(self, part: str) -> Mode:
        """What becomes of a difference in that part."""
        own: PartDrift | None = getattr(self.parts, part, None)
        return (own and own.mode) or self.mode

    def ignored(self, part: str) -> frozenset[str]:
        """The fields of that part that are left to others, as drift names them."""
        return frozenset(getattr(getattr(self.parts, part, None), "ignore", ()))


class PartDeletion(_Part):
    """What becomes of one part when the binding goes."""

    policy: Literal["Delete", "Orphan"]


class DeletionOverrides(_Part):
    """Parts for which something else holds than `deletionPolicy` says."""

    app_registration: PartDeletion | None = None
    host_key: PartDeletion | None = None
    named_value: PartDeletion | None = None
    api: PartDeletion | None = None
    backend: PartDeletion | None = None
    policy: PartDeletion | None = None


class Spec(_Part):
    """What the author wants, checked and with every default filled in."""

    api_management: ApiManagement
    function_app: FunctionApp
    entra: Entra = Entra()
    api: Api
    policy: PolicySettings = PolicySettings()
    verify: Verify = Verify()
    sign_ins: SignIns = SignIns()
    drift: DriftSettings = DriftSettings()
    deletion_policy: Literal["Delete", "Orphan"] = "Delete"
    deletion_overrides: DeletionOverrides = DeletionOverrides()
    adopt: bool = False

    def leaves(self, part: str) -> bool:
        """Whether that part stays as it is, mark and all, when the binding goes."""
        override: PartDeletion | None = getattr(self.deletion_overrides, part, None)
        return (override.policy if override else self.deletion_policy) == "Orphan"

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> "Spec":
        """The spec of a custom resource. Raises SpecError naming the first field that cannot be."""
        try:
            whole = cls.model_validate(spec)
        except ValidationError as invalid:
            raise _first_error(invalid) from None
        if isinstance(whole.policy.caller_authorization, KeepCaller) and not whole.entra.allow.client_ids:
            raise SpecError("spec.entra.allow.clientIds", NOBODY_CALLS)
        if whole.function_app.functions != Functions() and whole.api.import_.from_ != "Functions":
            raise SpecError("spec.functionApp.functions", NOTHING_TO_CHOOSE)
        return whole


NOTHING_TO_CHOOSE = "cannot choose: only with import: {from: Functions} do functions become operations"
NOBODY_CALLS = (
    "names nobody, and policy.callerAuthorization keeps the callers' own tokens: add the client ids of those who may "
    "call with one"
)


_KINDS = (
    "SystemAssigned",
    "UserAssigned",
    "HostKey",
    "None",
    "Auto",
    "Existing",
    "Managed",
    "Replace",
    "Forward",
    "Keep",
    "Api",
    "Operations",
)
"""What pydantic puts into the path of an error for the member of a union that was chosen."""


def _first_error(invalid: ValidationError) -> SpecError:
    error = invalid.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in error["loc"] if part not in _KINDS)
    message = error["msg"].removeprefix("Value error, ")
    return SpecError(f"spec.{path}" if path else "spec", message)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """What another live binding of the same function app wants of its one front door."""

    name: str
    older: bool
    client_id: str | None  # of its registration; None while that is not known
    allowed: frozenset[str]
    service: str = ""  # the id of its API Management service, in lower case

    @classmethod
    def of(
        cls, name: str, spec: Spec, *, older: bool, client_id: str | None = None, identity_client_id: str | None = None
    ) -> "Neighbour":
        """
        What this spec wants of the door.

        With what its last pass found, once known: the `client_id` of a registration that the spec leaves open, and the
        one of the identity that calls.
        """
        calling = {identity_client_id} if identity_client_id else set()
        return cls(
            name=name,
            older=older,
            client_id=spec.entra.client_id or client_id,
            allowed=frozenset(spec.entra.allow.client_ids) | calling,
            service=spec.api_management.id.lower(),
        )


class Cluster:
    """What a pass may ask of the cluster that its binding lives in; outside of one nobody objects, nothing is held."""

    async def may_use(self, client_id: str) -> Unmet | None:
        """Why the binding may not use the registration with a client id that was only now found, if so."""
        return None

    async def used_elsewhere(self, client_id: str) -> bool:
        """Whether another live binding uses that registration."""
        return False

    async def config_map(self, ref: ConfigMapRef) -> str:
        """The text under a key of a ConfigMap that the spec refers to. Raises Unmet when it is not to be had."""
        raise Unmet(
            "DocumentNotReadable",
            f"ConfigMap {ref.name} lies in the cluster and cannot be read from here",
            status="Unknown",
        )

    async def secret(self, ref: SecretRef) -> Any:
        """The value of a Secret that the spec refers to. Raises Unmet when it is not to be had."""
        raise Unmet(
            "SecretNotReadable",
            f"Secret {ref.name} lies in the cluster and cannot be read from here",
            status="Unknown",
            blocking=False,
        )


@dataclass(frozen=True, kw_only=True)
class Binding:
    """
    One custom resource with everything a pass needs to know about it.

    `pinned` is the client id of the registration that earlier passes used; `proven`, whether the last calls that were
    made came out well; `confirmed`, that somebody said to delete what others use; `contested` are the parts that
    somebody else changes back again and again, each with a sentence about that.
    """

    namespace: str
    name: str
    generation: int
    spec: Spec
    owner: str
    deleting: bool = False
    neighbours: tuple[Neighbour, ...] = ()
    pinned: str | None = None
    proven: bool = False
    confirmed: bool = False
    contested: Mapping[str, str] = field(default_factory=dict)
    cluster: Cluster = field(default=Cluster(), repr=False, compare=False)

    @classmethod
    def of(cls, body: Mapping[str, Any], *, instance_id: str, neighbours: tuple[Neighbour, ...] = ()) -> "Binding":
        """The binding that a custom resource describes. Raises SpecError naming the field that cannot be."""
        metadata = body.get("metadata") or {}
        namespace, name = metadata.get("namespace") or "default", metadata.get("name")
        if not name:
            raise SpecError("metadata.name", "is missing")
        return cls(
            namespace=namespace,
            name=name,
            generation=metadata.get("generation", 0),
            spec=Spec.parse(body.get("spec") or {}),
            owner=f"{instance_id}/{namespace}/{name}",
            deleting="deletionTimestamp" in metadata,
            neighbours=neighbours,
            pinned=(body.get("status") or {}).get("clientId"),
            proven=proven(body.get("status") or {}),
            confirmed=confirms(metadata.get("annotations") or {}),
        )

    def corrects(self, part: str) -> bool:
        """Whether a difference in that part is written back."""
        return self.spec.drift.mode_of(part) == "Correct" and part not in self.contested

    @property
    def heir(self) -> str | None:
        """The owner of what this binding leaves to others of the same app on the same service; None without such."""
        service = self.spec.api_management.id.lower()
        heirs = sorted((not each.older, each.name) for each in self.neighbours if each.service == service)
        return f"{self.owner.partition('/')[0]}/{heirs[0][1]}" if heirs else None


def proven(status: Mapping[str, Any]) -> bool:
    """Whether a status says that calls were made and came out well."""
    return any(
        each.get("type") == "Verified" and each.get("status") == "True" for each in status.get("conditions") or ()
    )


def confirms(annotations: Mapping[str, str]) -> bool:
    """Whether they say that what others use may be deleted too."""
    return annotations.get(CONFIRM_DELETE) == "true"
