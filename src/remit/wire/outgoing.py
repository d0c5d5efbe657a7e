"""Bytes on their way out: written once per turn of the event loop, connection after connection.

Whoever reads them on this host sleeps until the first of them comes, and waking a process costs as much as a good part
of a call. Written together they find it awake. A call that is alone waits for nobody and is written at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

# What waits beyond this is written at once, so that the transport can say that its peer does not read.
WAITING_BYTES_MAX: Final = 65_536


class Transport(Protocol):
    """What is used of `asyncio.Transport`."""

    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class Turn:
    """The connections with something to write. `soon` calls a function once this turn's callbacks are through; `alone`
    says whether no other call is under way.
    """

    __slots__ = ("_soon", "_waiting", "alone")

    def __init__(self, soon: Callable[[Callable[[], None]], object], alone: Callable[[], bool]) -> None:
        self._soon = soon
        self.alone = alone
        self._waiting: list[Outgoing] = []

    def add(self, outgoing: Outgoing) -> None:
        if not self._waiting:
            self._soon(self._flush)
        self._waiting.append(outgoing)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for outgoing in waiting:
            outgoing.flush()


class Outgoing:
    """One connection's way out. What was written goes before a `close`, and never after an `abort`."""

    __slots__ = ("_data", "_transport", "_turn")

    def __init__(self, transport: Transport, turn: Turn) -> None:
        self._transport = transport
        self._turn = turn
        self._data = b""

    def write(self, data: bytes) -> None:
        if self._turn.alone() or len(self._data) + len(data) > WAITING_BYTES_MAX:
            self._data += data
            self.flush()
            return
        if not self._data:
            self._turn.add(self)
        self._data += data

    def flush(self) -> None:
        data, self._data = self._data, b""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        self._data = b""
        self._transport.abort()
