"""All aspects; the order here is that of conditions, the order of work follows from facts and phases."""

from collections.abc import Sequence
from typing import Any

from funcgate.aspects.api import Api
from funcgate.aspects.app_registration import AppRegistration
from funcgate.aspects.backend import Backend
from funcgate.aspects.easy_auth import EasyAuth
from funcgate.aspects.function_app import FunctionApp
from funcgate.aspects.host_key import HostKey
from funcgate.aspects.identity import Identity
from funcgate.aspects.named_value import NamedKey
from funcgate.aspects.policy import Policy
from funcgate.aspects.sign_in import SignInSeen
from funcgate.aspects.verification import Verification
from funcgate.azure import Azure, Endpoints
from funcgate.model import Aspect, Check


def all_aspects(azure: Azure, endpoints: Endpoints) -> Sequence[Aspect[Any]]:
    """Every aspect of a binding, over these clients."""
    return (
        Identity(azure.apim, azure.identities),
        FunctionApp(azure.function_apps),
        AppRegistration(azure.graph, azure.function_apps, azure.apim),
        HostKey(azure.function_apps),
        NamedKey(azure.apim, azure.function_apps),
        Api(azure.apim),
        Backend(azure.apim, endpoints.arm),
        Policy(azure.apim),
        EasyAuth(azure.function_apps, azure.apim, endpoints),
    )


def all_checks(azure: Azure) -> Sequence[Check]:
    """What is looked at when all aspects are through."""
    return (Verification(azure.probe, azure.function_apps, azure.apim), SignInSeen(azure.logs))
