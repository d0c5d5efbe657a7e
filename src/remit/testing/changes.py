"""News of changed lists that a test spreads itself."""

from __future__ import annotations

import asyncio


class FakeChanges:
    def __init__(self) -> None:
        self._tick = 0
        self._changed = asyncio.Event()

    @property
    def tick(self) -> int:
        return self._tick

    def announce(self) -> None:
        self._tick += 1
        self._changed.set()

    async def after(self, tick: int) -> int:
        while self._tick <= tick:
            self._changed.clear()
            await self._changed.wait()
        return self._tick
