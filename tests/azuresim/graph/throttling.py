"""
What a call costs, in resource units, and who has spent too many of them.

Source: learn.microsoft.com/graph/throttling-limits, "Identity and access service limits".
"""

from __future__ import annotations

import re

from azuresim.wire import HttpCall

COSTLY = re.compile(r"/v1\.0/(?:applications|servicePrincipals/[^/]+/appRoleAssignments)/?", re.IGNORECASE)
CHEAP_PAGE = 20


def units(call: HttpCall) -> int:
    """At least one; $select and small pages make a call cheaper, $expand makes it dearer."""
    cost = 2 if call.method == "GET" and COSTLY.fullmatch(call.path) else 1
    cost -= call.argument("$select") is not None
    cost += call.argument("$expand") is not None
    top = call.argument("$top") or str(CHEAP_PAGE)
    cost -= top.isdecimal() and int(top[:9]) < CHEAP_PAGE
    return max(1, cost)
