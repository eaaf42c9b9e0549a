"""
The expressions that we write, recognised in other words.

White space, comments, brackets around the whole, a block that only returns, and a few ways to join two strings change
nothing. Whatever could fail where ours does not, or the other way round, is another expression.
"""

import re

VARIABLE = "msi-access-token"
BEARER = f'@("Bearer " + (string)context.Variables["{VARIABLE}"])'
SHOWN_ONE = '@(context.Request.Headers.ContainsKey("Authorization"))'
THAT_ONE = '@(context.Request.Headers.GetValueOrDefault("Authorization", ""))'

LONGEST = 400
"""Characters beyond which nobody says the same as we do."""

PARTS = re.compile(
    r"""
      (?P<nothing> \s+ | //[^\n]* | /\*.*?\*/ )
    | \$"(?: [^"\\\n{}] | \\. | \{ [^"{}]* "[^"{}]*" [^"{}]* \} )*"
    | "(?: [^"\\\n] | \\. )*"
    | @?\w+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
AUTHORIZATION = re.compile('"authorization"', re.IGNORECASE)
FETCHED = f'context.Variables["{VARIABLE}"]'
IN_OTHER_WORDS = {
    BEARER: (
        f'"Bearer " + (string){FETCHED}',
        f'"Bearer " + (String){FETCHED}',
        f'"Bearer " + ((string){FETCHED})',
        f'"Bearer " + ({FETCHED} as string)',
        f'"Bearer " + {FETCHED}',
        f'string.Concat("Bearer ", {FETCHED})',
        f'string.Concat("Bearer ", (string){FETCHED})',
        f'string.Format("Bearer {{0}}", {FETCHED})',
        f'String.Format("Bearer {{0}}", {FETCHED})',
        f'$"Bearer {{{FETCHED}}}"',
        f'$"Bearer {{(string){FETCHED}}}"',
    ),
    SHOWN_ONE: ('context.Request.Headers.ContainsKey("Authorization")',),
    THAT_ONE: (
        'context.Request.Headers.GetValueOrDefault("Authorization", "")',
        'context.Request.Headers.GetValueOrDefault("Authorization", string.Empty)',
        'context.Request.Headers.GetValueOrDefault("Authorization", String.Empty)',
    ),
}


def in_our_words(text: str) -> str:
    """The expression as we write it, when it says the same; otherwise the text as it is."""
    if len(text) > LONGEST or not text.lstrip().startswith("@"):
        return text
    if VARIABLE not in text and "uthorization" not in text.casefold():
        return text
    return KNOWN.get(_said(text.strip()), text)


def _said(expression: str) -> tuple[str, ...]:
    """What it is made of, without what changes nothing."""
    parts = tuple(
        AUTHORIZATION.sub('"Authorization"', found.group())
        for found in PARTS.finditer(expression[1:])
        if found["nothing"] is None
    )
    if parts[:2] == ("{", "return") and parts[-2:] == (";", "}"):
        parts = ("(", *parts[2:-2], ")")
    while parts[:1] == ("(",) and _closes_last(parts):
        parts = parts[1:-1]
    return parts


def _closes_last(parts: tuple[str, ...]) -> bool:
    """Whether the bracket that opens the whole is closed by its last one."""
    depth = 0
    for index, part in enumerate(parts):
        depth += (part == "(") - (part == ")")
        if depth == 0:
            return index == len(parts) - 1
    return False


KNOWN = {_said(f"@({said})"): ours for ours, others in IN_OTHER_WORDS.items() for said in others}
