"""Changes within this process: whoever changes the catalog or a policy set says so here."""

from __future__ import annotations

import asyncio


class InProcessChanges:
    def __init__(self) -> None:
        self._tick = 0
        self._event = asyncio.Event()

    @property
    def tick(self) -> int:
        return self._tick

    def announce(self) -> None:
        """Only on the loop's thread."""
        self._tick += 1
        self._event.set()
        self._event = asyncio.Event()

    async def after(self, tick: int) -> int:
        while self._tick <= tick:
            await self._event.wait()
        return self._tick
