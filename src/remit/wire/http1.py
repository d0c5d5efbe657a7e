"""HTTP/1.1 framing for requests, without I/O: llhttp does the grammar, this does the rules MCP traffic needs on top.

llhttp (strict) already refuses what request smuggling lives on: Content-Length beside Transfer-Encoding, repeated or
malformed lengths, obsolete folding, bare line feeds, bad chunk sizes (RFC 9112 sections 5.2, 6.3, 7.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httptools

# Reason phrases of RFC 9110 section 15.
TEXT = {
    200: b"OK",
    202: b"Accepted",
    204: b"No Content",
    304: b"Not Modified",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    406: b"Not Acceptable",
    408: b"Request Timeout",
    409: b"Conflict",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    417: b"Expectation Failed",
    421: b"Misdirected Request",
    422: b"Unprocessable Content",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}


def status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, TEXT.get(status, b"Unknown"))


class FramingError(Exception):
    """The peer's bytes are not an acceptable HTTP/1.1 request. Answer with `status`, then close."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one request. Exceeding one ends the connection."""

    head_bytes_max: int = 32_768
    headers_max: int = 100
    body_bytes_max: int = 4_194_304


@dataclass(slots=True)
class Request:
    """One complete request as it was framed; `headers` in order, names in lower case. Where a token may stand is not
    printed."""

    method: bytes
    target: bytes = field(repr=False)
    headers: list[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(repr=False)
    keep_alive: bool


class RequestParser:
    """Feed bytes, get complete requests. Any violation raises `FramingError`, after which the parser is dead."""

    __slots__ = (
        "_body",
        "_body_size",
        "_done",
        "_head_size",
        "_headers",
        "_hosts",
        "_in_head",
        "_limits",
        "_parser",
        "_seen",
        "_started",
        "_target",
        "expects_continue",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._done: list[Request] = []
        self._seen: tuple[bytes, Request] | None = None
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._target = b""
        self._head_size = self._body_size = self._hosts = 0
        self._in_head = True
        self._started = False
        self.expects_continue = False

    @property
    def held_bytes(self) -> int:
        """How much of an incomplete request is kept in memory."""
        return self._head_size + self._body_size

    @property
    def in_message(self) -> bool:
        """Whether part of a request has arrived, be it one letter of its method."""
        return self._started

    def feed(self, data: bytes) -> list[Request]:
        """The requests these bytes complete. Raises `FramingError`.

        A client repeats its head byte for byte. When a packet between two messages is the last validated head with a
        body of the same length, llhttp would say the same again, so it is not asked: same bytes, same framing.
        """
        between = not self.in_message
        if between and self._seen is not None:
            head, like = self._seen
            if len(data) == len(head) + len(like.body) and data.startswith(head):
                return [Request(like.method, like.target, like.headers, data[len(head) :], True)]  # noqa: FBT003
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as problem:
            raise FramingError(501, "protocol upgrades are not served") from problem
        except httptools.HttpParserError as problem:
            cause = problem.__context__
            if isinstance(cause, FramingError):
                raise cause from problem
            raise FramingError(400, "the request is not valid HTTP/1.1") from problem
        done, self._done = self._done, []
        if between and len(done) == 1 and not self.in_message:
            self._remember(data, done[0])
        return done

    def _remember(self, data: bytes, request: Request) -> None:
        """Keep the head of a request that arrived whole, alone and with a Content-Length."""
        head = data[: len(data) - len(request.body)]
        whole = request.body and head.endswith(b"\r\n\r\n") and data.endswith(request.body)
        if whole and request.keep_alive and any(name == b"content-length" for name, _ in request.headers):
            self._seen = (head, request)

    # llhttp callbacks ------------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        self._started = True

    def on_url(self, part: bytes) -> None:
        self._target += part
        self._count(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # a trailer: whoever looked at the head has not seen it (RFC 9110 section 6.5.1)
            self._count(len(name) + len(value) + 4)
            return
        lower = name.lower()
        value = value.strip(b" \t")  # llhttp keeps trailing optional white space (RFC 9112 section 5.1)
        self._headers.append((lower, value))
        self._count(len(name) + len(value) + 4)
        if lower == b"host":
            self._hosts += 1
        elif lower == b"expect":
            if value.lower() != b"100-continue":
                raise FramingError(417, "only Expect: 100-continue is understood")
            self.expects_continue = True

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.head_bytes_max or len(self._headers) > self._limits.headers_max:
            raise FramingError(431, "the request head is too large")

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._parser.get_http_version() != "1.1":
            raise FramingError(505, "HTTP/1.1 is required")
        if self._hosts != 1:
            raise FramingError(400, "exactly one Host header is required")
        if not self._target.startswith(b"/"):
            raise FramingError(400, "the request target must be a path")

    def on_body(self, part: bytes) -> None:
        self._body_size += len(part)
        if self._body_size > self._limits.body_bytes_max:
            raise FramingError(413, "the body is larger than body_bytes_max")
        self._body.append(part)

    def on_message_complete(self) -> None:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._done.append(
            Request(self._parser.get_method(), self._target, self._headers, body, self._parser.should_keep_alive())
        )
        self._begin()
