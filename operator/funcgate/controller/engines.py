"""Which engine makes a pass: the operator's own, or one that acts in Azure as the identity that a namespace brings."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from funcgate.engine import Engine


class Engines:
    """One engine for each identity; what an identity may see is never shown to another one."""

    def __init__(self, own: Engine, open_: Callable[[str], Coroutine[Any, Any, Engine]]) -> None:
        """`open_` makes the engine that acts as the identity with that client id; it lasts as long as the operator."""
        self.own = own
        self._open = open_
        self._others: dict[str, asyncio.Task[Engine]] = {}

    async def acting_as(self, client_id: str | None) -> Engine:
        """The engine of that identity; None is the operator's own."""
        if client_id is None:
            return self.own
        task = self._others.get(client_id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._others[client_id] = asyncio.create_task(self._open(client_id))
        return await asyncio.shield(task)
