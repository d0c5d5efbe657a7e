"""One HTTP/1.1 connection to a server: one request at a time, and nothing sent unasked is ever an answer."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from remit.adapters.upstream.mailbox import Mailbox
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.wire.outgoing import Outgoing, Turn
from remit.wire.response import Response, ResponseError, ResponseParser, TooLarge

# How much of a stream may wait for a slow client before the server is made to wait too.
QUEUED_CHUNKS_MAX = 64
# After a stream's final message its closing chunk may follow; no more than this is read while waiting for it.
DRAIN_BYTES_MAX = 4096
DRAIN_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. `idle_s` bounds the silence before and inside a reply, `reuse_s` how long an unused connection is kept:
    below the 5 s after which common servers close one, so that both rarely meet."""

    connect_s: float = 10.0
    idle_s: float = 330.0
    reuse_s: float = 4.0


class Answer:
    """What came back for one request. `head` is done when the response is complete, or has begun if it streams; then
    `chunks` holds its parts as they come, an empty one last."""

    __slots__ = ("chunks", "head")

    def __init__(self) -> None:
        self.head: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.chunks: Mailbox[bytes] | None = None


class Connection(asyncio.Protocol):
    """Built by a `Pool`, connected by the dialler. `on_free` is called when the response is complete and the connection
    can carry another request; `on_lost` when it is gone. Requests are written with the others of their `turn`."""

    def __init__(
        self, on_free: Callable[[Connection], None], on_lost: Callable[[Connection], None], turn: Turn
    ) -> None:
        self._on_free = on_free
        self._on_lost = on_lost
        self._turn = turn
        self._out: Outgoing | None = None
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._parser = ResponseParser(0)
        self._answer: Answer | None = None  # of the request being carried; the connection is busy while it is set
        self._heard = False
        self._finished = False
        self._drain_bytes = 0
        self._paused = False
        self._keep_alive_s: float | None = None
        self.touched_s = 0.0
        self.limit_s = 0.0  # the longest silence the sweep allows now; 0 for none

    # for the pool ---------------------------------------------------------------------------------------------
    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def quiet(self) -> bool:
        """Whether nothing has arrived that the loop has not read yet. A server that closed before we write has
        certainly not processed the request; after we write nobody knows, so this is asked before."""
        return not self._poll.poll(0)

    def send(self, data: bytes, *, body_bytes_max: int, now_s: float, limit_s: float) -> Answer:
        """Write one request. Raises `Outage` if the connection closed meanwhile: then nothing was sent."""
        if self._answer is not None:
            raise RuntimeError("a connection carries one request at a time")
        if self._out is None or self._out.is_closing():
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server closed the connection")
        self._parser.expect(body_bytes_max)
        self._answer = Answer()
        self.touched_s, self.limit_s = now_s, limit_s
        self._out.write(data)
        return self._answer

    def finish(self, answer: Answer) -> None:
        """The reader has accepted the answer: only now may the connection carry another request. A stream may still
        send its closing chunk; then that is awaited, briefly."""
        if self._answer is not answer:
            return
        response = self._parser.response
        if response.complete:
            self._free(response)
        else:
            self._finished = True
            self._drain_bytes = DRAIN_BYTES_MAX
            self.limit_s = DRAIN_S_MAX
            self._resume()

    def abandon(self, answer: Answer) -> None:
        """The reader is gone. The connection ends with it unless it already carries somebody else's request."""
        if self._answer is answer:
            self.close()

    def close(self) -> None:
        if self._out is not None:
            self._out.abort()

    def expire(self, now_s: float) -> None:
        """Called by the sweep: end a connection that has been silent for longer than its state allows."""
        if self._heard:
            self._heard, self.touched_s = False, now_s
        elif self.limit_s and now_s - self.touched_s > self.limit_s:
            self._fail(refuse(Reason.UPSTREAM_TIMEOUT, f"the server was silent for {self.limit_s:g} s"))
            self.close()

    @property
    def reuse_s(self) -> float | None:
        """The server's own `Keep-Alive: timeout`, less a second for the way."""
        return self._keep_alive_s

    # asyncio.Protocol -----------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclass
        self._out = Outgoing(self._transport, self._turn)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._answer is None:  # stray bytes: they answer nobody
            self.close()
            return
        response = self._parser.response
        try:
            self._parser.feed(data)
        except TooLarge as error:
            self._fail(refuse(Reason.UPSTREAM_TOO_LARGE, str(error)))
            self.close()
            return
        except ResponseError as error:
            self._spoilt(response, error)
            return
        self._advance(response, len(data))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and self._parser.end():
            self._advance(self._parser.response, 0)
        self._fail(
            refuse(Reason.UPSTREAM_UNREACHABLE, "the server closed the connection before its answer was complete")
        )
        self._on_lost(self)

    # inside ---------------------------------------------------------------------------------------------------
    def _advance(self, response: Response, size: int) -> None:
        answer = self._answer
        if answer is None:
            return
        if answer.chunks is None and self._parser.headed and _streams(response):
            answer.chunks = Mailbox(self._resume)
            self._settle(answer, response)
        if answer.chunks is not None:
            self._stream(answer.chunks, response, size)
        elif response.complete:
            self._settle(answer, response)
        if response.complete and self._finished:
            self._free(response)

    def _settle(self, answer: Answer, response: Response) -> None:
        if not answer.head.done():
            answer.head.set_result(response)

    def _stream(self, chunks: Mailbox[bytes], response: Response, size: int) -> None:
        data = response.take()
        response.size = 0  # a stream is bounded per message by its reader, not as a whole
        if self._finished:
            self._drain_bytes -= size
            if self._drain_bytes <= 0 and not response.complete:
                self.close()
            return
        if data:
            chunks.put(data)
            if chunks.waiting > QUEUED_CHUNKS_MAX and self._transport is not None:
                self._transport.pause_reading()
                self._paused = True
        if response.complete:
            chunks.put(b"")

    def _free(self, response: Response) -> None:
        self._answer, self._finished = None, False
        if not response.keep_alive:
            self.close()
            return
        self._keep_alive_s = _keep_alive_s(response)
        self.limit_s = 0.0
        self._on_free(self)

    def _spoilt(self, response: Response, error: ResponseError) -> None:
        """Framing failed. An answer that was complete before the bad bytes is still one; the connection is spent."""
        if response.complete:
            response.keep_alive = False
            self._advance(response, 0)
        self._fail(refuse(Reason.UPSTREAM_INVALID, str(error)))
        self.close()

    def _fail(self, refusal: Refusal) -> None:
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if not answer.head.done():
            answer.head.set_exception(refusal)
        elif answer.chunks is not None:
            answer.chunks.fail(refusal)

    def _resume(self) -> None:
        if self._paused and self._transport is not None and self.alive:
            self._paused = False
            self._transport.resume_reading()


def _streams(response: Response) -> bool:
    return response.content_type == b"text/event-stream"


def _keep_alive_s(response: Response) -> float | None:
    header = response.headers.get(b"keep-alive")
    if header is None:
        return None
    for part in header.split(b","):
        name, _, value = part.strip().partition(b"=")
        if name.lower() == b"timeout" and value.isdigit() and len(value) < 6:
            return max(0.0, int(value) - 1.0)
    return None
