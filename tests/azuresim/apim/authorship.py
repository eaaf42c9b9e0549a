"""
Who made a service and who changed it last, as `systemData` tells.

Sources: Azure/azure-cli recording test_apim_managed_identity (both halves from the beginning);
learn.microsoft.com/rest/api/apimanagement (systemData: createdByType User, Application, ManagedIdentity or Key).
"""

from __future__ import annotations

from azuresim.arm import ArmRequest
from azuresim.resources import Body


def author(request: ArmRequest) -> tuple[str, str]:
    """People by their sign-in name, applications by their client id."""
    person = request.caller.claims.get("upn") or request.caller.claims.get("unique_name")
    return (str(person), "User") if person else (request.caller.client_id, "Application")


def made_by(request: ArmRequest) -> Body:
    name, kind = author(request)
    now = request.world.clock.stamp()
    created = {"createdBy": name, "createdByType": kind, "createdAt": now}
    return created | {"lastModifiedBy": name, "lastModifiedByType": kind, "lastModifiedAt": now}


def changed_by(request: ArmRequest, before: Body) -> Body:
    """The same, changed now."""
    made = made_by(request)
    return before | {name: value for name, value in made.items() if name.startswith("lastModified")}
