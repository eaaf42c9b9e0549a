"""What of ours stands in a document."""

import pytest

from funcgate.policy import REPLACED, CallerToken, Found, find, merge, parse
from unit.policy.documents import (
    CORPUS,
    FORWARD,
    HEADER,
    KEPT,
    MARK,
    OURS,
    OWNER,
    RESOURCE,
    ROUTE,
    TOKEN,
    a_policy,
    inbound_of,
    text_of,
    wanted,
)


def found(inbound: str, **sections: str) -> Found:
    return find(parse(a_policy(inbound, **sections)), wanted())


def in_corpus(name: str) -> Found:
    (path,) = [path for path in CORPUS if path.stem == name]
    return find(parse(text_of(path)), wanted())


def test_a_block_of_ours_is_found_and_differs_in_nothing() -> None:
    assert found(f"<base />{OURS}") == Found(
        statements=wanted(), differs=(), owner=OWNER, resource=RESOURCE, sends_token=True
    )


def test_a_block_as_stored_for_a_user_assigned_identity_is_found() -> None:
    identity = "22222222-2222-2222-2222-222222222222"
    (path,) = [path for path in CORPUS if path.stem == "ours-as-stored"]
    seen = find(parse(text_of(path)), wanted(identity_client_id=identity))
    assert (seen.statements, seen.differs) == (wanted(identity_client_id=identity), ())


def test_without_ours_nothing_is_found_and_only_the_bases_count() -> None:
    seen = find(parse("<policies><inbound/><outbound><base/></outbound></policies>"))
    assert seen == Found(
        statements=None,
        differs=("inbound: <base/> is missing", "backend: is missing", "on-error: is missing"),
        owner=None,
    )


def test_what_is_wanted_and_absent_is_missing() -> None:
    assert found("<base />").differs == (
        "inbound/mark: is missing",
        "inbound/authentication-managed-identity: is missing",
        "inbound/set-header[Authorization]: is missing",
        "inbound/set-backend-service: is missing",
    )


def test_statements_pasted_by_hand_lack_nothing_but_the_mark() -> None:
    seen = in_corpus("pasted-by-hand")
    assert (seen.statements, seen.owner, seen.sends_token) == (wanted(owner=""), None, True)
    assert seen.differs == ("inbound/mark: is missing",)


def test_the_route_that_an_import_leaves_is_not_ours() -> None:
    seen = in_corpus("import-left-a-route")
    assert (seen.statements, seen.owner) == (None, None)
    assert "inbound/set-backend-service[2]: is missing" in seen.differs


def test_a_half_deleted_block_says_what_is_missing_and_whose_it_is() -> None:
    seen = in_corpus("half-deleted")
    assert (seen.statements, seen.owner) == (None, OWNER)
    assert seen.differs == (
        "inbound/authentication-managed-identity: is missing",
        "inbound/set-backend-service: is missing",
    )


def test_a_half_deleted_block_still_names_its_registration() -> None:
    seen = find(parse(a_policy(f"<base />{MARK}{TOKEN}")))
    assert (seen.statements, seen.resource, seen.sends_token) == (None, RESOURCE, False)


def test_without_a_wish_a_block_is_measured_by_what_it_says() -> None:
    assert find(parse(a_policy(f"<base />{OURS}"))).differs == ()
    assert find(parse(a_policy(f"<base />{MARK}{ROUTE}"))).differs == (
        "inbound/authentication-managed-identity: is missing",
        "inbound/set-header[Authorization]: is missing",
    )


def test_another_owners_mark_is_named() -> None:
    assert in_corpus("another-owner").owner == "cluster-b/shop/orders"
    assert "inbound/mark/@owner: 'cluster-b/shop/orders' instead of 'cluster-a/shop/orders'" in (
        in_corpus("another-owner").differs
    )


def test_of_two_marks_the_foreign_one_is_named() -> None:
    assert found(f"<base />{OURS}<!-- funcgate: owner=b/c/d -->").owner == "b/c/d"


def test_a_mark_without_an_owner_is_a_mark_that_differs() -> None:
    seen = found("<base /><!-- funcgate: owner= -->" + TOKEN + HEADER + ROUTE)
    assert (seen.owner, seen.differs) == (None, (f"inbound/mark/@owner: '' instead of '{OWNER}'",))


@pytest.mark.parametrize("owner", ["a/b--c/d", "a/b/c---d", "a b/c%2D/ü>", "a/b/c-"])
def test_any_owner_fits_into_a_comment(owner: str) -> None:
    from funcgate.policy import merge

    assert find(merge(None, wanted(owner=owner))).owner == owner


CHANGED = [
    (TOKEN, RESOURCE, "x", "inbound/authentication-managed-identity/@resource: 'x' instead of '" + RESOURCE + "'"),
    (TOKEN, '"false"', '"true"', "inbound/authentication-managed-identity/@ignore-error: 'true' instead of 'false'"),
    (
        TOKEN,
        "ignore-error",
        "client-id='c' ignore-error",
        "inbound/authentication-managed-identity/@client-id: 'c' instead of absent",
    ),
    (
        TOKEN,
        "msi-access-token",
        "other",
        "inbound/authentication-managed-identity/@output-token-variable-name: 'other' instead of 'msi-access-token'",
    ),
    (
        TOKEN,
        "resource=",
        "audience=",
        "inbound/authentication-managed-identity/@audience: another value instead of absent",
    ),
    (HEADER, "override", "skip", "inbound/set-header[Authorization]/@exists-action: 'skip' instead of 'override'"),
    (HEADER, "Bearer ", "Basic ", "inbound/set-header[Authorization]/value/text(): says something else"),
    (HEADER, "<value>", "<value>a</value><value>", "inbound/set-header[Authorization]/value[1]: does not belong here"),
    (ROUTE, "orders-fn", "other", "inbound/set-backend-service/@backend-id: 'other' instead of 'orders-fn'"),
    (
        ROUTE,
        'id="apim-generated-policy" ',
        "",
        "inbound/set-backend-service/@id: absent instead of 'apim-generated-policy'",
    ),
    (ROUTE, "backend-id=", "base-url=", "inbound/set-backend-service/@base-url: another value instead of absent"),
]


@pytest.mark.parametrize(("statement", "old", "new", "path"), CHANGED, ids=[path for *_, path in CHANGED])
def test_a_changed_attribute_is_named(statement: str, old: str, new: str, path: str) -> None:
    changed = OURS.replace(statement, statement.replace(old, new))
    assert path in found(f"<base />{changed}").differs


@pytest.mark.parametrize("default", [' ignore-error="false"', ' exists-action="override"'])
def test_a_default_left_out_is_no_difference(default: str) -> None:
    assert found(f"<base />{OURS.replace(default, '')}").differs == ()


DISPLACED = [
    ({"inbound": f"{OURS}<base />"}, "before the outer scopes"),
    ({"inbound": f"<base />{HEADER}{MARK}{TOKEN}{ROUTE}"}, "in the wrong order"),
    ({"inbound": f"<base />{MARK}{TOKEN}<cors />{HEADER}{ROUTE}"}, "apart"),
    ({"inbound": f"<base /><choose><when condition='true'>{OURS}</when></choose>"}, "only under a condition"),
    ({"inbound": "<base />", "outbound": f"<base />{OURS}"}, "in another section"),
    ({"inbound": f"<base />{OURS}", "outbound": f"<base />{HEADER}"}, "a second time in another section"),
    ({"inbound": f"<base />{OURS}{OURS}"}, "twice"),
    ({"inbound": f"<base />{OURS}<validate-jwt header-name='authorization' />"}, "before the caller is checked"),
]


@pytest.mark.parametrize(("sections", "reason"), DISPLACED, ids=[reason for _, reason in DISPLACED])
def test_ours_in_the_wrong_place_differ(sections: dict[str, str], reason: str) -> None:
    assert found(**sections).differs, reason


def test_a_moved_statement_is_said_to_stand_in_another_place() -> None:
    assert found(f"<base />{MARK}{HEADER}{TOKEN}{ROUTE}").differs == (
        "inbound/set-header[Authorization]: stands in another place",
    )


SENDING = [
    (f"{TOKEN}{HEADER}", True, "both, unmarked"),
    (f"{HEADER}{TOKEN}", False, "the header before there is a token"),
    (f"{TOKEN}<choose><otherwise>{HEADER}</otherwise></choose>", False, "only under a condition"),
    (TOKEN + HEADER.replace("override", "skip"), False, "the caller's token wins"),
    (TOKEN + HEADER.replace("Bearer", "Basic").replace("msi-access-token", "x"), False, "another header"),
    (f"{MARK}{TOKEN.replace('msi-access-token', 'x')}{HEADER}", False, "another variable"),
]


@pytest.mark.parametrize(("inbound", "sends", "reason"), SENDING, ids=[reason for *_, reason in SENDING])
def test_only_statements_that_always_run_send_our_token(inbound: str, sends: bool, reason: str) -> None:
    assert found(f"<base />{inbound}").sends_token is sends, reason


def test_statements_about_another_request_are_not_ours() -> None:
    assert find(parse(text_of(next(path for path in CORPUS if path.stem == "side-call-with-its-own-identity")))) == (
        Found(statements=None, differs=(), owner=None)
    )


def test_a_second_header_beside_the_mark_is_somebody_elses() -> None:
    theirs = HEADER.replace("Bearer", "Basic").replace("msi-access-token", "x")
    assert found(f"<base />{MARK}{TOKEN}{HEADER}{ROUTE}{theirs}").differs == ()


# --- what becomes of the caller's token

FORWARDED = CallerToken(handed_on_in="X-Caller")
IN_OTHER_WORDS = [
    FORWARD.replace('GetValueOrDefault("Authorization", "")', 'GetValueOrDefault("authorization","")'),
    FORWARD.replace("ContainsKey(", "ContainsKey( "),
    FORWARD.replace("<otherwise>", "<otherwise><!-- nobody -->"),
]
BY_HAND = [
    FORWARD.replace('<otherwise><set-header name="X-Caller" exists-action="delete" /></otherwise>', ""),
    FORWARD.replace('"Authorization", ""', '"Authorization", "none"'),
]


@pytest.mark.parametrize(
    ("block", "caller"),
    [
        (MARK + TOKEN + FORWARD + HEADER + ROUTE, FORWARDED),
        (MARK + TOKEN + KEPT + ROUTE, CallerToken(token_in="X-Gateway")),
        (OURS.replace('name="Authorization"', 'name="authorization"'), REPLACED),
    ],
)
def test_what_becomes_of_the_callers_token_is_read_off(block: str, caller: CallerToken) -> None:
    statements = found(f"<base />{block}").statements
    assert statements is not None
    assert statements.caller == caller


@pytest.mark.parametrize("by_hand", IN_OTHER_WORDS)
def test_one_that_hands_the_callers_token_on_in_other_words_differs_in_nothing(by_hand: str) -> None:
    document = parse(a_policy(f"<base />{MARK}{TOKEN}{by_hand}{HEADER}{ROUTE}"))
    assert find(document, wanted(FORWARDED)).differs == ()
    assert merge(document, wanted(FORWARDED)) is document


@pytest.mark.parametrize("by_hand", BY_HAND)
def test_one_that_hands_the_callers_token_on_in_another_way_is_ours_to_mend(by_hand: str) -> None:
    document = parse(a_policy(f"<base />{MARK}{TOKEN}{by_hand}{HEADER}{ROUTE}"))
    assert find(document, wanted(FORWARDED)).differs != ()
    assert inbound_of(merge(document, wanted(FORWARDED))) == inbound_of(merge(None, wanted(FORWARDED)))


@pytest.mark.parametrize(
    "others",
    [
        '<choose><when condition="a"><set-header name="X"><value>b</value></set-header></when></choose>',
        FORWARD.replace("</when>", '<set-status code="404" /></when>'),
        FORWARD.replace('<otherwise><set-header name="X-Caller"', '<otherwise><set-header name="X-Other"'),
        "<choose><!-- nothing yet --></choose>",
        KEPT.replace('"Bearer "', '"Token "'),
    ],
)
def test_what_does_more_or_something_else_is_others(others: str) -> None:
    document = parse(a_policy(f"<base />{OURS}{others}"))
    assert find(document, wanted()).differs == ()
    assert len(inbound_of(merge(document, wanted()))) == 6
