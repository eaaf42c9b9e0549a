"""How long ago each part was last known to be true."""

from funcgate.controller.freshness import Freshness
from funcgate.controller.queue import Key
from funcgate.engine import Outcome

A, B = Key("shop", "a"), Key("shop", "b")


def outcome(status: str, condition: str = "BackendReady", *, blocking: bool = True) -> Outcome:
    return Outcome(condition=condition, status=status, reason="R", message="", blocking=blocking)


def test_the_binding_where_it_is_longest_ago_counts() -> None:
    now = [0.0]
    freshness = Freshness(lambda: now[0], ["BackendReady", "PolicyReady"])
    assert freshness.oldest("BackendReady") == 0.0
    for key in (A, B):
        freshness.looked(key, [outcome("True"), outcome("False", "PolicyReady")])
    now[0] = 60.0
    freshness.looked(A, [outcome("True"), outcome("False", "PolicyReady")])
    now[0] = 100.0
    freshness.looked(A, [outcome("Unknown", blocking=False), outcome("True", "PolicyReady")])
    assert (freshness.oldest("BackendReady"), freshness.oldest("PolicyReady")) == (100.0, 100.0)
    freshness.forget(B)
    freshness.forget(B)
    assert (freshness.oldest("BackendReady"), freshness.oldest("PolicyReady")) == (0.0, 0.0)
