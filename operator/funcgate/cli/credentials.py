"""Who a command is in Azure: the environment's half sentences, and nobody at all, each in a sentence of its own."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from funcgate.engine import Pass
from funcgate.errors import FuncgateError

WORKLOAD = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
SECRET = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")
PROOFS = ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME")
NOBODY = "nobody is signed in to Azure here: run az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and a secret of it"
UNSIGNED = ("CredentialMissing", "CredentialRefused", "CredentialUnreachable")


class HalfConfigured(FuncgateError):
    """Some of the variables that belong together are set."""


def must_be_whole(environment: Mapping[str, str] = os.environ) -> None:
    """
    What the environment says of credentials is whole, or nothing. Raises HalfConfigured naming what is missing.

    A client id alone is fine: it chooses a managed identity.
    """
    there = {name for name in (*WORKLOAD, *PROOFS) if environment.get(name)}
    if "AZURE_FEDERATED_TOKEN_FILE" in there:
        _all_of(WORKLOAD, there, "workload identity")
        _readable(environment["AZURE_FEDERATED_TOKEN_FILE"])
    elif "AZURE_CLIENT_SECRET" in there:
        _all_of(SECRET, there, "a service principal with a secret")
    elif {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"} <= there and not there & set(PROOFS):
        raise HalfConfigured(
            "AZURE_CLIENT_ID and AZURE_TENANT_ID are set and nothing that proves them: set AZURE_FEDERATED_TOKEN_FILE "
            "or AZURE_CLIENT_SECRET too, or unset AZURE_TENANT_ID"
        )


def _all_of(names: Iterable[str], there: set[str], for_: str) -> None:
    names = tuple(names)
    if missing := [name for name in names if name not in there]:
        given = " and ".join(name for name in names if name in there)
        raise HalfConfigured(f"{' and '.join(missing)} is not set, {given} is: {for_} needs all three, or none of them")


def _readable(file: str) -> None:
    try:
        Path(file).read_bytes()
    except OSError as error:
        raise HalfConfigured(f"AZURE_FEDERATED_TOKEN_FILE: {file} cannot be read: {error.strerror}") from None


def nobody_signed_in(passes: Iterable[Pass]) -> str:
    """Why nothing at all could be seen: no token. Empty when there was one."""
    outcomes = [outcome for done in passes for outcome in done.outcomes]
    unsigned = [each for each in outcomes if each.reason in UNSIGNED]
    seen = [each for each in outcomes if each.true]
    if not unsigned or seen:
        return ""
    return NOBODY if unsigned[0].reason == "CredentialMissing" else unsigned[0].message
