"""Whether something is really gone: the second proof that a delete asks for."""

from typing import Final

from funcgate.azure import apim_calls, function_app, identity
from funcgate.azure.http import Call, Http
from funcgate.azure.ids import ResourceId
from funcgate.errors import AccessDenied, NotFound

VERSION: Final = "2022-09-01"
VERSIONS: Final = {
    "microsoft.apimanagement": apim_calls.VERSION,
    "microsoft.web": function_app.VERSION,
    "microsoft.managedidentity": identity.VERSION,
}


class ResourceClient:
    """Reads of resources, resource groups and subscriptions, to tell "gone" from "not to be seen"."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def is_gone(self, id_: str) -> bool | None:
        """
        True when the resource is not there and what held it can be seen to lack it; None when that cannot be told.

        A missing resource in a readable group is gone. So is one whose group is missing from a readable subscription. A
        subscription that is not to be seen proves nothing: a lost role looks the same, and so does a tenant that
        changed.
        Raises TryAgain for what passes, ValueError for ids of other providers than the three we know.
        Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found.
        """
        resource = ResourceId.parse(id_)
        subscription = f"/subscriptions/{resource.subscription}"
        there = await self._is_there(resource.text, _version(resource), "resource")
        if there is not False:
            return None if there is None else False
        group = await self._is_there(f"{subscription}/resourceGroups/{resource.group}", VERSION, "resourceGroup")
        if group is not False:
            return group
        return await self._is_there(subscription, VERSION, "subscription") or None

    async def _is_there(self, id_: str, version: str, kind: str) -> bool | None:
        """Yes or no, as Azure says; None when the answer hides it."""
        url = f"{self._http.address}{id_}?api-version={version}"
        try:
            await self._http.send(Call(method="GET", url=url, kind=kind))
        except NotFound as missing:
            return None if missing.reason == "SubscriptionNotFound" else False
        except AccessDenied:
            return None
        return True


def _version(resource: ResourceId) -> str:
    version = VERSIONS.get(resource.provider.lower())
    if version is None:
        raise ValueError(f"no api-version is known for {resource.type or resource}")
    return version
