"""News that a list may look different now: the catalog or a policy set changed."""

from __future__ import annotations

from typing import Protocol


class Changes(Protocol):
    @property
    def tick(self) -> int:
        """Grows with every change."""
        ...

    async def after(self, tick: int) -> int:
        """Return the current tick once it is past `tick`. Several changes may be one step."""
        ...
