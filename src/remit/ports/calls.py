"""The calls in flight, by grant: their deadlines, their limits, and their end."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from remit.core.grant import LiveGrant
from remit.core.reasons import Reason

T = TypeVar("T")


class Calls(Protocol):
    async def run(self, live: LiveGrant, work: Awaitable[T], *, deadline_s: float) -> T:
        """Await `work` as a call of this grant.

        Raises the refusal of the cause when `end` or the deadline stops it; a cancellation from outside (the client
        left) passes through as such. Raises `Denied` (`limit_concurrency`) when the grant has too many calls in
        flight.
        """
        ...

    def end(self, grant_id: str, cause: Reason) -> int:
        """Stop every call of the grant now. The number of calls stopped."""
        ...

    def in_flight(self, grant_id: str) -> int:
        """How many calls of the grant run now."""
        ...
