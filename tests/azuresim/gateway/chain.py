"""
Which statements apply to a call: global, product, API, operation, put together where `<base />` stands.

A document without `<base />` drops what the enclosing scopes say. Parsed documents are kept until they change.
Source: learn.microsoft.com/azure/api-management/api-management-howto-policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from azuresim.policy.text import BUILT_IN_GLOBAL, Element, PolicyText, read
from azuresim.resources import Document
from azuresim.world import World


@dataclass(frozen=True)
class Scoped:
    """A policy document and the name of the scope at which it stands."""

    scope: str
    document: PolicyText


@dataclass(frozen=True)
class Placed:
    """A statement and the scope that it comes from."""

    element: Element
    scope: str


Chain = Sequence[Scoped]


def policy_at(world: World, scope_id: str) -> PolicyText | None:
    """The document that stands at a scope."""
    found = world.arm.get(f"{scope_id}/policies/policy")
    return None if found is None else parsed(world, found)


def parsed(world: World, policy: Document) -> PolicyText:
    kept = world.gateway.policies.get(policy.id)
    if kept is None or kept[0] != policy.etag:
        kept = policy.etag, read(policy.properties["value"], raw=False)
        world.gateway.policies[policy.id] = kept
    return kept[1]


def fragment_at(world: World, service: Document, name: str) -> PolicyText | None:
    """The fragment of that name; None when there is none any more."""
    found = world.arm.get(f"{service.id}/policyFragments/{name}")
    return None if found is None else parsed(world, found)


def chain_of(
    world: World, service: Document, product: Document | None, api: Document | None, operation: Document | None
) -> Chain:
    """Global, product, API, operation; those that have a document."""
    chain = [Scoped("global", policy_at(world, service.id) or BUILT_IN_GLOBAL)]
    for scope, place in (("product", product), ("api", api), ("operation", operation)):
        document = policy_at(world, place.id) if place is not None else None
        if document is not None:
            chain.append(Scoped(scope, document))
    return chain


def section_of(chain: Chain, name: str, inherit_missing: bool) -> list[Placed]:
    """The statements of one section for a call, outermost scope first, `<base />` filled in."""
    if not chain:
        return []
    *outer, innermost = chain
    sections = innermost.document.root.named(name)
    if not sections:
        return section_of(outer, name, inherit_missing) if inherit_missing else []
    placed: list[Placed] = []
    for statement in sections[0].elements():
        if statement.name == "base":
            placed += section_of(outer, name, inherit_missing)
        else:
            placed.append(Placed(statement, innermost.scope))
    return placed
