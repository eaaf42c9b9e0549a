import pytest

from funcgate import marks
from funcgate.marks import Mark
from funcgate.model import Ownership

OURS = Mark(owner="prod/shop/orders", created=True)


def test_a_mark_is_found_where_it_was_put() -> None:
    assert marks.find(marks.put("Functions of orders", OURS)) == OURS


def test_a_mark_replaces_the_one_before_and_keeps_the_text() -> None:
    twice = marks.put(marks.put("Functions of orders", OURS), Mark(owner="prod/shop/other", created=False))
    assert twice == "Functions of orders [funcgate owner=prod/shop/other adopted]"


def test_taking_a_mark_leaves_the_text_as_it_was() -> None:
    assert marks.take(marks.put("orders-fn", OURS)) == "orders-fn"


@pytest.mark.parametrize("description", [None, "", "orders-fn", "[funcgate owner= created]"])
def test_what_carries_no_mark_belongs_to_nobody_known(description: str | None) -> None:
    assert marks.find(description) is None


@pytest.mark.parametrize(
    ("mark", "ownership"),
    [
        (OURS, Ownership.OURS),
        (Mark(owner=OURS.owner, created=False), Ownership.ADOPTED),
        (Mark(owner="prod/shop/other", created=True), Ownership.FOREIGN),
    ],
)
def test_a_mark_says_whose_a_thing_is(mark: Mark, ownership: Ownership) -> None:
    assert mark.ownership(OURS.owner) is ownership


def test_a_mark_among_tags_is_found_replaced_and_taken_away() -> None:
    tags = marks.tagged(("team", "shop"), OURS)
    assert marks.of_tags(tags) == OURS
    adopted = Mark(owner=OURS.owner, created=False)
    assert marks.of_tags(marks.tagged(tags, adopted)) == adopted
    assert marks.tagged(tags, None) == ("team", "shop")
    assert marks.of_tags(("team", "funcgate-created")) is None
