from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from unittest.mock import sentinel

from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import Azure, Endpoints
from funcgate.engine import Engine
from funcgate.model import Aspect

AZURE = Azure(*([sentinel.client] * len(fields(Azure))))


def the_aspects() -> Sequence[Aspect[Any]]:
    return all_aspects(AZURE, Endpoints())


async def test_all_aspects_fit_together() -> None:
    async def is_gone(_: str) -> bool | None:
        return None

    assert Engine(the_aspects(), is_gone, all_checks(AZURE)).condition_types == (
        "IdentityReady",
        "FunctionAppReady",
        "AppRegistrationReady",
        "HostKeyReady",
        "NamedValueReady",
        "ApiReady",
        "BackendReady",
        "PolicyReady",
        "EasyAuthReady",
        "Verified",
        "SignInSeen",
    )


def test_each_comes_after_those_whose_facts_it_needs_so_that_plans_read_in_the_order_of_work() -> None:
    given: set[str] = set()
    for aspect in the_aspects():
        assert given.issuperset(aspect.needs), aspect.name
        given.update(aspect.gives)
