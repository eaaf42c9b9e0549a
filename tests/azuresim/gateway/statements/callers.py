"""
Statements that judge the call itself (check-header, ip-filter), and the one that fetches the gateway's own token.

Sources: learn.microsoft.com/azure/api-management/check-header-policy, ip-filter-policy,
api-management-error-handling-policies (reasons and texts), authentication-managed-identity-policy;
Azure/azure-api-management-policy-toolkit (emulator, for the two forms of authentication-managed-identity).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from azuresim.apim.identity import IdentityFailure, token_of_service
from azuresim.gateway.exchange import Exchange
from azuresim.gateway.failures import Broken, NotRun, PolicyFailure
from azuresim.gateway.pipeline import Handler, Run, Step
from azuresim.policy.text import Element

Address = IPv4Address | IPv6Address


def check_header(run: Run, step: Step) -> None:
    exchange, statement = run.exchange, step.element
    name = exchange.attribute(statement, "name")
    found = exchange.header(name)
    allowed = exchange.texts(statement, "value")
    status = exchange.status(statement, "failed-check-httpcode") if found is None or allowed else 0
    message = exchange.attribute(statement, "failed-check-error-message")
    if found is None:
        error = f"Header {name} was not found in the request. Access denied."
        raise PolicyFailure(status, message, reason="HeaderNotFound", error=error)
    fold = exchange.flag(statement, "ignore-case")
    if allowed and not any(value == found or (fold and value.lower() == found.lower()) for value in allowed):
        error = f"Header {name} value of {found} is not allowed. Access denied."
        raise PolicyFailure(status, message, reason="HeaderValueNotAllowed", error=error)


def ip_filter(run: Run, step: Step) -> None:
    """403 for callers that are not on the list, or are on it when the action is `forbid`."""
    exchange, statement = run.exchange, step.element
    caller = address(exchange.world.gateway.caller_ip)
    if caller is None:
        error = "Failed to establish IP address for the caller. Access denied."
        raise PolicyFailure(403, "Forbidden", reason="FailedToParseCallerIP", error=error)
    forbids = exchange.attribute(statement, "action", "allow") == "forbid"
    if listed(exchange, statement, caller) != forbids:
        return
    if forbids:
        error = "Caller IP address is blocked. Access denied."
        raise PolicyFailure(403, "Forbidden", reason="CallerIpBlocked", error=error)
    error = f"Caller IP address {caller} is not allowed. Access denied."
    raise PolicyFailure(403, "Forbidden", reason="CallerIpNotAllowed", error=error)


def address(text: str) -> Address | None:
    try:
        return ip_address(text.strip())
    except ValueError:
        return None


def listed(exchange: Exchange, statement: Element, caller: Address) -> bool:
    if caller in [address(text) for text in exchange.texts(statement, "address")]:
        return True
    for part in statement.named("address-range"):
        low, high = (address(exchange.attribute(part, name)) for name in ("from", "to"))
        if low is None or high is None:
            raise Broken("ip-filter: an address-range holds no addresses")
        if low.version == caller.version and int(low) <= int(caller) <= int(high):
            return True
    return False


def authentication_managed_identity(run: Run, step: Step) -> None:
    """The token goes into the variable when one is named, and only there; otherwise into `Authorization`."""
    exchange, statement = run.exchange, step.element
    variable = statement.attributes.get("output-token-variable-name")
    token = identity_token(exchange, statement)
    if variable:
        exchange.variables[variable] = token
    elif token is not None:
        exchange.headers["Authorization"] = f"Bearer {token}"


def identity_token(exchange: Exchange, statement: Element) -> str | None:
    """The identity's token; None when there is none and `ignore-error` says that this does not matter."""
    if exchange.attribute(statement, "authentication-provider") == "WorkloadIdentity":
        raise NotRun("authentication-managed-identity with a workload identity")
    resource, client = exchange.attribute(statement, "resource"), exchange.attribute(statement, "client-id")
    try:
        return token_of_service(exchange.world, exchange.service, resource, client or None)
    except IdentityFailure as error:
        if exchange.flag(statement, "ignore-error"):
            return None
        raise Broken(f"authentication-managed-identity: {error}", "ManagedIdentityTokenFailure") from error


HANDLERS: Mapping[str, Handler] = {
    "authentication-managed-identity": authentication_managed_identity,
    "check-header": check_header,
    "ip-filter": ip_filter,
}
