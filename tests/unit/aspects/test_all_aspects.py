from dataclasses import fields
from unittest.mock import sentinel

from funcgate.aspects import all_aspects, all_checks
from funcgate.azure import Azure, Endpoints
from funcgate.engine import Engine


async def test_all_aspects_fit_together() -> None:
    async def is_gone(_: str) -> bool | None:
        return None

    azure = Azure(*([sentinel.client] * len(fields(Azure))))
    assert Engine(all_aspects(azure, Endpoints()), is_gone, all_checks(azure)).condition_types == (
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
