"""Reading a server-sent event stream (WHATWG HTML, 9.2), without I/O."""

from __future__ import annotations

from dataclasses import dataclass

ID_BYTES_MAX = 1024


class EventTooLarge(Exception):
    """One event is longer than allowed."""


@dataclass(slots=True)
class Event:
    """`data` is on one line: line breaks between its `data:` fields became spaces, which JSON reads the same.
    `event_id` is None when the event named none."""

    data: bytes
    event_id: str | None = None
    retry_ms: int | None = None


class EventReader:
    """Feed bytes, get the events they complete. Line ends may be LF, CRLF or CR, split anywhere."""

    __slots__ = ("_after_cr", "_bytes_max", "_data", "_id", "_rest", "_retry", "_seen", "_size")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._rest = bytearray()  # grown in place: a line in many pieces is not copied for each of them
        self._after_cr = False
        self._reset()

    def _reset(self) -> None:
        self._data: list[bytes] = []
        self._id: str | None = None
        self._retry: int | None = None
        self._size = 0
        self._seen = False

    def feed(self, data: bytes) -> list[Event]:
        """Raises `EventTooLarge`."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")  # the other half of a CRLF
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > self._bytes_max:
            raise EventTooLarge
        events: list[Event] = []
        for line in lines:
            if line:
                self._field(line)
            elif self._seen:
                events.append(Event(b" ".join(self._data), self._id, self._retry))
                self._reset()
        return events

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1  # and the space that joins it: empty lines take memory too
            if self._size > self._bytes_max + 1:
                raise EventTooLarge
            self._data.append(value)
            self._seen = True
        elif name == b"id" and len(value) <= ID_BYTES_MAX and value.isascii() and b"\0" not in value:
            self._id = value.decode("ascii")  # it comes back as a header value, so nothing else is of use
            self._seen = True
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self._retry = int(value)
            self._seen = True
