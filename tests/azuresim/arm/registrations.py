"""
Which resource providers a subscription is registered with.

    set_registration(world, subscription, "Microsoft.Web", "NotRegistered")     # a fresh subscription
    registration(world, subscription, "Microsoft.Web")                          # -> "Registered" unless told otherwise

Registering takes `arm_registration_polls` looks at the provider. The state is kept among ARM's documents, under
`/subscriptions/{id}/providers/{namespace}`. Source: learn.microsoft.com/azure/azure-resource-manager
(management/resource-providers-and-types, troubleshooting/error-register-resource-provider).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from azuresim.arm.routes import ArmError

if TYPE_CHECKING:
    from azuresim.world import World

State = Literal["NotRegistered", "Registering", "Registered", "Unregistering", "Unregistered"]
SETTLED: dict[str, State] = {"Registering": "Registered", "Unregistering": "Unregistered"}


@lru_cache(maxsize=1024)
def place(subscription: str, namespace: str) -> str:
    return f"/subscriptions/{subscription}/providers/{namespace}"


def registration(world: World, subscription: str, namespace: str) -> State:
    """The state as it is, without counting as a look."""
    found = world.arm.get(place(subscription, namespace))
    state: State = "Registered" if found is None else found.body["registrationState"]
    return state


def set_registration(world: World, subscription: str, namespace: str, state: State) -> None:
    polls = world.switches.arm_registration_polls
    world.arm.put(place(subscription, namespace), {"registrationState": state, "polls": polls})


def looked_at(world: World, subscription: str, namespace: str) -> State:
    """The state as a GET shows it; what is under way is over after so many looks."""
    state = registration(world, subscription, namespace)
    if state not in SETTLED:
        return state
    document = world.arm.need(place(subscription, namespace))
    if document.body["polls"] <= 0:
        set_registration(world, subscription, namespace, SETTLED[state])
        return SETTLED[state]
    world.arm.put(document.id, document.body | {"polls": document.body["polls"] - 1})
    return state


def need_registration(world: World, subscription: str, namespace: str) -> None:
    """409 MissingSubscriptionRegistration until the namespace is registered; SDKs register it and try again."""
    state = registration(world, subscription, namespace)
    if not subscription or state == "Registered":
        return
    code = "MissingSubscriptionRegistration"
    text = (
        f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how "
        "to register subscriptions."
    )
    raise ArmError(409, code, text, [{"code": code, "target": namespace, "message": text}])
