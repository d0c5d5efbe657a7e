"""One running stdio server: newline JSON in both directions, and who each of its messages is for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from remit.adapters.upstream.mailbox import Mailbox
from remit.adapters.upstream.messages import Received, is_reply, own_id, parse, reply_of, request_body
from remit.adapters.upstream.stderr import StderrTail
from remit.core.catalog import Era
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.ports.upstream import Message, Reply
from remit.wire.revisions import META_SUBSCRIPTION

# Messages waiting for one slow client. A server that says more than this, or more than one message may have in bytes,
# before anybody listens is flooding.
QUEUED_MESSAGES_MAX = 4096
# Requests of the server that a client has yet to answer.
ASKED_MAX = 1024


class Flight:
    """One request under way. `token` is the client's progress token, which travels as our id (G12)."""

    __slots__ = ("client_id", "id", "lasting", "mailbox", "token")

    def __init__(self, id: int, client_id: bytes, token: object, *, lasting: bool) -> None:
        self.id = id
        self.client_id = client_id
        self.token = token
        self.lasting = lasting
        self.mailbox: Mailbox[Message | Reply] = Mailbox()


class StdioProcess(asyncio.SubprocessProtocol):
    """`exclusive` says that one grant owns the process: only then may a message that names no request reach anybody."""

    def __init__(
        self,
        era: Era,
        stderr: StderrTail,
        on_end: Callable[[StdioProcess], None],
        *,
        exclusive: bool,
        message_bytes_max: int,
    ) -> None:
        self._era = era
        self._on_end = on_end
        self._exclusive = exclusive
        self._message_bytes_max = message_bytes_max
        self._transport: asyncio.SubprocessTransport | None = None
        self._buffer = bytearray()
        self._flights: dict[int, Flight] = {}
        self._asked: set[bytes] = set()
        self._ended = False
        self.exited = asyncio.Event()
        self.stderr = stderr
        self.listener: Mailbox[Message | Reply] | None = None

    # for the upstream -----------------------------------------------------------------------------------------
    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._ended

    @property
    def busy(self) -> bool:
        return bool(self._flights) or self.listener is not None

    @property
    def pid(self) -> int:
        return self._transport.get_pid() if self._transport is not None else 0

    def begin(self, id: int, client_id: bytes, method: str, params: Mapping[str, Any]) -> Flight:
        """Write a request. Raises `Outage` if the process is gone or reads nothing."""
        token: object = None
        meta = params.get("_meta")
        if isinstance(meta, Mapping) and "progressToken" in meta:
            token = meta["progressToken"]
            params = {**params, "_meta": {**meta, "progressToken": id}}
        flight = Flight(id, client_id, token, lasting=method == "subscriptions/listen")
        self.write(request_body(id, method, params))
        self._flights[id] = flight
        return flight

    def end(self, flight: Flight) -> None:
        self._flights.pop(flight.id, None)

    def cancel(self, flight: Flight) -> None:
        """Over stdio both eras cancel by notification."""
        if self.alive and flight.id in self._flights:
            self.write(
                orjson.dumps(
                    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": flight.id}}
                )
            )

    def flight_of(self, client_id: bytes) -> Flight | None:
        return next((flight for flight in self._flights.values() if flight.client_id == client_id), None)

    def answers(self, body: Mapping[str, Any]) -> bool:
        """Whether a client's response is to something this server asked; once."""
        id = orjson.dumps(body.get("id"))
        asked = id in self._asked
        self._asked.discard(id)
        return asked

    def write(self, body: bytes) -> None:
        stdin: Any = self._transport.get_pipe_transport(0) if self._transport is not None else None
        if self._ended or stdin is None or stdin.is_closing():
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process has ended")
        if stdin.get_write_buffer_size() > self._message_bytes_max:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process does not read its input")
        stdin.write(body + b"\n")

    def finish(self, refusal: Refusal) -> None:
        """Fail whatever still waits. The process itself is stopped through the launcher."""
        if self._ended:
            return
        self._ended = True
        for flight in self._flights.values():
            flight.mailbox.fail(refusal)
        if self.listener is not None:
            self.listener.fail(refusal)
        self._on_end(self)

    # asyncio.SubprocessProtocol -------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)  # uvloop's transports are no subclass

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self.stderr.feed(data)
        elif not self._ended:
            self._feed(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.finish(refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process closed its output"))

    def process_exited(self) -> None:
        self.finish(refuse(Reason.UPSTREAM_UNREACHABLE, "the server's process ended"))
        self.exited.set()
        if self._transport is not None:
            self._transport.close()  # whatever still holds the pipes is not listened to

    # reading --------------------------------------------------------------------------------------------------
    def _feed(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if b"\n" not in data:
            if len(buffer) > self._message_bytes_max:
                self.finish(refuse(Reason.UPSTREAM_TOO_LARGE, "the server sent a line larger than reply_bytes_max"))
            return
        *lines, rest = bytes(buffer).split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            if len(line) > self._message_bytes_max:
                self.finish(refuse(Reason.UPSTREAM_TOO_LARGE, "the server sent a line larger than reply_bytes_max"))
            if not self._ended and line.strip():
                self._line(line.strip())

    def _line(self, line: bytes) -> None:
        try:
            message = parse(line)
        except Refusal:  # a banner or debug print; nobody's answer
            return
        if is_reply(message):
            self._reply(message)
        elif message.method and message.id:
            self._request(line, message)
        elif message.method:
            self._notification(line, message)

    def _reply(self, message: Received) -> None:
        id = own_id(message)
        flight = self._flights.pop(id, None) if id is not None else None
        if flight is None:  # unknown, or answered before: it is for nobody
            return
        try:
            flight.mailbox.put(reply_of(message, flight.id))
        except Refusal as refusal:
            flight.mailbox.fail(refusal)

    def _request(self, line: bytes, message: Received) -> None:
        mailbox = self._only() or self.listener
        if self._era is Era.LEGACY and mailbox is not None and len(self._asked) < ASKED_MAX:
            self._asked.add(bytes(message.id))
            self._put(mailbox, line)
            return
        # Nobody to ask, or an era that forbids asking: the server is told at once rather than left waiting.
        error = b'{"jsonrpc":"2.0","id":%b,"error":{"code":-32601,"message":"no client can be asked now"}}'
        self.write(error % bytes(message.id))

    def _notification(self, line: bytes, message: Received) -> None:
        flight, data = self._addressee(line, message)
        mailbox = flight.mailbox if flight is not None else None
        if mailbox is None and data is line and message.method != "notifications/progress":
            of_session = message.method.endswith(("/list_changed", "/updated"))
            mailbox = (self.listener or self._only()) if of_session else (self._only() or self.listener)
        if mailbox is not None:
            self._put(mailbox, data)

    def _addressee(self, line: bytes, message: Received) -> tuple[Flight | None, bytes]:
        """The request a notification names by our id, and the notification with the client's id in its place; empty
        when it names one that is over."""
        try:
            params = orjson.loads(bytes(message.params)) if message.params else None
        except orjson.JSONDecodeError:
            params = None
        if not isinstance(params, dict):
            return None, line
        found = _id_within(message.method, params)
        if found is None:
            return None, line
        holder, key = found
        flight = self._flight(holder[key])
        if flight is None:
            return None, b""
        if key != "progressToken":
            holder[key] = orjson.loads(flight.client_id)
        elif flight.token is not None:
            holder[key] = flight.token
        return flight, orjson.dumps({"jsonrpc": "2.0", "method": message.method, "params": params})

    def _flight(self, id: object) -> Flight | None:
        return self._flights.get(id) if type(id) is int else None

    def _only(self) -> Mailbox[Message | Reply] | None:
        """The one request this could be about, if there is exactly one."""
        if not self._exclusive:
            return None
        found = [flight for flight in self._flights.values() if not flight.lasting]
        return found[0].mailbox if len(found) == 1 else None

    def _put(self, mailbox: Mailbox[Message | Reply], data: bytes) -> None:
        if mailbox.waiting >= QUEUED_MESSAGES_MAX or mailbox.waiting_bytes > self._message_bytes_max:
            mailbox.fail(refuse(Reason.UPSTREAM_TOO_LARGE, "the server sent more messages than can wait for a client"))
            return
        mailbox.put(Message(data), len(data))


def _id_within(method: str, params: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """Where a notification's params name the request they belong to: the object and its member."""
    meta = params.get("_meta")
    if isinstance(meta, dict) and META_SUBSCRIPTION in meta:
        return meta, META_SUBSCRIPTION
    member = {"notifications/progress": "progressToken", "notifications/cancelled": "requestId"}.get(method)
    return (params, member) if member is not None and member in params else None
