"""One HTTP request and the way to answer it: what the hot server hands to a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

Headers = Sequence[tuple[bytes, bytes]]
# What every answer says unless its headers say otherwise: it is one grant's, and nobody keeps it.
PRIVATE: Final[tuple[tuple[bytes, bytes], ...]] = ((b"cache-control", b"private, no-store"),)


@dataclass(slots=True)
class HttpRequest:
    """A complete request. `path` and `query` are the raw target, split at the first `?`, never decoded or rebuilt
    from Host.

    `headers` keeps order and repetition, names in lower case. Where a token may stand is not printed.
    """

    method: bytes
    path: bytes
    query: bytes = field(repr=False)
    headers: list[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)
    peer: str


class Responder(Protocol):
    """Answers one request, whole or as a stream. Using both, or either twice, is a programming error and raises
    RuntimeError.
    """

    def detach(self) -> None:
        """From now on a disconnect does not cancel the handler (legacy era: disconnect is not cancel, G11)."""
        ...

    def whole(
        self, status: int, body: bytes, headers: Headers = (), content_type: bytes = b"application/json"
    ) -> None: ...

    def begin_stream(self, headers: Headers = ()) -> None:
        """200 with `text/event-stream`, no buffering, keep-alive comments while idle (G14)."""
        ...

    async def send(self, data: bytes) -> None:
        """Write part of the stream; waits while the client reads slowly. Does nothing once the client is gone."""
        ...

    def end_stream(self) -> None: ...


# A handler answers exactly once. It is cancelled when the client disconnects, unless it detached.
Handler = Callable[[HttpRequest, Responder], Awaitable[None]]
