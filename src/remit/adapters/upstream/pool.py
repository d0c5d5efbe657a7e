"""Keep-alive connections to one server for one tenant and one credential identity."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from remit.adapters.upstream.connection import Connection, Deadlines
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.wire.outgoing import Turn

Dial = Callable[[Callable[[], Connection]], Awaitable[Connection]]
STREAMS_PER_CONNECTION = 16
# A connection used this recently is not asked whether the server closed it: the question is a system call.
FRESH_S = 0.05


def _soon(flush: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(flush)


class Pool:
    """Hands out connections, the most recently used first, at most `connections_max`; more requests wait their turn."""

    def __init__(
        self, dial: Dial, monotonic_s: Callable[[], float], deadlines: Deadlines, connections_max: int
    ) -> None:
        self._dial = dial
        self._monotonic_s = monotonic_s
        self._deadlines = deadlines
        self._connections_max = connections_max
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._streams: set[Connection] = set()  # held by a stream for hours, so not counted among the others
        self._dialling = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._out = Turn(_soon, lambda: len(self._all) - len(self._streams) - len(self._idle) < 2)

    def __len__(self) -> int:
        return len(self._all)

    def take(self) -> Connection | None:
        """An idle connection that is still open, if there is one."""
        now_s = self._monotonic_s()
        while self._idle:
            connection = self._idle.pop()
            idle_s = now_s - connection.touched_s
            if not connection.alive or idle_s >= self._reuse_s(connection):
                connection.close()
                continue
            if idle_s < FRESH_S or connection.quiet():
                return connection
            connection.close()
        return None

    async def open(self) -> Connection:
        """A new connection, or in a full pool one that becomes free. Raises `Outage` or `Denied`."""
        while len(self._all) - len(self._streams) + self._dialling >= self._connections_max:
            await self._turn()
            connection = self.take()
            if connection is not None:
                return connection
        self._dialling += 1
        connection = None
        try:
            connection = await self._connect()
        finally:
            self._dialling -= 1
            if connection is None:  # its place is free again
                self._wake()
        return connection

    async def open_stream(self) -> Connection:
        """A connection for a stream that may last: it takes no other request's place. Raises `Outage` or `Denied`."""
        if len(self._streams) >= self._connections_max * STREAMS_PER_CONNECTION:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "too many streams from the server are open")
        connection = await self._connect()
        if connection.alive:
            self._streams.add(connection)
        return connection

    async def _connect(self) -> Connection:
        try:
            connection = await asyncio.wait_for(
                self._dial(lambda: Connection(self._freed, self._lost, self._out)), self._deadlines.connect_s
            )
        except TimeoutError:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server did not accept a connection in time") from None
        if connection.alive:
            self._all.add(connection)
        return connection

    async def _turn(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await asyncio.wait_for(waiter, self._deadlines.connect_s)
        except TimeoutError:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "every connection to the server is in use") from None

    def sweep(self, now_s: float) -> None:
        """Close what has been silent or unused for too long. Called about once a second."""
        for connection in list(self._all):
            connection.expire(now_s)
        for connection in list(self._idle):
            if now_s - connection.touched_s > self._reuse_s(connection):
                self._idle.remove(connection)
                connection.close()

    def close(self) -> None:
        self._closed = True
        for connection in list(self._all):
            connection.close()

    def _reuse_s(self, connection: Connection) -> float:
        theirs = connection.reuse_s
        return self._deadlines.reuse_s if theirs is None else min(theirs, self._deadlines.reuse_s)

    def _freed(self, connection: Connection) -> None:
        if self._closed:
            connection.close()
            return
        connection.touched_s = self._monotonic_s()
        self._streams.discard(connection)
        self._idle.append(connection)
        self._wake()

    def _lost(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._streams.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
