"""Function apps: the site, its front door `authsettingsV2`, its functions."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from funcgate.azure.http import Call, Flights, Http, Locks
from funcgate.azure.ids import segment
from funcgate.azure.kept import HOUR, Kept
from funcgate.errors import NotFound
from funcgate.secrets import Secret

VERSION: Final = "2025-05-01"
KEYS_SECONDS: Final = 7.2
"""For one list of keys: up to seventy apps are seen to at every look, five hundred once an hour."""

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A function app or a slot of one. `host_name` is Azure's, `host_names` are all; `state` can be empty."""

    id: str
    host_name: str
    host_names: tuple[str, ...]
    kind: str
    state: str
    enabled: bool
    location: str
    sku: str
    https_only: bool


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function with its bindings as they are; without an HTTP trigger there is no template."""

    name: str
    bindings: Sequence[Json]
    invoke_url_template: str | None
    disabled: bool


class FunctionAppClient:
    """
    Calls to `Microsoft.Web/sites`, api-version 2025-05-01, in raw JSON.

    `site` is the resource id of the app or of a slot in every method. All of them raise NotFound when it is gone,
    AccessDenied without a role, TryAgain for what passes; what else they raise they say.
    """

    def __init__(self, http: Http, locks: Locks | None = None) -> None:
        self._http = http
        self._locks = locks or Locks()
        self._sites: Kept[Site] = Kept(http.time.now, HOUR)
        self._keys: Kept[Mapping[str, Secret]] = Kept(http.time.now, HOUR, each=KEYS_SECONDS)
        self._doors: Flights[Json] = Flights()

    async def get_site(self, site: str) -> Site:
        """
        The site.

        GET {site} → `{"kind", "location", "properties": {"defaultHostName", "hostNames", "state", "enabled", "sku",
        "httpsOnly"}}`.
        The host name is Azure's choice and not made from the app's name. A glance takes the one of the last hour.
        Source: REST reference, "Web Apps - Get"; App Service documentation on unique default host names.
        """
        return await self._sites.of(site, lambda: self._read_site(site))

    async def _read_site(self, site: str) -> Site:
        body, _ = await self._http.document(Call(method="GET", url=self._url(site), kind="sites"))
        return read_site(site, body)

    async def get_auth(self, site: str) -> Json:
        """
        The `properties` of the site's authentication settings, all of them, as they stand.

        GET {site}/config/authsettingsV2; a site that was never configured answers `{"platform": {"enabled": false}}`.
        Needs Microsoft.Web/sites/config/read. Calls at the same time share one request. Source: REST reference, "Web
        Apps - Get Auth Settings V2 Without Secrets"; Azure/azure-cli issue 30322.
        """
        return await self._doors.of(site, lambda: self._read_auth(site))

    async def _read_auth(self, site: str) -> Json:
        body, _ = await self._http.document(Call(method="GET", url=self._auth(site), kind="authsettingsV2"))
        return body.get("properties") or {}

    async def put_auth(self, site: str, lay: Callable[[Json], Json]) -> None:
        """
        The site's authentication settings are what `lay` makes of them as they stand now.

        PUT {site}/config/authsettingsV2 `{"properties": {…}}`. It replaces the whole object and knows no ETag, so
        reading, laying over and writing happen under one lock per site; nothing is written when `lay` changes nothing.
        Needs Microsoft.Web/sites/config/write. Source: REST reference, "Web Apps - Update Auth Settings V2";
        hashicorp/terraform-provider-azurerm, internal/services/appservice.
        """
        async with self._locks.of(site):
            seen = await self._read_auth(site)
            wanted = lay(deepcopy(dict(seen)))
            if wanted == seen:
                return
            body = {"properties": wanted}
            await self._http.send(Call(method="PUT", url=self._auth(site), kind="authsettingsV2", body=body))

    async def host_keys(self, site: str) -> Mapping[str, Secret]:
        """
        The app's host keys by name: each of them opens every function. The master key and system keys are not kept.

        POST {site}/host/default/listkeys → `{"masterKey", "functionKeys": {name: value}, "systemKeys"}`. Raises
        TryAgain, HostRuntimeDown, while the functions host does not answer. Needs
        Microsoft.Web/sites/host/listkeys/action. It may spend of the quota of writes: glances list the keys of one app
        in 7.2 seconds, of each at most once an hour, and take those of before in between. Source: REST reference, "Web
        Apps - List Host Keys".
        """
        return await self._keys.of(site, lambda: self._list_host_keys(site))

    async def _list_host_keys(self, site: str) -> Mapping[str, Secret]:
        url = self._url(site, "/host/default/listkeys")
        body, _ = await self._http.document(Call(method="POST", url=url, kind="hostKeys", lists=True))
        return {str(name): Secret(str(value)) for name, value in (body.get("functionKeys") or {}).items()}

    async def make_host_key(self, site: str, name: str) -> None:
        """
        There is a host key of this name, made by the functions host; one that was there is as it was.

        PUT {site}/host/default/functionKeys/{name} `{"properties": {}}`: without `properties` it is refused, and on a
        key that exists it would make another value, so the keys are listed first, under one lock per site. Needs
        Microsoft.Web/sites/host/functionKeys/write. Source: Azure/azure-rest-api-specs issues 14557 and 29701;
        microsoft/vscode-apimanagement, src/azure/webApp/FunctionAppService.ts.
        """
        async with self._locks.of(f"{site}/host"):
            if name in await self._list_host_keys(site):
                return
            await self._http.send(
                Call(method="PUT", url=self._host_key(site, name), kind="hostKeys", body={"properties": {}})
            )

    async def delete_host_key(self, site: str, name: str) -> None:
        """
        There is no host key of this name.

        DELETE {site}/host/default/functionKeys/{name} → 200 or 204, 404 when it was absent: whether that was the key or
        the site, the next look tells. Needs Microsoft.Web/sites/host/functionKeys/delete. Source: REST reference, "Web
        Apps - Delete Host Secret".
        """
        with contextlib.suppress(NotFound):
            await self._http.send(Call(method="DELETE", url=self._host_key(site, name), kind="hostKeys"))

    def _host_key(self, site: str, name: str) -> str:
        return self._url(site, f"/host/default/functionKeys/{segment(name)}")

    async def list_functions(self, site: str) -> Sequence[Function]:
        """
        The functions, as App Service last heard of them from the functions host.

        GET {site}/functions → `{"value": [{"name": "<site>/<function>", "properties": {"name", "config": {"bindings":
        […]}, "invoke_url_template", "isDisabled"}}]}`. Can be empty or stale after a deployment until the host has
        synchronised its triggers. A function.json that does not parse gives a `config` without bindings.
        Source: REST reference, "Web Apps - List Functions"; Azure/azure-functions-host, FunctionsSyncManager.
        """
        return [read_function(item) for item in await self._http.items(self._url(site, "/functions"), "functions")]

    def _auth(self, site: str) -> str:
        return self._url(site, "/config/authsettingsV2")

    def _url(self, site: str, path: str = "") -> str:
        return f"{self._http.address}{site}{path}?api-version={VERSION}"


def read_site(site: str, body: Json) -> Site:
    """The site in an answer."""
    properties = body.get("properties") or {}
    return Site(
        id=site,
        host_name=str(properties.get("defaultHostName") or ""),
        host_names=tuple(str(each).lower() for each in properties.get("hostNames") or ()),
        kind=str(body.get("kind") or ""),
        state=str(properties.get("state") or ""),
        enabled=properties.get("enabled") is not False,
        location=str(body.get("location") or ""),
        sku=str(properties.get("sku") or ""),
        https_only=properties.get("httpsOnly") is True,
    )


def read_function(item: Json) -> Function:
    """The function in a list's item; its own name is the part behind the site's."""
    properties = item.get("properties") or {}
    config = properties.get("config")
    bindings = config.get("bindings") if isinstance(config, dict) else None
    return Function(
        name=str(properties.get("name") or str(item.get("name") or "").rsplit("/", 1)[-1]),
        bindings=tuple(each for each in bindings or () if isinstance(each, dict)),
        invoke_url_template=properties.get("invoke_url_template") or None,
        disabled=properties.get("isDisabled") is True,
    )
