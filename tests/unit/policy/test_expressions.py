"""Our expressions in other words; that they do the same is shown by `test_behaviour`."""

import pytest

from funcgate.policy.expressions import BEARER, IN_OTHER_WORDS, in_our_words

SAID = [(ours, said) for ours, others in IN_OTHER_WORDS.items() for said in others]


@pytest.mark.parametrize(("ours", "said"), SAID)
@pytest.mark.parametrize("form", ["@({})", " @(({} )) ", "@{{ /* why */ return {}; }}"])
def test_what_says_the_same_is_put_in_our_words(ours: str, said: str, form: str) -> None:
    assert in_our_words(form.format(said)) == ours


OTHERS = [
    "Bearer msi-access-token",
    BEARER.replace("@(", "@((", 1),
    BEARER.replace('"Bearer ', '"bearer '),
    BEARER.replace("string", "str ing"),
    BEARER[:-1] + "  " * 300 + ")",
    '@(a ? "msi-access-token" : "")',
    '@("Bearer " + (string)context.Variables["MSI-access-token"])',
]


@pytest.mark.parametrize("text", OTHERS)
def test_whatever_else_it_says_stays_as_it_is(text: str) -> None:
    assert in_our_words(text) == text
