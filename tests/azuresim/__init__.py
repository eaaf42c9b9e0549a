"""A simulated Azure that refuses what Azure refuses. `async with Simulator() as azure`; see README.md."""

from azuresim.server import Simulator
from azuresim.world import World

__all__ = ["Simulator", "World"]
