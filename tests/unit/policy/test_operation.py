import pytest

from funcgate import policy as documents
from funcgate.policy import CallerToken, Inner, Statements
from unit.policy.documents import CORPUS, Written, text_of

OURS = Statements(resource="app", identity_client_id=None, backend_id="orders-fn", owner="prod/shop/orders")
KEPT = Statements(
    resource="app", identity_client_id=None, backend_id="orders-fn", owner="o", caller=CallerToken(token_in="X-Gateway")
)
TOKEN = '<authentication-managed-identity resource="{}" output-token-variable-name="msi-access-token" />'
BEARER = '<value>@("Bearer " + (string)context.Variables["msi-access-token"])</value>'
HEADER = f'<set-header name="Authorization" exists-action="override">{BEARER}</set-header>'
A_CHECK = "<policies><inbound><base /><check-header name='Authorization' /></inbound></policies>"
CHECK = '<validate-jwt header-name="Authorization" />'


def found(inbound: str | None, backend: str = "<base />", ours: Statements = OURS) -> Inner:
    section = "" if inbound is None else f"<inbound>{inbound}</inbound>"
    text = f"<policies>{section}<backend>{backend}</backend></policies>"
    return documents.inner(documents.parse(text), ours)


@pytest.mark.parametrize(
    ("inbound", "bypasses"),
    [
        ("<base />", False),
        ("<choose><when condition='@(true)'><base /></when></choose>", False),
        ("", True),
        (None, True),
        ("<set-variable name='a' value='1' />", True),
        ("<mock-response status-code='200' />", False),
        ("<choose><when condition='@(true)'><return-response /></when></choose>", True),
    ],
)
def test_without_base_the_base_policy_never_runs(inbound: str | None, bypasses: bool) -> None:
    assert found(inbound).bypasses is bypasses


@pytest.mark.parametrize(
    ("inbound", "late"),
    [
        (f"<base />{CHECK}", True),
        (f"{CHECK}<base />", False),
        (f"<base /><choose><when condition='@(true)'>{CHECK}</when></choose>", True),
        ("<base /><validate-azure-ad-token tenant-id='t' />", True),
        ("<base /><validate-jwt header-name='X-Caller' />", False),
        ("<base /><check-header name='x-key' failed-check-httpcode='401' />", False),
    ],
)
def test_a_check_of_the_authorization_header_behind_base_comes_too_late(inbound: str, late: bool) -> None:
    assert bool(found(inbound).late_checks) is late


def test_where_callers_keep_their_token_a_check_comes_never_too_late() -> None:
    assert found(f"<base />{CHECK}", ours=KEPT) == Inner()


@pytest.mark.parametrize(
    ("inbound", "backend", "undoes"),
    [
        ("<base /><set-backend-service backend-id='billing-fn' />", "<base />", True),
        ("<base />", "<set-backend-service base-url='https://x.example' /><forward-request />", True),
        ("<base />", "<forward-request timeout='5' />", False),
        ("<base /><set-backend-service id='apim-generated-policy' backend-id='orders-fn' />", "<base />", False),
        ("<base /><set-header name='authorization'><value>x</value></set-header>", "<base />", True),
        (f"<base />{TOKEN.format('app')}{HEADER}", "<base />", False),
        (f"<base />{TOKEN.format('other')}{HEADER}", "<base />", True),
        ("<set-header name='Authorization'><value>x</value></set-header><base />", "<base />", False),
    ],
)
def test_what_routes_or_authorises_behind_base_undoes_ours_unless_it_says_the_same(
    inbound: str, backend: str, undoes: bool
) -> None:
    assert bool(found(inbound, backend).undoing) is undoes


def test_both_lines_are_quoted_the_operations_and_the_base_policys() -> None:
    base = documents.merge(documents.parse("<policies>\n<inbound>\n<base />\n</inbound>\n</policies>"), OURS)
    elsewhere = "<set-backend-service backend-id='billing-fn' />"
    text = f"<policies>\n<inbound><base />{CHECK}\n{elsewhere}\n{HEADER}</inbound></policies>"
    said = documents.inner(documents.parse(text), OURS, base)
    lines = documents.render(base).splitlines()
    header, route = (next(i for i, line in enumerate(lines, 1) if tag in line) for tag in ("<set-header", "<set-back"))
    ours = f'line {header}: <set-header name="Authorization" exists-action="override"> of the base policy'
    assert said.late_checks == (f'line 2: <validate-jwt header-name="…"> behind {ours}',)
    assert said.undoing == (
        'line 3: <set-backend-service backend-id="billing-fn"> undoes '
        f'line {route}: <set-backend-service id="apim-generated-policy" backend-id="orders-fn"> of the base policy',
    )


def test_while_ours_does_not_stand_yet_it_is_named_without_a_line() -> None:
    base = documents.parse("<policies />")
    for each in (found(f"<base />{CHECK}"), documents.inner(documents.parse(A_CHECK), OURS, base)):
        assert each.late_checks[0].endswith(" behind <set-header> of the base policy")


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_whatever_people_write_into_an_operation_is_either_harmless_or_quoted(path: Written) -> None:
    said = documents.inner(documents.parse(text_of(path)), OURS)
    assert all(line.startswith("line ") for line in (*said.late_checks, *said.undoing))
