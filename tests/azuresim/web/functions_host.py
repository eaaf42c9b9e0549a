"""
The Azure Functions host: which function answers a request, and whether the caller's key opens it.

It stands behind Easy Auth and checks keys on its own: an identity never replaces a key. Routes, levels and the order of
the checks follow Azure/azure-functions-host (FunctionAuthorizationHandler, AuthenticationLevelHandler, AuthUtility) and
learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from azuresim.wire import HttpAnswer, HttpCall

JSON = dict[str, Any]


def new_key() -> str:
    """
    A key as the host generates it: 56 characters, 40 random bytes in URL-safe base64 with the mark `AzFu` inside.

    Source: Azure/azure-functions-host, SecretManager ("identifiable secrets").
    """
    start = base64.urlsafe_b64encode(secrets.token_bytes(33)).decode()
    checksum = zlib.crc32(start.encode()).to_bytes(4, "big")  # the real one is a Marvin hash; nobody reads it
    return f"{start}AzFu{base64.urlsafe_b64encode(checksum).decode()}"


@dataclass(kw_only=True)
class Keys:
    """The secrets of one app: the master key, host keys for all functions, system keys, keys of single functions."""

    master: str = field(default_factory=new_key, repr=False)
    functions: dict[str, str] = field(default_factory=dict, repr=False)
    systems: dict[str, str] = field(default_factory=dict, repr=False)
    of_function: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def name_of(self, key: str) -> str | None:
        """`master`, `functionKeys/x`, `systemKeys/x` or `functions/f/x`, whatever `key` is; None for an unknown one."""
        return next((name for name, value in self._all() if hmac.compare_digest(value.encode(), key.encode())), None)

    def _all(self) -> Iterator[tuple[str, str]]:
        yield "master", self.master
        yield from ((f"functionKeys/{name}", value) for name, value in self.functions.items())
        yield from ((f"systemKeys/{name}", value) for name, value in self.systems.items())
        for function, own in self.of_function.items():
            yield from ((f"functions/{function}/{name}", value) for name, value in own.items())


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function as it is deployed: its bindings, as function.json or the worker's metadata describe them."""

    name: str
    bindings: Sequence[JSON] = ()
    language: str = "python"
    disabled: bool = False
    readable: bool = True  # False: a function.json that does not parse, listed with `config: {}`
    says: tuple[int, str] | None = None  # what its own code answers; None: what arrived

    @cached_property
    def trigger(self) -> JSON | None:
        """The HTTP trigger, or None when something else starts this function."""
        return next((binding for binding in self.bindings if str(binding.get("type")).lower() == "httptrigger"), None)

    @property
    def route(self) -> str:
        """The route as written, without the app's prefix; a function without one answers under its name."""
        return str((self.trigger or {}).get("route") or self.name)

    @property
    def level(self) -> str:
        """
        The lower-cased authLevel.

        Assumed: absent means `function`, the documented default of the scripted languages.
        """
        return str((self.trigger or {}).get("authLevel") or "function").lower()

    def answers(self, method: str) -> bool:
        """Whether this method starts the function; no list of methods means all of them."""
        methods = (self.trigger or {}).get("methods")
        return not methods or method.lower() in {str(one).lower() for one in methods}


def http_function(
    name: str,
    *,
    level: str | None = "function",
    methods: Iterable[str] | None = ("get", "post"),
    route: str | None = None,
    disabled: bool = False,
) -> Function:
    """A function behind an HTTP trigger. None leaves the property out of its binding, as many real ones do."""
    wanted: JSON = {"authLevel": level, "methods": None if methods is None else list(methods), "route": route}
    trigger: JSON = {"type": "httpTrigger", "direction": "in", "name": "req"}
    trigger |= {key: value for key, value in wanted.items() if value is not None}
    return Function(
        name=name, bindings=(trigger, {"type": "http", "direction": "out", "name": "$return"}), disabled=disabled
    )


def timer_function(name: str) -> Function:
    """A function that no request can start."""
    return Function(
        name=name, bindings=({"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 0 3 * * *"},)
    )


def trigger_url(host: str, prefix: str, function: Function) -> str | None:
    """For HTTP triggers only, and lower-cased as a whole: never take a route parameter's name from here."""
    if not function.readable or function.trigger is None:
        return None
    parts = [host, prefix.strip("/"), function.route.strip("/")]
    return "https://" + "/".join(part for part in parts if part).lower()


def host_status(name: str, state: str = "Running") -> JSON:
    """What the host says of itself. Source: Azure/azure-functions-host, HostStatus and HostController."""
    return {
        "id": name[:32].lower(),
        "state": state,
        "version": "4.1040.300.25317",
        "versionDetails": "4.1040.300+simulated",
        "platformVersion": "103.0.7.120",
        "instanceId": "simulated",
        "computerName": "simulated",
        "processUptime": 60000,
        "functionAppContentEditingState": "NotAllowed",
        "extensionBundle": {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "4.22.0"},
        "errors": [],
    }


@dataclass(frozen=True, kw_only=True)
class Match:
    """The function that a request reaches, and the values of its route parameters."""

    function: Function
    values: Mapping[str, str]


_PARAMETER = re.compile(
    r"^\{(?P<stars>\*{0,2})(?P<name>[^:=?}]+)(?P<constraint>:(?:\([^()]*\)|[^=?}])*)?(?:=(?P<default>[^}?]*))?(?P<optional>\?)?\}$"
)


def find(functions: Iterable[Function], prefix: str, method: str, path: str) -> Match | None:
    """
    The function whose route and methods fit, the most literal route first; None is the host's 404.

    Constraints such as `{id:int}` are those of ASP.NET, as far as `satisfies` knows them: any other fits every value. A
    method that no function takes is a 404 too.
    """
    rest = _below(prefix, path)
    if rest is None:
        return None
    able = [
        one
        for one in functions
        if one.trigger is not None and not one.disabled and one.readable and one.answers(method)
    ]
    for function in sorted(able, key=lambda one: _precedence(one.route)):
        values = _fit(_segments(function.route), rest)
        if values is not None:
            return Match(function=function, values=values)
    return None


@dataclass(frozen=True, kw_only=True)
class Started:
    """The host runs this function; `key` is the name of the key that the caller showed, None without a known one."""

    match: Match
    key: str | None


def start(
    call: HttpCall, functions: Sequence[Function], prefix: str, keys: Keys, *, identified: bool
) -> Started | HttpAnswer:
    """
    The function that runs, or the host's refusal: 404 where nothing matches, then the key.

    Without a key that opens the function, a caller that Easy Auth identified is forbidden (403), any other one is
    challenged (401). `/` is the host's own page, `/admin` wants the master key.
    """
    match = find(functions, prefix, call.method, call.path)
    key = given_key(call.headers, call.query)
    if match is None:
        return _own_page(call, keys, key)
    name = None if key is None else keys.name_of(key)
    if not opens(match.function, name):
        return HttpAnswer(403 if identified else 401)
    return Started(match=match, key=name)


def _own_page(call: HttpCall, keys: Keys, key: str | None) -> HttpAnswer:
    """Assumed in its wording; that `/` shows a page and that `/admin` asks for the master key is documented."""
    if call.path in ("", "/") and call.method in ("GET", "HEAD"):
        return HttpAnswer.text(200, "Your Functions app is up and running", "text/html")
    path = call.path.lower().rstrip("/")
    if path.startswith("/admin/"):
        master = key is not None and hmac.compare_digest(key.encode(), keys.master.encode())
        return _admin(path, keys) if master else HttpAnswer(401)
    if path.startswith("/runtime/webhooks/"):
        return _webhook(path.split("/")[3], keys, key)
    return HttpAnswer(404)


def _admin(path: str, keys: Keys) -> HttpAnswer:
    """The host's own endpoints, for who shows the master key. Source: Azure/azure-functions-host, HostController."""
    if path == "/admin/host/keys":
        held = [{"name": name, "value": value} for name, value in keys.functions.items()]
        return HttpAnswer.json(200, {"keys": held, "links": []})
    if path == "/admin/host/ping":
        return HttpAnswer(200)
    if path == "/admin/host/status":
        return HttpAnswer.json(200, host_status("simulated"))
    return HttpAnswer(404)


def _webhook(extension: str, keys: Keys, key: str | None) -> HttpAnswer:
    """
    An extension's own endpoint wants its system key, `<extension>_extension`, or the master key; 404 without the
    extension, which is there once it has such a key.

    Source: Azure/azure-functions-host, DefaultScriptWebHookProvider. Assumed: what an extension answers.
    """
    needed = f"{extension}_extension"
    if needed not in {name.lower() for name in keys.systems}:
        return HttpAnswer(404)
    name = None if key is None else keys.name_of(key)
    good = name == "master" or (name or "").lower() == f"systemkeys/{needed}"
    return HttpAnswer.json(202, {"webhook": extension}) if good else HttpAnswer(401)


def opens(function: Function, key: str | None) -> bool:
    """
    Whether a key of that name satisfies the function's level.

    The level has to match exactly, only the master key satisfies all; a host key opens every function, a function's own
    key only that one, a system key none. Source: Azure/azure-functions-host, AuthUtility.PrincipalHasAuthLevelClaim.
    """
    if function.level == "anonymous" or key == "master":
        return True
    own = f"functions/{function.name.lower()}/"
    return function.level == "function" and key is not None and key.startswith(("functionKeys/", own))


def given_key(headers: Mapping[str, str], query: Iterable[tuple[str, str]]) -> str | None:
    """
    The key that the caller sent: the header `x-functions-key`, and only without it the query's `code`.

    Source: Azure/azure-functions-host, AuthenticationLevelHandler.
    """
    header = headers.get("x-functions-key")
    return header if header is not None else next((value for name, value in query if name.lower() == "code"), None)


SIMPLE = {
    "int": re.compile(r"[+-]?[0-9]{1,10}"),
    "long": re.compile(r"[+-]?[0-9]{1,19}"),
    "bool": re.compile(r"true|false", re.IGNORECASE),
    "alpha": re.compile(r"[A-Za-z]*"),
    "guid": re.compile(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE),
    "decimal": re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?"),
    "double": re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", re.IGNORECASE),
    "float": re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", re.IGNORECASE),
    "required": re.compile(r".+", re.DOTALL),
}
CONSTRAINT = re.compile(r":(?P<name>\w+)(?:\((?P<rest>(?:[^()]|\([^()]*\))*)\))?")


def satisfies(value: str, constraint: str) -> bool:
    """
    Whether the value keeps to `:int:min(1)`.

    Source: learn.microsoft.com/aspnet/core/fundamentals/routing (route constraints).
    """
    for one in CONSTRAINT.finditer(constraint):
        name, rest = one["name"], one["rest"] or ""
        bounds = [int(part) for part in rest.split(",") if part.strip().lstrip("-").isdecimal()]
        if name in SIMPLE and SIMPLE[name].fullmatch(value) is None:
            return False
        if name == "regex" and not _like(rest.replace("{{", "{").replace("}}", "}"), value):
            return False
        if name in ("min", "max", "range") and not _in_range(name, value, bounds):
            return False
        if name in ("length", "minlength", "maxlength") and not _as_long(name, len(value), bounds):
            return False
    return True


def _like(expression: str, value: str) -> bool:
    try:
        return re.search(expression, value, re.IGNORECASE) is not None
    except re.error:  # written for .NET in a way that only .NET reads
        return False


def _in_range(name: str, value: str, bounds: list[int]) -> bool:
    if SIMPLE["long"].fullmatch(value) is None or not bounds:
        return False
    number = int(value)
    low = bounds[0] if name != "max" else number
    return low <= number <= (number if name == "min" else bounds[-1])


def _as_long(name: str, size: int, bounds: list[int]) -> bool:
    if not bounds:
        return False
    low = 0 if name == "maxlength" else bounds[0]
    return low <= size <= (size if name == "minlength" else bounds[-1])


def _segments(text: str) -> list[str]:
    return [part for part in text.split("/") if part]


def _below(prefix: str, path: str) -> list[str] | None:
    parts, own = [unquote(part) for part in _segments(path)], _segments(prefix)
    if [part.lower() for part in parts[: len(own)]] != [part.lower() for part in own]:
        return None
    return parts[len(own) :]


def _precedence(route: str) -> list[int]:
    ranks = {None: 0, "": 1, "*": 2, "**": 2}
    return [ranks[found["stars"] if (found := _PARAMETER.match(part)) else None] for part in _segments(route)]


def _fit(template: list[str], parts: list[str]) -> dict[str, str] | None:
    """The values that make `template` equal to `parts`, literals compared without case; None when nothing does."""
    values: dict[str, str] = {}
    for index, segment in enumerate(template):
        found = _PARAMETER.match(segment)
        if found and found["stars"]:
            return values | {found["name"]: "/".join(parts[index:])}
        if index >= len(parts):
            if found is None or not (found["optional"] or found["default"] is not None):
                return None
            values |= {found["name"]: found["default"]} if found["default"] is not None else {}
        elif found:
            if not satisfies(parts[index], found["constraint"] or ""):
                return None
            values[found["name"]] = parts[index]
        elif segment.lower() != parts[index].lower():
            return None
    return values if len(parts) <= len(template) else None
