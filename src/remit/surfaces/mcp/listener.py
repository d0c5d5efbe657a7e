"""The hot server: one public port, HTTP/1.1 on asyncio protocols. It frames, bounds and times; it decides nothing.

A request becomes one task that runs its handler. When the client disconnects the task is cancelled, unless the handler
detached (in the legacy era a disconnect is not a cancel). A half-closed connection counts as closed: MCP clients keep
their side open, and in the modern era closing is how a call is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from remit.surfaces.mcp.exchange import PRIVATE, Handler, Headers, HttpRequest
from remit.wire.http1 import FramingError, Limits, Request, RequestParser, status_line
from remit.wire.outgoing import Outgoing, Turn

log = logging.getLogger("remit.listener")

KEEP_ALIVE_COMMENT = b":\n\n"
PLAIN_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncache-control: private, no-store\r\n"
    b"x-content-type-options: nosniff\r\ncontent-length: %d\r\n\r\n"
)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"x-accel-buffering: no\r\nx-content-type-options: nosniff\r\ntransfer-encoding: chunked\r\n"
)
PIPELINED_MAX = 16
HELD_BYTES_MAX = 268_435_456
# (status, what was wrong) -> the body that says so, and its type
Misframed = Callable[[int, str], tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a connection may take over each part of its life."""

    head_s_max: float = 10.0
    body_s_max: float = 30.0
    idle_s_max: float = 75.0
    write_s_max: float = 60.0
    comment_every_s: float = 15.0
    stop_s_max: float = 5.0


def soon(flush: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(flush)


def as_jsonrpc(_status: int, detail: str) -> tuple[bytes, bytes]:
    body = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"%b"}}' % detail.encode("ascii", "replace")
    return body, b"application/json"


class Listener:
    """The set of connections and their one coarse timer."""

    def __init__(
        self, handler: Handler, *, limits: Limits, timing: Timing, connections_max: int = 10_000,
        misframed: Misframed = as_jsonrpc,
    ) -> None:  # fmt: skip
        self.handler = handler
        self.misframed = misframed
        self.limits = limits
        self.timing = timing
        self.connections_max = connections_max
        self.held_bytes_max = HELD_BYTES_MAX
        self.held_bytes = 0
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.unanswered = 0  # requests that wait for the first byte of their answer
        self.turn = Turn(soon, lambda: self.unanswered == 0)
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> tuple[str, int]:
        """Listen. Returns the bound address, which differs from the asked one when `port` is 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self, loop), host, port, ssl=tls, backlog=1024)
        self._timer = loop.call_later(1.0, self._sweep, loop)
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def stop(self) -> None:
        """Stop accepting, give requests in flight `stop_s_max` to finish, then cancel them."""
        if self._server is not None:
            self._server.close()
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self.connections):
            connection.close_when_idle()
        if self.tasks:
            _, pending = await asyncio.wait(self.tasks, timeout=self.timing.stop_s_max)
            for task in pending:
                task.cancel()
            if pending:
                await asyncio.wait(pending, timeout=self.timing.stop_s_max)
        for connection in list(self.connections):
            connection.abort()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for connection in list(self.connections):
            connection.tick(now_s)
        self._timer = loop.call_later(1.0, self._sweep, loop)


class Connection(asyncio.Protocol):
    """One client connection: frames requests, runs them one at a time in order, writes their answers."""

    __slots__ = (
        "_deadline_s", "_drained", "_held", "_listener", "_loop", "_parser", "_peer", "_queue", "_started_s",
        "_stopping", "_transport", "_written_s", "active", "gone",
    )  # fmt: skip

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop
        self._parser = RequestParser(listener.limits)
        self._queue: deque[Request] = deque()
        self._drained: asyncio.Future[None] | None = None
        self._stopping = False
        self._peer = ""
        self._held = 0
        self.active: Answer | None = None
        self.gone = False
        self._started_s = self._written_s = 0.0
        self._deadline_s = 0.0

    # transport callbacks ---------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass
        self._transport = Outgoing(cast(asyncio.Transport, transport), self._listener.turn)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._listener.connections) >= self._listener.connections_max:
            self._refuse(503, "too many connections")
            return
        self._listener.connections.add(self)
        self._deadline_s = self._loop.time() + self._listener.timing.head_s_max

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        try:
            requests = parser.feed(data)
        except FramingError as problem:
            self._refuse(problem.status, problem.detail)
            return
        if parser.expects_continue and parser.in_message and self.active is None:
            parser.expects_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not requests:
            self._wait_for_more()
        elif self.active is None and self._drained is None and not self._queue and len(requests) == 1:
            self._run(requests[0])
        else:
            self._queue.extend(requests)
            waiting_bytes = sum(len(request.body) for request in self._queue)
            if len(self._queue) > PIPELINED_MAX or waiting_bytes > self._listener.limits.body_bytes_max:
                self._refuse(400, "too many pipelined requests")
            else:
                self._run_next()

    def _run_next(self) -> None:
        """Run a pipelined request, unless the client still has to read the answers before it."""
        if self._queue and self.active is None and self._drained is None:
            self._run(self._queue.popleft())

    def _wait_for_more(self) -> None:
        self._hold(self._parser.held_bytes)
        if self._listener.held_bytes > self._listener.held_bytes_max:
            self._refuse(503, "too much is waiting for the rest of its request")
            return
        if self._started_s == 0.0:  # the first bytes of a request start its clock; later bytes do not restart it
            self._started_s = self._loop.time()
            self._deadline_s = self._started_s + self._listener.timing.head_s_max + self._listener.timing.body_s_max

    def _hold(self, size: int) -> None:
        """Nobody who sends half a request has shown a token yet: what all of them may keep here is bounded."""
        self._listener.held_bytes += size - self._held
        self._held = size

    def eof_received(self) -> None:
        return None  # closes the transport: see the module's text on half-closed connections

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._hold(0)
        self._listener.connections.discard(self)
        self._queue.clear()
        self.resume_writing()
        if self.active is not None:
            self.active.client_left()

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()
        self._written_s = self._loop.time()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        self._run_next()

    # requests --------------------------------------------------------------------------------------------------------
    def _run(self, request: Request) -> None:
        self._started_s = 0.0
        if self._held:
            self._hold(0)
        path, _, query = request.target.partition(b"?")
        http = HttpRequest(request.method, path, query, request.headers, request.body, self._peer)
        answer = Answer(self, self._listener, keep_alive=request.keep_alive and not self._stopping)
        self.active = answer
        task = self._loop.create_task(self._handle(http, answer))
        answer.task = task
        self._listener.tasks.add(task)
        task.add_done_callback(answer.ended)

    async def _handle(self, http: HttpRequest, answer: Answer) -> None:
        try:
            await self._listener.handler(http, answer)
        except Exception:  # the last boundary: a bug answers 500 and is logged, the server lives on
            log.exception("handler_failed", extra={"path": http.path[:64].decode("latin-1")})
        finally:
            answer.conclude()

    def finished(self, *, keep_alive: bool) -> None:
        """The active answer is complete: close, or go on with the next pipelined request."""
        self.active = None
        if not keep_alive or self._stopping:
            self._transport.close()
        else:
            self._deadline_s = self._loop.time() + self._listener.timing.idle_s_max
            self._run_next()

    def write(self, data: bytes) -> None:
        if not self.gone:
            self._transport.write(data)

    async def drain(self) -> None:
        if self._drained is not None:
            await self._drained

    def _refuse(self, status: int, detail: str) -> None:
        """Answer a violation of framing and close: nothing after it on this connection can be trusted."""
        self._queue.clear()
        body, content_type = self._listener.misframed(status, detail)
        if self.active is None or not self.active.begun:
            self.write(
                status_line(status)
                + b"content-type: %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (content_type, len(body))
                + body
            )
        self._transport.close()

    # timing ----------------------------------------------------------------------------------------------------------
    def tick(self, now_s: float) -> None:
        timing = self._listener.timing
        if self._drained is not None and now_s - self._written_s > timing.write_s_max:
            self.abort()  # the client stopped reading
        elif self.active is not None:
            self.active.tick(now_s, timing.comment_every_s)
        elif now_s > self._deadline_s:
            if self._parser.in_message:
                self._refuse(408, "the request took too long to arrive")
            else:
                self._transport.close()

    def close_when_idle(self) -> None:
        self._stopping = True
        if self.active is None:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


class Answer:
    """`Responder` for one request. Outlives its connection harmlessly when the handler detached."""

    __slots__ = (
        "_connection", "_keep_alive", "_listener", "_sent_s", "_streaming", "begun", "detached", "done", "task",
    )  # fmt: skip

    def __init__(self, connection: Connection, listener: Listener, *, keep_alive: bool) -> None:
        self._connection = connection
        self._listener = listener
        listener.unanswered += 1
        self._keep_alive = keep_alive
        self._streaming = False
        self._sent_s = 0.0
        self.begun = self.detached = self.done = False
        self.task: asyncio.Task[None] | None = None

    def detach(self) -> None:
        self.detached = True

    def whole(self, status: int, body: bytes, headers: Headers = (), content_type: bytes = b"application/json") -> None:
        if self.begun:
            raise RuntimeError("this request is already answered")
        self._begin()
        if status == 200 and self._keep_alive and (not headers or headers == PRIVATE):
            self._connection.write(PLAIN_HEAD % (content_type, len(body)) + body)
        else:
            self._connection.write(self._head(status, len(body), headers, content_type) + body)
        self._finish()

    def _head(self, status: int, length: int, headers: Headers, content_type: bytes) -> bytes:
        lines = [status_line(status)]
        if length or status not in (202, 204, 304):
            lines.append(b"content-type: %b\r\n" % content_type)
        lines += [_line(name, value) for name, value in _with_privacy(headers)]
        if status not in (204, 304):
            lines.append(b"content-length: %d\r\n" % length)
        lines.append(b"x-content-type-options: nosniff\r\n")
        if not self._keep_alive:
            lines.append(b"connection: close\r\n")
        return b"".join(lines) + b"\r\n"

    def begin_stream(self, headers: Headers = ()) -> None:
        if self.begun:
            raise RuntimeError("this request is already answered")
        self._streaming = True
        self._begin()
        self._sent_s = asyncio.get_running_loop().time()
        extra = b"".join(_line(name, value) for name, value in _with_privacy(headers))
        self._connection.write(STREAM_HEAD + extra + (b"\r\n" if self._keep_alive else b"connection: close\r\n\r\n"))

    async def send(self, data: bytes) -> None:
        if not self._streaming:
            raise RuntimeError("no stream was begun")
        if data and not self.done and not self._connection.gone:
            self._sent_s = asyncio.get_running_loop().time()
            self._connection.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._connection.drain()

    def end_stream(self) -> None:
        if not self._streaming:
            raise RuntimeError("no stream was begun")
        if not self.done:
            self._connection.write(b"0\r\n\r\n")
            self._finish()

    def _begin(self) -> None:
        self.begun = True
        self._listener.unanswered -= 1

    def _finish(self) -> None:
        self.done = True
        if not self._connection.gone:
            self._connection.finished(keep_alive=self._keep_alive)

    def conclude(self) -> None:
        """The handler returned or failed: what it left open is closed in the way that cannot be mistaken for a full
        answer.
        """
        if self.done:
            return
        if not self.begun and not self._connection.gone:
            self._keep_alive = False
            self.whole(
                500, b'{"jsonrpc":"2.0","id":null,"error":{"code":-31003,"message":"Remit failed; nothing is assumed"}}'
            )
        else:
            self.done = True
            self._connection.abort()

    def ended(self, task: asyncio.Task[None]) -> None:
        """Its task is over, perhaps before its first step."""
        self._listener.tasks.discard(task)
        if not self.begun:
            self._begin()

    def client_left(self) -> None:
        if self.task is not None and not self.detached and not self.done:
            self.task.cancel()

    def tick(self, now_s: float, every_s: float) -> None:
        if self._streaming and not self.done and now_s - self._sent_s >= every_s:
            self._sent_s = now_s
            self._connection.write(b"%x\r\n%b\r\n" % (len(KEEP_ALIVE_COMMENT), KEEP_ALIVE_COMMENT))


def _with_privacy(headers: Headers) -> Headers:
    return headers if any(name == b"cache-control" for name, _ in headers) else (*PRIVATE, *headers)


def _line(name: bytes, value: bytes) -> bytes:
    if b"\r" in value or b"\n" in value or b"\0" in value:
        raise RuntimeError("a header value may not contain a line break")
    return b"%b: %b\r\n" % (name, value)
