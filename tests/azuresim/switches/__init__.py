"""
What nobody could verify, or what Azure does both ways, as switches: `world.switches.<name> = ...`.

    World(switches=Switches(easy_auth_empty_allow_list="refuses all"))
    alternatives()                              # every (name, value) that is not the default

One module per service; a switch's name starts with the service's. Each says below its field what it turns and where the
doubt comes from. The default is what the better sources say; a test of a switch tests both sides.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pydantic

from azuresim.switches.apim import ApimSwitches
from azuresim.switches.arm import ArmSwitches
from azuresim.switches.entra import EntraSwitches
from azuresim.switches.gateway import GatewaySwitches
from azuresim.switches.graph import GraphSwitches
from azuresim.switches.web import WebSwitches

__all__ = ["Switches", "alternatives", "parsed"]


@dataclass
class Switches(ArmSwitches, EntraSwitches, GraphSwitches, ApimSwitches, GatewaySwitches, WebSwitches):
    """All of them. A name that does not exist is an AttributeError, not a new switch."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dataclass_fields__:
            raise AttributeError(f"no switch is called {name!r}")
        super().__setattr__(name, value)


def alternatives() -> Iterator[tuple[str, Any]]:
    """Every value that a switch with a closed set of values can have besides its default."""
    types = typing.get_type_hints(Switches)
    for field in dataclasses.fields(Switches):
        yield from ((field.name, value) for value in _closed(types[field.name]) if value != field.default)


def _closed(kind: Any) -> tuple[Any, ...]:
    if kind is bool:
        return (True, False)
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


def parsed(name: str, text: str) -> Any:
    """The value that a switch's name and a text mean. ValueError names the switch and what it can be."""
    kind = typing.get_type_hints(Switches).get(name)
    if kind is None:
        raise ValueError(f"no switch is called {name!r}")
    try:
        return pydantic.TypeAdapter(kind).validate_python(None if text == "None" else text)
    except pydantic.ValidationError as wrong:
        reason = wrong.errors()[0]["msg"]
        raise ValueError(f"switch {name}: {text!r} will not do ({reason})") from None
