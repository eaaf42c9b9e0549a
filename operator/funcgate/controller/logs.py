"""
JSON lines on stderr, one per event: fields for machines, a few words for people.

What a pass writes and which conditions change is INFO; a pass that changes nothing is DEBUG. `correlation_id` is what
Azure calls the write, or the call that was refused; where traces are on, `trace_id` and `span_id` name the step that a
line belongs to. Nothing that is logged comes from a body of a request or answer, so no secret can be in it.
"""

import logging

from pythonjsonlogger.json import JsonFormatter

from funcgate.steps import following

FORMAT = "{asctime}{levelname}{name}{message}"
QUIET = ("kopf", "azure", "aiohttp.access", "msal", "httpx")  # one line per request or login is theirs, not ours


def configure(level: str = "INFO") -> None:
    """Everything that is logged from now on is a JSON line."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            FORMAT,
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
    )
    handler.addFilter(traced)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def traced(record: logging.LogRecord) -> bool:
    """The line says in which trace it was logged, where there are traces."""
    vars(record).update(following.get().here())
    return True
