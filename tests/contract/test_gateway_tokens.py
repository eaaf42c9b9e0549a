"""Tokens that callers send: validate-jwt and validate-azure-ad-token, case by case."""

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import jwt
import pytest

from azuresim.entra.tokens import jwk, rsa_key
from contract.apim_world import CALLER, DOOR, Apim, apim
from contract.gateway_world import ON_ERROR, echo, failure, furnished, scoped

pytestmark = pytest.mark.item("apim-15")
SECRET = b"a symmetric key that is long enough for HS256"
KEY = f"<issuer-signing-keys><key>{base64.b64encode(SECRET).decode()}</key></issuer-signing-keys>"
SHOW = '<set-header name="x-sub"><value>@(((Jwt)context.Variables["t"]).Subject)</value></set-header>'


@pytest.fixture
async def here() -> AsyncIterator[Apim]:
    async with apim() as started:
        yield started


def validate(parts: str = KEY, attributes: str = "") -> str:
    return f'<validate-jwt header-name="Authorization" {attributes}>{parts}</validate-jwt>'


def signed(here: Apim, claims: Mapping[str, Any] | None = None, key: Any = SECRET, algorithm: str = "HS256") -> str:
    """A token in its time, with these claims over the usual ones; a claim that is None is left out."""
    now = int(here.world.clock.timestamp())
    usual = {"iss": "https://issuer.example", "aud": "us", "sub": "me", "nbf": now, "exp": now + 60}
    merged = {name: value for name, value in {**usual, **(claims or {})}.items() if value is not None}
    return jwt.encode(merged, key, algorithm=algorithm)


async def judged(here: Apim, statement: str, token: str | None) -> tuple[int, str]:
    """Status, and the reason in `context.LastError`."""
    await furnished(here)
    await scoped(here, "/apis/orders", statement + '<set-backend-service backend-id="orders-fn" />', on_error=ON_ERROR)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = await here.call("/orders/orders", headers=headers)
    return (200, "") if answer.status == 200 else (failure(answer)[0], failure(answer)[2])


AUDIENCES = "<audiences><audience>them</audience><audience>{}</audience></audiences>"
ISSUERS = "<issuers><issuer>{}</issuer></issuers>"
CLAIMS = '<required-claims><claim name="{}" match="{}"><value>a</value><value>b</value></claim></required-claims>'


@pytest.mark.parametrize(
    ("parts", "claims", "expected", "case"),
    [
        (KEY, {}, (200, ""), "signed with the symmetric key"),
        (KEY + AUDIENCES.format("us"), {"aud": ["x", "us"]}, (200, ""), "one audience of several"),
        (KEY + AUDIENCES.format("you"), {}, (401, "TokenAudienceNotAllowed"), "another audience"),
        (KEY + ISSUERS.format("https://issuer.example"), {}, (200, ""), "the issuer is listed"),
        (KEY + ISSUERS.format("https://other.example"), {}, (401, "TokenIssuerNotAllowed"), "another issuer"),
        (KEY, {"exp": 1}, (401, "TokenExpired"), "too old"),
        (KEY, {"nbf": 99_999_999_999}, (401, "JwtInvalid"), "not yet"),
        (KEY, {"exp": None}, (401, "JwtInvalid"), "no end"),
        (KEY + CLAIMS.format("r", "all"), {"r": ["a", "b"]}, (200, ""), "all values"),
        (KEY + CLAIMS.format("r", "all"), {"r": ["a"]}, (401, "TokenClaimValueNotAllowed"), "not all values"),
        (KEY + CLAIMS.format("r", "any"), {"r": ["a"]}, (200, ""), "any value"),
        (KEY + CLAIMS.format("r", "any"), {}, (401, "TokenClaimNotFound"), "no such claim"),
    ],
)
async def test_a_token_is_judged_claim_by_claim(
    here: Apim, parts: str, claims: dict[str, Any], expected: tuple[int, str], case: str
) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy; error-handling-policies (reasons)."""
    assert await judged(here, validate(parts), signed(here, claims)) == expected, case


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (None, "TokenNotPresent"),
        ("nonsense", "JwtInvalid"),
        ("a.b.c", "JwtInvalid"),
        ("wrong key", "TokenSignatureInvalid"),
        ("none", "TokenSignatureKeyNotFound"),
        ("rsa", "TokenSignatureKeyNotFound"),
    ],
)
async def test_a_token_that_nobody_signed_here_is_refused(here: Apim, token: str | None, reason: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/api-management-error-handling-policies."""
    made = {
        "wrong key": lambda: signed(here, key=b"another symmetric key that is long enough"),
        "none": lambda: signed(here, key="", algorithm="none"),
        "rsa": lambda: signed(here, key=rsa_key("somebody"), algorithm="RS256"),
    }
    sent = made[token]() if token in made else token
    assert await judged(here, validate(), sent) == (401, reason)


@pytest.mark.parametrize(
    ("attributes", "claims", "status"),
    [
        ('require-expiration-time="false"', {"exp": None}, 200),
        ('clock-skew="100"', {"ago": 50}, 200),
        ('clock-skew="10"', {"ago": 50}, 401),
        ('require-scheme="Basic"', {}, 401),
        ('failed-validation-httpcode="418"', {"exp": 1}, 418),
    ],
)
async def test_attributes_make_it_stricter_or_milder(
    here: Apim, attributes: str, claims: dict[str, Any], status: int
) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy."""
    ago = claims.pop("ago", None)
    wanted = claims if ago is None else {"exp": int(here.world.clock.timestamp()) - ago}
    assert (await judged(here, validate(attributes=attributes), signed(here, wanted)))[0] == status


async def test_an_unsigned_token_is_taken_when_signatures_are_not_required(here: Apim) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy (`require-signed-tokens`)."""
    token = signed(here, key="", algorithm="none")
    assert (await judged(here, validate(attributes='require-signed-tokens="false"'), token))[0] == 200


@pytest.mark.parametrize(("signer", "status"), [("somebody", 200), ("another", 401)])
async def test_a_key_may_be_modulus_and_exponent(here: Apim, signer: str, status: int) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy (`n`, `e`)."""
    public = jwk(rsa_key("somebody"), "k")
    parts = f'<issuer-signing-keys><key n="{public["n"]}" e="{public["e"]}" /></issuer-signing-keys>'
    token = signed(here, key=rsa_key(signer), algorithm="RS256")
    assert (await judged(here, validate(parts), token))[0] == status


@pytest.mark.parametrize(
    ("statement", "url"),
    [('query-parameter-name="token"', "/orders/orders?token={}"), ('token-value="{}"', "/orders/orders")],
)
async def test_the_token_may_come_from_elsewhere_and_go_into_a_variable(here: Apim, statement: str, url: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy (`output-token-variable-name`: Jwt)."""
    token = signed(here)
    head = f'<validate-jwt {statement.format(token)} output-token-variable-name="t">'
    await furnished(here, f"{head}{KEY}</validate-jwt>{SHOW}")
    assert echo(await here.call(url.format(token)))["headers"]["x-sub"] == "me"


@pytest.mark.parametrize(
    "url",
    ["https://nowhere.example/.well-known/openid-configuration", "https://login.microsoftonline.com/other-tenant/v2.0"],
)
async def test_metadata_that_cannot_be_fetched_is_500(here: Apim, url: str) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-jwt-policy. Assumed: the status."""
    found = await judged(here, validate(f'<openid-config url="{url}" />'), signed(here))
    assert found == (500, "OpenIdConfigurationFailure")


async def test_an_encrypted_token_is_not_simulated(here: Apim) -> None:
    """No Azure behaviour: there are no decryption keys."""
    assert await judged(here, validate(), "a.b.c.d.e") == (500, "NotSimulated")
    assert sum(here.world.missing.values()) == 1


def azure_ad(inner: str = "", tenant: str = "{}") -> str:
    return (
        f'<validate-azure-ad-token tenant-id="{tenant}" output-token-variable-name="t"><client-application-ids>'
        f"<application-id>{CALLER}</application-id></client-application-ids>{inner}</validate-azure-ad-token>"
    )


@pytest.mark.parametrize(
    ("statement", "status", "case"),
    [
        (azure_ad(), 200, "all fits"),
        (azure_ad(tenant="organizations"), 200, "any tenant"),
        (
            azure_ad(f"<backend-application-ids><application-id>{DOOR}</application-id></backend-application-ids>"),
            200,
            "",
        ),
        (azure_ad("<backend-application-ids><application-id>x</application-id></backend-application-ids>"), 401, ""),
        (
            azure_ad('<required-claims><claim name="ver"><value>2.0</value></claim></required-claims>'),
            200,
            "a claim that is there",
        ),
        (
            azure_ad('<required-claims><claim name="roles"><value>A</value></claim></required-claims>'),
            401,
            "a claim that is not",
        ),
    ],
)
async def test_tokens_of_the_directory_are_judged_by_their_applications(
    here: Apim, statement: str, status: int, case: str
) -> None:
    """Source: learn.microsoft.com/azure/api-management/validate-azure-ad-token-policy."""
    await furnished(here, statement.replace("{}", here.world.tenant_id))
    assert (await here.call("/orders/orders", headers=here.caller_token())).status == status, case
    here.world.clock.advance(3700)
    assert (await here.call("/orders/orders", headers={"Authorization": "Bearer x.y.z"})).status == 401
