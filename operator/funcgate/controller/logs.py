"""
JSON lines on stderr, one per event: fields for machines, a few words for people.

What a pass writes and which conditions change is INFO; a pass that changes nothing is DEBUG. `correlation_id` is what
Azure calls the write, or the call that was refused. Nothing that is logged comes from a body of a request or answer, so
no secret can be in it.
"""

import logging

from pythonjsonlogger.json import JsonFormatter

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
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
