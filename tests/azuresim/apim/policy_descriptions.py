"""
The policy statements that a service knows, each with the scopes that take it.

Source: REST reference, "Policy Description - List By Service" (sample: name, description, `scope` as bits, the list
narrowed by `scope`). Assumed: which bit is which scope, all of them together being the sample's 268435471; the texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.apim.entities import SERVICE, envelope, invalid, listing, route
from azuresim.arm import ArmRequest
from azuresim.policy.statements import STATEMENTS, Statement
from azuresim.resources import Body
from azuresim.wire import ArmResponse
from azuresim.world import World

UNCOVERED = "descriptions of policies are not among the trimmed contracts"
ALWAYS = 1 << 28
BITS: Mapping[str, int] = {"global": 1, "product": 2, "api": 4, "operation": 8}
ASKED: Mapping[str, frozenset[str]] = {
    "tenant": frozenset({"global"}),
    "product": frozenset({"product"}),
    "api": frozenset({"api"}),
    "operation": frozenset({"operation"}),
    "all": frozenset(BITS),
}


def bits(statement: Statement) -> int:
    return ALWAYS | sum(bit for scope, bit in BITS.items() if scope in statement.scopes)


def description(name: str, statement: Statement) -> str:
    sections = ", ".join(sorted(statement.sections))
    scopes = ", ".join(scope for scope in BITS if scope in statement.scopes)
    return f"The statement {name}. Sections: {sections}. Scopes: {scopes}."


def shown(service: str, name: str, statement: Statement) -> Body:
    about = {"description": description(name, statement), "scope": bits(statement)}
    return envelope(f"{service}/policyDescriptions/{name}", about)


@route("GET", f"{SERVICE}/policyDescriptions", uncovered=UNCOVERED)
def list_descriptions(request: ArmRequest, world: World) -> ArmResponse:
    scope = request.query.get("scope", "All").lower()
    if scope not in ASKED:
        raise invalid(("scope", f"'{request.query['scope']}' is not a scope of policies."))
    fitting = {name: one for name, one in STATEMENTS.items() if ASKED[scope] & one.scopes}
    service = request.up_to("service")
    return listing(request, [shown(service, name, one) for name, one in sorted(fitting.items())])
