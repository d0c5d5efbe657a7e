"""The calls in flight on this event loop, by grant. The only place that cancels a call or gives it a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Final, TypeVar

from remit.core.errors import Refusal, refuse
from remit.core.grant import GrantState, LiveGrant, ended
from remit.core.reasons import Reason

T = TypeVar("T")

FOREVER_S: Final = float("inf")
# An exhausted grant starts nothing new, but the last call it paid for still runs.
_MAY_RUN = (GrantState.ACTIVE, GrantState.EXHAUSTED)


class _Call:
    """One call: the task it runs in, and why it was stopped once it was. `baseline` is the number of cancellations the
    task had been sent before, so that ours is told from one from outside."""

    __slots__ = ("baseline", "cause", "deadline_s", "sent", "task")

    def __init__(self, task: asyncio.Task[object], deadline_s: float) -> None:
        self.task = task
        self.deadline_s = deadline_s  # on the loop's clock
        self.baseline = task.cancelling()
        self.cause: Reason | None = None
        self.sent = False

    def stop(self, cause: Reason) -> bool:
        """False if it was stopped already: the first cause stands."""
        if self.cause is not None:
            return False
        self.cause = cause
        # A running task cannot be interrupted, and a cancellation of it would strike whatever it awaits later.
        if self.task is not asyncio.current_task():
            self.sent = self.task.cancel()
        return True

    def refusal(self, caught: BaseException | None) -> Refusal | None:
        """Take our cancellation back and say why the call was stopped; None if it was not, or was also cancelled from
        outside: a client that left is told nothing."""
        if self.cause is None:
            return None
        left = self.task.uncancel() if self.sent else self.baseline
        if left > self.baseline and isinstance(caught, asyncio.CancelledError):
            return None
        return refuse(self.cause)


class TrackedCalls:
    """Implements the calls port for one event loop; every method is called on that loop."""

    def __init__(self, *, in_flight_max: int) -> None:
        if in_flight_max < 1:
            raise ValueError(f"in_flight_max: expected at least 1, found {in_flight_max}")
        self._in_flight_max = in_flight_max
        self._calls: dict[str, set[_Call]] = {}
        # One timer for all calls, set to the earliest deadline: nearly every call is over long before it, and a timer
        # of its own would be the dearest part of it.
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = FOREVER_S

    async def run(self, live: LiveGrant, work: Awaitable[T], *, deadline_s: float) -> T:
        """See the port. `work` runs in the awaiting task itself: no task per call."""
        loop = asyncio.get_running_loop()
        try:
            call = self._enter(live, asyncio.current_task(loop), loop.time() + deadline_s)
        except BaseException:
            # A coroutine that will not run is closed, so that it leaves no warning and no half-held resource.
            if isinstance(work, Coroutine):
                work.close()
            raise
        if call.deadline_s < self._due_s:
            self._set_timer(loop, call.deadline_s)
        try:
            result = await work
        except BaseException as caught:
            refusal = call.refusal(caught)
            if refusal is None:
                raise
            raise refusal from None
        finally:
            self._leave(live.grant.id, call)
        withheld = call.refusal(None)  # it was stopped while its last step ran
        if withheld is not None:
            raise withheld
        return result

    def _enter(self, live: LiveGrant, task: asyncio.Task[object] | None, deadline_s: float) -> _Call:
        if live.state not in _MAY_RUN:
            raise ended(live.state)
        if task is None:
            raise RuntimeError("a call runs in a task")
        mates = self._calls.setdefault(live.grant.id, set())
        if len(mates) >= self._in_flight_max:
            raise refuse(Reason.LIMIT_CONCURRENCY, f"at most {self._in_flight_max} at once")
        call = _Call(task, deadline_s)
        mates.add(call)
        return call

    def _leave(self, grant_id: str, call: _Call) -> None:
        mates = self._calls[grant_id]
        mates.remove(call)
        if not mates:
            del self._calls[grant_id]

    def _set_timer(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due_s = due_s
        # A loop may keep time in whole milliseconds: never wait for less.
        self._timer = loop.call_later(max(due_s - loop.time(), 0.001), self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._due_s = None, FOREVER_S
        now_s, next_s = loop.time(), FOREVER_S
        for call in [call for mates in self._calls.values() for call in mates if call.cause is None]:
            if call.deadline_s <= now_s:
                call.stop(Reason.UPSTREAM_TIMEOUT)
            else:
                next_s = min(next_s, call.deadline_s)
        if next_s < FOREVER_S:
            self._set_timer(loop, next_s)

    def end(self, grant_id: str, cause: Reason) -> int:
        return sum(call.stop(cause) for call in list(self._calls.get(grant_id, ())))

    def in_flight(self, grant_id: str) -> int:
        return len(self._calls.get(grant_id, ()))
