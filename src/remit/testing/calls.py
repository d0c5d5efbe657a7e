"""Calls in flight without a timer: a test ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from remit.core.errors import refuse
from remit.core.grant import GrantState, LiveGrant, ended
from remit.core.reasons import Reason

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class FakeCall:
    grant_id: str
    task: asyncio.Future[Any]
    cause: Reason | None = None


class FakeCalls:
    """Each call runs as a task of its own, so that ending one is plain cancellation of it."""

    def __init__(self, in_flight_max: int = 64) -> None:
        self._in_flight_max = in_flight_max
        self._calls: list[FakeCall] = []
        self.deadlines_s: list[float] = []

    async def run(self, live: LiveGrant, work: Awaitable[T], *, deadline_s: float) -> T:
        task = asyncio.ensure_future(work)
        call = FakeCall(live.grant.id, task)
        try:
            if live.state not in (GrantState.ACTIVE, GrantState.EXHAUSTED):
                raise ended(live.state)
            if self.in_flight(live.grant.id) >= self._in_flight_max:
                raise refuse(Reason.LIMIT_CONCURRENCY, f"{self._in_flight_max} calls of the grant are in flight")
            self._calls.append(call)
            self.deadlines_s.append(deadline_s)
            await asyncio.wait([task])
            if call.cause is not None:
                raise refuse(call.cause)
            return task.result()
        finally:
            task.cancel()
            if call in self._calls:
                self._calls.remove(call)

    def end(self, grant_id: str, cause: Reason) -> int:
        stopped = [call for call in self._calls if call.grant_id == grant_id and call.cause is None]
        for call in stopped:
            call.cause = cause
            call.task.cancel()
        return len(stopped)

    def in_flight(self, grant_id: str) -> int:
        return sum(1 for call in self._calls if call.grant_id == grant_id)
