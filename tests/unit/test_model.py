from dataclasses import dataclass, field

import pytest

from funcgate.model import Action, Change, Drift, Facts, Observed, Ownership, Plan, named, plan, shown


@dataclass(frozen=True, kw_only=True)
class Door:
    closed: bool
    allowed_names: frozenset[str] = frozenset()
    note: str = field(default="", compare=False)


OPEN = Door(closed=False)
CLOSED = Door(closed=True)


def seen(state: Door, ownership: Ownership = Ownership.OURS) -> dict[str, Observed[Door]]:
    return {"door": Observed(state=state, ownership=ownership, etag='"1"')}


def test_what_is_absent_is_created() -> None:
    assert plan({"door": CLOSED}, {}) == Plan(changes=(Change(key="door", before=None, after=CLOSED),))


def test_what_is_as_wished_needs_no_change() -> None:
    assert plan({"door": CLOSED}, seen(CLOSED)) == Plan()


def test_what_differs_is_updated_with_the_etag_that_was_read() -> None:
    change = Change(key="door", before=OPEN, after=CLOSED, ownership=Ownership.OURS, etag='"1"')
    assert plan({"door": CLOSED}, seen(OPEN)) == Plan(changes=(change,))


def test_a_slice_of_a_shared_document_is_updated() -> None:
    assert [each.after for each in plan({"door": CLOSED}, seen(OPEN, Ownership.SHARED)).changes] == [CLOSED]


@pytest.mark.parametrize("adopt", [True, False])
def test_a_foreign_thing_is_a_conflict_and_never_a_change(adopt: bool) -> None:
    assert plan({"door": CLOSED}, seen(OPEN, Ownership.FOREIGN), adopt=adopt) == Plan(conflicts=("door",))


def test_a_foreign_thing_that_is_as_wished_is_left_in_peace() -> None:
    assert plan({"door": CLOSED}, seen(CLOSED, Ownership.FOREIGN)) == Plan()


def test_an_unmarked_thing_is_a_conflict_without_adopt() -> None:
    assert plan({"door": CLOSED}, seen(CLOSED, Ownership.UNMARKED)) == Plan(conflicts=("door",))


def test_an_unmarked_thing_is_marked_as_adopted_even_when_it_is_as_wished() -> None:
    (change,) = plan({"door": CLOSED}, seen(CLOSED, Ownership.UNMARKED), adopt=True).changes
    assert (change.action, change.ownership) == (Action.UPDATE, Ownership.ADOPTED)
    assert change.drifts == (Drift(field="mark", wanted="ours", seen="absent"),)


@pytest.mark.parametrize(
    ("ownership", "actions", "reason"),
    [
        (Ownership.OURS, [Action.DELETE], "we made it"),
        (Ownership.ADOPTED, [Action.RELEASE], "it stood there before us"),
        (Ownership.SHARED, [], "it belongs to nobody alone"),
        (Ownership.UNMARKED, [], "it is not known to be ours"),
        (Ownership.FOREIGN, [], "it is somebody else's"),
    ],
)
def test_what_is_no_longer_wished_for_goes_only_as_far_as_it_is_ours(
    ownership: Ownership, actions: list[Action], reason: str
) -> None:
    assert [each.action for each in plan({}, seen(CLOSED, ownership)).changes] == actions, reason


def test_a_change_names_the_fields_that_differ_and_no_others() -> None:
    before = Door(closed=True, allowed_names=frozenset({"b", "a"}), note="x")
    change = Change(key="door", before=before, after=Door(closed=True, allowed_names=frozenset({"a"}), note="y"))
    assert change.drifts == (Drift(field="allowedNames", wanted="[a]", seen="[a, b]"),)
    assert str(change.drifts[0]) == "allowedNames: [a, b] → [a]"


def test_what_is_released_only_loses_its_mark() -> None:
    change = Change(key="door", before=CLOSED, after=None, ownership=Ownership.ADOPTED)
    assert change.drifts == (Drift(field="mark", wanted="absent", seen="ours"),)


def test_what_is_empty_before_and_after_is_no_drift() -> None:
    assert [each.field for each in Change(key="door", before=None, after=CLOSED).drifts] == ["closed"]


def test_a_deletion_says_what_goes() -> None:
    assert Change(key="door", before=CLOSED, after=None).drifts[0] == Drift(
        field="closed", wanted="absent", seen="true"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(None, "absent"), (True, "true"), (("b", "a"), "[a, b]"), (7, "7"), ("x", "x")]
)
def test_values_read_the_same_wherever_they_are_shown(value: object, text: str) -> None:
    assert shown(value) == text


def test_only_facts_that_are_known_are_given_out() -> None:
    assert Facts(host_name="h").known() == {"host_name": "h"}


def test_each_fact_has_a_name_for_sentences() -> None:
    assert named("host_name") == "the function app's host name"
