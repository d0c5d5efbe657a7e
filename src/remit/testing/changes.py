"""News of changed lists that a test spreads itself."""

from __future__ import annotations

import asyncio


class FakeChanges:
    def __init__(self) -> None:
        self._tick = 0
        self._asked = 0
        self._news = asyncio.Condition()

    @property
    def tick(self) -> int:
        return self._tick

    async def announce(self) -> None:
        async with self._news:
            self._tick += 1
            self._news.notify_all()

    async def after(self, tick: int) -> int:
        async with self._news:
            self._asked += 1
            self._news.notify_all()
            await self._news.wait_for(lambda: self._tick > tick)
            return self._tick

    async def asked(self, times: int) -> None:
        """Wait until news has been waited for so many times: then whoever waits has seen how things were before."""
        async with self._news:
            await self._news.wait_for(lambda: self._asked >= times)
