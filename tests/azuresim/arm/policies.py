"""
Azure Policy as a client meets it: a write that an assignment with the effect `deny` refuses.

    world.policies.deny("*/namedvalues/*")                                       # every one of them
    world.policies.deny("*/service/contoso", when=lambda body: "tags" not in body, name="tags-required")

Source: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from azuresim.arm.routes import ArmError


def always(body: dict[str, Any]) -> bool:
    """The default condition: every write."""
    return True


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`resource` is a pattern over ids, with `*` and without case; `when` decides by the body that was sent."""

    resource: str
    name: str
    when: Callable[[dict[str, Any]], bool]

    def refusal(self, resource_id: str) -> ArmError:
        scope = "/".join(resource_id.split("/")[:3])
        authorization = f"{scope}/providers/Microsoft.Authorization"
        assignment = {"name": self.name, "id": f"{authorization}/policyAssignments/{self.name}"}
        definition = {"name": self.name, "id": f"{authorization}/policyDefinitions/{self.name}"}
        identifiers = json.dumps([{"policyAssignment": assignment, "policyDefinition": definition}])
        target = resource_id.rpartition("/")[2]
        code = "RequestDisallowedByPolicy"
        text = f"Resource '{target}' was disallowed by policy. Policy identifiers: '{identifiers}'."
        info = [{"type": "PolicyViolation", "info": self._violation(assignment, definition)}]
        error = {"code": code, "target": target, "message": text, "additionalInfo": info}
        return ArmError(403, code, text, body={"error": error})

    def _violation(self, assignment: dict[str, str], definition: dict[str, str]) -> dict[str, Any]:
        return {
            "policyDefinitionDisplayName": self.name,
            "policyDefinitionName": definition["name"],
            "policyDefinitionId": definition["id"],
            "policyDefinitionEffect": "deny",
            "policyAssignmentDisplayName": self.name,
            "policyAssignmentName": assignment["name"],
            "policyAssignmentId": assignment["id"],
            "policyAssignmentScope": assignment["id"].partition("/providers/")[0],
            "policyAssignmentParameters": {},
        }


class Policies:
    """The assignments of a world, in the order in which they were made."""

    def __init__(self) -> None:
        self._all: list[Policy] = []

    def deny(
        self, resource: str, *, when: Callable[[dict[str, Any]], bool] = always, name: str = "deny-by-test"
    ) -> None:
        self._all.append(Policy(resource=resource, name=name, when=when))

    def clear(self) -> None:
        self._all.clear()

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)
