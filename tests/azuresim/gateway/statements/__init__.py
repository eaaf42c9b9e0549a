"""
What each policy statement does to a call: `HANDLERS`, by name. A statement that is not among them is not simulated.

A handler takes the Run and its Step, works on `run.exchange`, and raises a PolicyFailure, Returned or SectionEnds.
"""

from __future__ import annotations

from collections.abc import Mapping

from azuresim.gateway.pipeline import Handler
from azuresim.gateway.statements import caching, callers, calls, cors, flow, limits, logs, messages, tokens

HANDLERS: Mapping[str, Handler] = {
    **callers.HANDLERS,
    **caching.HANDLERS,
    **calls.HANDLERS,
    **cors.HANDLERS,
    **flow.HANDLERS,
    **limits.HANDLERS,
    **logs.HANDLERS,
    **messages.HANDLERS,
    **tokens.HANDLERS,
}
