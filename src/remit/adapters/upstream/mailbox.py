"""Between a protocol that pushes and a coroutine that pulls: one reader, in order, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """`put` never waits; `get` waits for the next value. `fail` ends it: what was put before is still read."""

    __slots__ = ("_error", "_on_drained", "_values", "_waiter", "waiting_bytes")

    def __init__(self, on_drained: Callable[[], None] | None = None) -> None:
        self._values: deque[tuple[T, int]] = deque()
        self.waiting_bytes = 0  # of the values nobody has read yet, as far as `put` was told
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._on_drained = on_drained

    @property
    def waiting(self) -> int:
        """How many values nobody has read yet. Not `__len__`: an empty mailbox is still a mailbox."""
        return len(self._values)

    def put(self, value: T, size_bytes: int = 0) -> None:
        if self._error is None:
            self._values.append((value, size_bytes))
            self.waiting_bytes += size_bytes
            self._wake()

    def fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
            self._wake()

    async def get(self) -> T:
        while not self._values:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        value, size_bytes = self._values.popleft()
        self.waiting_bytes -= size_bytes
        if not self._values and self._on_drained is not None:
            self._on_drained()
        return value

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
