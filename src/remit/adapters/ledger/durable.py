"""Surviving power loss without stopping the loop: one thread that only syncs, and the loop's list of who waits for it.

All state belongs to the loop's thread. The worker gets a round, syncs its files and hands it back; nothing is shared.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from remit.core.errors import Refusal, refuse
from remit.core.ledger import Position

Sync = Callable[[int], None]


def sync_data(descriptor: int) -> None:
    """Once this returns, what was written to the file survives power loss. Raises `OSError`."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync there stops at the drive's volatile cache
    else:
        os.fdatasync(descriptor)


@dataclass(frozen=True, slots=True)
class Round:
    """Once `descriptors` are synced everything up to `position` is durable; then `retired` are closed."""

    position: Position
    descriptors: tuple[int, ...]
    retired: tuple[int, ...] = ()


def covers(reached: Position, position: Position) -> bool:
    """`position <= reached`, without the tuples that a dataclass's own ordering builds."""
    segment = reached.segment
    return position.segment < segment or (position.segment == segment and position.end <= reached.end)


class DurableThread:
    """One round at a time. `take` hands over what was written since the last; `failed` is called once, when a sync
    fails, and is to call `refuse_waiters`.

    A failed fdatasync is never retried: the kernel may have dropped the pages and would report success.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sync: Sync, take: Callable[[], Round], failed: Callable[[OSError], None]
    ) -> None:
        self.reached = Position(0, 0)
        self._loop = loop
        self._sync = sync
        self._take = take
        self._failed = failed
        self._failure: Refusal | None = None
        self._problem: OSError | None = None  # set by the thread before it hands the round back
        self._round: Round | None = None
        self._soon: asyncio.Handle | None = None
        self._covered: list[asyncio.Future[None]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._rounds: SimpleQueue[Round | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="remit-ledger-sync", daemon=True)
        self._thread.start()

    def _request_after_this_turn(self) -> None:
        """So that whoever writes in this turn, too, shares the round: twice as many calls per sync under load."""
        if self._round is None and self._soon is None:
            self._soon = self._loop.call_soon(self.request)

    def request(self) -> None:
        """Begin a round unless one is under way; its end begins the next if somebody waits."""
        self._soon = None
        if self._round is not None or self._failure is not None:
            return
        try:
            taken = self._take()
        except Refusal as refusal:
            self.refuse_waiters(refusal)
            return
        self._round = taken
        self._covered, self._waiting = self._covered + self._waiting, []
        self._rounds.put(taken)

    async def durable(self, position: Position) -> None:
        """Raises `Outage` if it never will be."""
        if covers(self.reached, position):
            return
        if self._failure is not None:
            raise refuse(self._failure.reason, self._failure.detail)
        future: asyncio.Future[None] = self._loop.create_future()
        if self._round is not None and covers(self._round.position, position):
            self._covered.append(future)
        else:
            self._waiting.append(future)
            self._request_after_this_turn()
        await future

    def refuse_waiters(self, refusal: Refusal) -> None:
        """Nothing that waits now will ever be durable."""
        self._failure = refusal
        waiters, self._covered, self._waiting = self._covered + self._waiting, [], []
        for future in waiters:
            if not future.done():
                future.set_exception(refuse(refusal.reason, refusal.detail))

    def stop(self) -> None:
        """End the thread once its round is done, sync the rest here and wake everybody. Raises `OSError`."""
        if self._soon is not None:
            self._soon.cancel()
        self._rounds.put(None)
        self._thread.join()
        self._round = None
        if self._problem is not None:
            raise self._problem
        if self._failure is not None:
            return
        last = self._take()
        for descriptor in last.descriptors:
            self._sync(descriptor)
        for descriptor in last.retired:
            os.close(descriptor)
        self._covered, self._waiting = self._covered + self._waiting, []
        self._reach(last.position)

    def _work(self) -> None:
        while (taken := self._rounds.get()) is not None:
            try:
                for descriptor in taken.descriptors:
                    self._sync(descriptor)
            except OSError as problem:
                self._problem = problem
            for descriptor in taken.retired:
                os.close(descriptor)
            try:
                self._loop.call_soon_threadsafe(self._done, taken)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                return

    def _done(self, taken: Round) -> None:
        if self._failure is not None or taken is not self._round:
            return
        if self._problem is not None:
            self._failed(self._problem)
            return
        self._round = None
        self._reach(taken.position)
        if self._waiting:
            self._request_after_this_turn()

    def _reach(self, position: Position) -> None:
        if not covers(self.reached, position):
            self.reached = position
        woken, self._covered = self._covered, []
        for future in woken:
            if not future.done():  # done: its call was cancelled while it waited
                future.set_result(None)


def named(problem: OSError) -> str:
    """`ENOSPC (No space left on device)`: no path, which may be nobody's business."""
    number = problem.errno or 0
    return f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"
