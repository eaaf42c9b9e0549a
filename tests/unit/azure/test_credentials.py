"""One credential: asked once for the same token, and sorted when it is refused."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError
from azure.identity.aio import DefaultAzureCredential, WorkloadIdentityCredential

from funcgate.azure.credentials import WORKLOAD_IDENTITY, SharedCredential, default_credential
from funcgate.errors import AccessDenied, AzureError, TryAgain

ARM = "https://management.azure.com/.default"
REFUSED = (
    "AADSTS70021: No matching federated identity record found for presented assertion subject 'x'. Check it.\r\n"
    "Trace ID: 1\r\nCorrelation ID: 2\r\nTimestamp: 3"
)


class Issuer:
    """A credential that counts; each token lives as long as told."""

    def __init__(self, *, lifetime: float = 3600.0, error: Exception | None = None) -> None:
        self.lifetime, self.error, self.now = lifetime, error, 0.0
        self.asked: list[dict[str, Any]] = []
        self.closed = False

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append({"scopes": scopes, **options})
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return AccessToken(f"token-{len(self.asked)}", int(self.now + self.lifetime))

    async def close(self) -> None:
        self.closed = True


def shared(issuer: Issuer) -> SharedCredential:
    return SharedCredential(issuer, now=lambda: issuer.now)  # type: ignore[arg-type]  # as much of a credential as is used


def answered(message: str, status: int, **headers: str) -> ClientAuthenticationError:
    response: Any = SimpleNamespace(status_code=status, reason="", headers=headers, text=lambda: "")
    return ClientAuthenticationError(message=message, response=response)


async def test_many_callers_at_once_make_one_request() -> None:
    issuer = Issuer()
    credential = shared(issuer)

    tokens = await asyncio.gather(*(credential.get_token(ARM) for _ in range(20)))

    assert len(issuer.asked) == 1
    assert {each.token for each in tokens} == {"token-1"}


async def test_each_scope_has_its_own_token() -> None:
    issuer = Issuer()
    credential = shared(issuer)

    await credential.get_token(ARM)
    await credential.get_token("https://graph.microsoft.com/.default")

    assert len(issuer.asked) == 2


@pytest.mark.parametrize(("later", "asked"), [(3299.0, 1), (3301.0, 2)])
async def test_a_token_is_renewed_five_minutes_before_it_ends(later: float, asked: int) -> None:
    issuer = Issuer()
    credential = shared(issuer)

    await credential.get_token(ARM)
    issuer.now = later
    await credential.get_token(ARM)

    assert len(issuer.asked) == asked


async def test_a_claims_challenge_fetches_a_new_token_that_is_used_from_then_on() -> None:
    issuer = Issuer()
    credential = shared(issuer)

    await credential.get_token(ARM)
    await credential.get_token(ARM, claims="c")
    token = await credential.get_token(ARM)

    assert [each["claims"] for each in issuer.asked] == [None, "c"]
    assert token.token == "token-2"


@pytest.mark.parametrize(
    ("error", "kind", "reason", "because"),
    [
        (answered(REFUSED, 401), AccessDenied, "CredentialRefused", "the federated credential does not match"),
        (answered("No response content", 200), AccessDenied, "CredentialRefused", "refused without a code"),
        (answered("AADSTS90033: transient.", 400), TryAgain, "CredentialUnreachable", "a code that says not now"),
        (answered("oops", 500), TryAgain, "CredentialUnreachable", "Entra is down; the SDK calls this refused too"),
        (answered("slow down", 429), TryAgain, "CredentialUnreachable", "throttled"),
        (ServiceRequestError("no route"), TryAgain, "CredentialUnreachable", "not reached"),
        (ServiceRequestError("certificate verify failed"), TryAgain, "CertificateNotTrusted", "a private authority"),
        (ClientAuthenticationError("AADSTS70021: No."), AccessDenied, "CredentialRefused", "wrapped by a chain"),
        (ClientAuthenticationError("DefaultAzureCredential failed"), AccessDenied, "CredentialMissing", "found none"),
        (CredentialUnavailableError(message="none"), AccessDenied, "CredentialMissing", "no credential at all"),
        (FileNotFoundError("token"), AccessDenied, "CredentialMissing", "the projected token is not mounted"),
    ],
)
async def test_a_refused_token_is_sorted_by_who_acts_next(
    error: Exception, kind: type[AzureError], reason: str, because: str
) -> None:
    with pytest.raises(kind) as raised:
        await shared(Issuer(error=error)).get_token(ARM)

    assert raised.value.reason == reason, because


async def test_a_refusal_names_entras_code_and_sentence_and_nothing_that_changes() -> None:
    with pytest.raises(AccessDenied) as raised:
        await shared(Issuer(error=answered(REFUSED, 401))).get_token(ARM)

    assert raised.value.code == "AADSTS70021"
    assert "No matching federated identity record" in str(raised.value)
    assert "Trace" not in str(raised.value)


async def test_a_throttled_credential_carries_its_wait() -> None:
    issuer = Issuer(error=answered("slow down", 429, **{"Retry-After": "9"}))

    with pytest.raises(TryAgain) as raised:
        await shared(issuer).get_token(ARM)

    assert raised.value.after_seconds == 9.0


async def test_closing_closes_the_credential_inside() -> None:
    issuer = Issuer()

    async with shared(issuer):
        pass

    assert issuer.closed


WORKLOAD = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/f"}


@pytest.mark.parametrize(
    ("environment", "kind"),
    [(WORKLOAD, WorkloadIdentityCredential), ({**WORKLOAD, "AZURE_TENANT_ID": ""}, DefaultAzureCredential)],
)
async def test_workload_identity_is_used_where_its_environment_is_set(
    environment: dict[str, str], kind: type[object]
) -> None:
    transport: Any = SimpleNamespace(close=lambda: None)

    assert isinstance(default_credential("https://login.microsoftonline.com", transport, environment=environment), kind)


class APage:
    """A transport that answers everything with a page of HTML, as a proxy or an outage does."""

    async def __aenter__(self) -> "APage":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send(self, request: Any, **_: Any) -> Any:
        headers = {"Content-Type": "text/html", "Retry-After": "7"}
        return SimpleNamespace(status_code=503, reason="", headers=headers, request=request, text=lambda *_: "<html>")


async def test_a_page_instead_of_an_answer_is_an_outage_and_no_missing_identity(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    values = ("11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002", str(tmp_path / "token"))
    environment = dict(zip(WORKLOAD_IDENTITY, values, strict=True))
    transport: Any = APage()
    credential = SharedCredential(
        default_credential("https://login.microsoftonline.com", transport, environment=environment)
    )

    with pytest.raises(TryAgain, match="it answered 503 without JSON; look for a proxy") as raised:
        await credential.get_token(ARM)

    assert (raised.value.reason, raised.value.after_seconds) == ("CredentialUnreachable", 7.0)
