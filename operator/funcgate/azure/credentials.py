"""Whose tokens the operator's calls carry: one credential, asked by one caller at a time."""

import os
import re
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError as CoreError
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.identity import CredentialUnavailableError
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential, WorkloadIdentityCredential

from funcgate.azure.http import Locks
from funcgate.azure.refusals import retry_after, unreachable
from funcgate.errors import AccessDenied, AzureError, TryAgain

WORKLOAD_IDENTITY = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
REFRESH_SECONDS = 300.0

# AADSTS codes that say "not now" rather than "no": learn.microsoft.com/entra/identity-platform/reference-error-codes
_PASSING = frozenset({"AADSTS90033", "AADSTS90006", "AADSTS50196", "AADSTS90055", "AADSTS700024"})


def default_credential(
    authority: str,
    transport: AsyncHttpTransport[Any, Any],
    client_id: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> AsyncTokenCredential:
    """
    Workload identity where its environment is set, else what the Azure SDK finds: managed identity, developer tools.

    `client_id`: that identity and no other one, by the same federated token or, without one, as a managed identity.

    WorkloadIdentityCredential is built here rather than by DefaultAzureCredential, which does not hand `authority` on
    to it (azure-identity 1.27.0), and takes any page for a refusal. Retries are off: `http.py` retries.
    """
    options: dict[str, Any] = {"authority": authority, "transport": transport, "retry_total": 0}
    if all(environment.get(name) for name in WORKLOAD_IDENTITY):
        own, tenant_id, token_file = (environment[name] for name in WORKLOAD_IDENTITY)
        return WorkloadIdentityCredential(
            client_id=client_id or own,
            tenant_id=tenant_id,
            token_file_path=token_file,
            raw_response_hook=_must_be_an_answer,
            **options,
        )
    if client_id:
        return ManagedIdentityCredential(client_id=client_id, transport=transport, retry_total=0)
    return DefaultAzureCredential(**options)


def _must_be_an_answer(response: PipelineResponse[Any, Any]) -> None:
    """It is Entra that answers, not a page of something before it. Raises TryAgain, CredentialUnreachable."""
    answer = response.http_response
    headers = {name.lower(): value for name, value in answer.headers.items()}
    if "json" not in headers.get("content-type", ""):
        status = answer.status_code
        why = f"it answered {status} without JSON; look for a proxy between the operator and Entra"
        raise _not_now(why, status=status, after=retry_after(headers, status))


class SharedCredential(AsyncTokenCredential):
    """
    A credential that asks the one inside it once, however many callers want the same token at the same time.

    Refusals come out as AccessDenied (CredentialRefused, CredentialMissing), faults on the way as TryAgain
    (CredentialUnreachable, CertificateNotTrusted); their texts hold Entra's code and first sentence, never a token.
    """

    def __init__(self, inner: AsyncTokenCredential, now: Callable[[], float] = time.time) -> None:
        self._inner = inner
        self._now = now
        self._locks = Locks()
        self._tokens: dict[str, AccessToken] = {}

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> AccessToken:
        """A token for `scopes` that lives for five minutes at least. A claims challenge always fetches a new one."""
        key = " ".join((*scopes, tenant_id or "", str(enable_cae)))
        async with self._locks.of(key):
            token = self._tokens.get(key)
            if token is None or claims or token.expires_on - self._now() < REFRESH_SECONDS:
                token = await self._fetch(*scopes, claims=claims, tenant_id=tenant_id, enable_cae=enable_cae, **kwargs)
                self._tokens[key] = token
            return token

    async def _fetch(self, *scopes: str, **options: Any) -> AccessToken:
        try:
            return await self._inner.get_token(*scopes, **options)
        except CredentialUnavailableError as missing:
            raise _missing() from missing
        except CoreError as refused:
            raise _sorted(refused) from refused
        except OSError as unreadable:
            raise _missing() from unreadable

    async def close(self) -> None:
        """The credential inside is closed."""
        await self._inner.close()

    async def __aenter__(self) -> "SharedCredential":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


def _missing() -> AzureError:
    return AccessDenied(
        "the operator has no identity in Azure: label its pods for workload identity and annotate its service account "
        "with azure.workload.identity/client-id",
        reason="CredentialMissing",
    )


def _sorted(refused: CoreError) -> AzureError:
    """Entra's refusals are ClientAuthenticationError whatever the status, so the answer itself tells what happened."""
    response: Any = refused.response if isinstance(refused, HttpResponseError) else None
    code, words = _entra_code(refused)
    if response is None:
        return _without_answer(refused, words)
    status: int = response.status_code
    if code in _PASSING or status == 429 or status >= 500:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return _not_now(f"it answered {status}", code=code, status=status, after=retry_after(headers, status))
    return _refused(words, code=code, status=status)


def _without_answer(refused: CoreError, words: str) -> AzureError:
    """Not reached; or, where the SDK looked for a credential and found none, missing."""
    if words:
        return _refused(words)
    if isinstance(refused, ClientAuthenticationError):
        return _missing()
    cause = unreachable("Microsoft Entra", refused.inner_exception or refused)
    return cause if cause.reason == "CertificateNotTrusted" else _not_now(str(cause))


def _not_now(why: str, *, code: str = "", status: int = 0, after: float | None = None) -> TryAgain:
    return TryAgain(
        f"no token from Microsoft Entra: {why}",
        reason="CredentialUnreachable",
        after_seconds=after,
        code=code,
        status=status,
    )


def _refused(words: str, *, code: str = "", status: int = 0) -> AccessDenied:
    return AccessDenied(
        f"Microsoft Entra gives the operator no token: {words or 'without a word of explanation'}",
        reason="CredentialRefused",
        code=code or words.partition(":")[0],
        status=status,
    )


def _entra_code(refused: CoreError) -> tuple[str, str]:
    """
    The AADSTS code and the sentence behind it; trace ids and times that follow are left out.

    Source: learn.microsoft.com/entra/identity-platform/reference-error-codes.
    """
    found = re.search(r"(AADSTS\d+)[^.]*", " ".join(str(refused).split()))
    return (found[1], found[0][:300]) if found else ("", "")
