from unittest.mock import sentinel

from funcgate.aspects import all_aspects
from funcgate.azure import Azure, Endpoints
from funcgate.engine import Engine


async def test_all_aspects_fit_together() -> None:
    async def is_gone(_: str) -> bool | None:
        return None

    azure = Azure(sentinel.apim, sentinel.function_apps, sentinel.graph, sentinel.identities, sentinel.resources)
    assert Engine(all_aspects(azure, Endpoints()), is_gone).condition_types == (
        "IdentityReady",
        "FunctionAppReady",
        "AppRegistrationReady",
        "HostKeyReady",
        "NamedValueReady",
        "ApiReady",
        "BackendReady",
        "PolicyReady",
        "EasyAuthReady",
    )
