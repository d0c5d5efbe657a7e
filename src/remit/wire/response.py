"""HTTP/1.1 framing for responses, without I/O: llhttp does the grammar, this keeps one response apart from the next."""

from __future__ import annotations

import httptools

HEAD_BYTES_MAX = 65_536
HEADERS_MAX = 100
JSON = b"application/json"


class ResponseError(Exception):
    """The peer's bytes are not one acceptable HTTP/1.1 response; the connection is of no further use."""


class TooLarge(ResponseError):
    """The body is longer than allowed."""


class Response:
    """One response while it arrives. `headers` have lower-case names; the last of a repeated one is kept except for
    those that frame or route, which may come once only."""

    __slots__ = ("body", "complete", "content_type", "headers", "keep_alive", "size", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body: list[bytes] = []
        self.size = 0
        self.complete = False
        self.keep_alive = False
        self.content_type = b""  # without parameters, lower case

    def take(self) -> bytes:
        """What has arrived of the body since the last time."""
        parts = self.body
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self.body = []
        return data


_ONCE = frozenset({b"content-type", b"content-length", b"transfer-encoding", b"mcp-session-id"})


class ResponseParser:
    """Feed bytes; `response` fills up. Bytes after its end are refused: they answer no request (response smuggling)."""

    __slots__ = (
        "_body_bytes_max",
        "_head_bytes",
        "_in_head",
        "_parser",
        "_seen",
        "_version_seen",
        "headed",
        "response",
    )

    def __init__(self, body_bytes_max: int) -> None:
        self._body_bytes_max = body_bytes_max
        self._parser = httptools.HttpResponseParser(self)
        self._seen: tuple[bytes, Response] | None = None
        self._version_seen = False  # a peer speaks one version, so one look per connection is enough
        self.expect(body_bytes_max)

    def expect(self, body_bytes_max: int) -> None:
        """A request was sent: the next bytes begin its response."""
        self._body_bytes_max = body_bytes_max
        self.response = Response()
        self.headed = False
        self._in_head = False
        self._head_bytes = 0

    def feed(self, data: bytes) -> None:
        """Raises `ResponseError`; whatever of the response was complete before stays so.

        A server repeats its head byte for byte. When a response arrives as one packet that is the last validated head
        with a body of the same length, llhttp would say the same again, so it is not asked: same bytes, same framing.
        """
        whole = self._head_bytes == 0 and not self.headed
        if whole and self._repeats(data):
            return
        if not self.headed:
            self._head_bytes += len(data)
        self._parse(data)
        if not self.headed and self._head_bytes > HEAD_BYTES_MAX:
            raise ResponseError(f"the response head is longer than {HEAD_BYTES_MAX} bytes")
        if whole and self.response.complete:
            self._remember(data)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise ResponseError("the server switched protocols") from None
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, ResponseError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError:
            raise ResponseError("not a well-formed HTTP/1.1 response") from None

    def _repeats(self, data: bytes) -> bool:
        if self._seen is None:
            return False
        head, like = self._seen
        if len(data) != len(head) + like.size or not data.startswith(head) or like.size > self._body_bytes_max:
            return False
        response = self.response
        response.status, response.headers, response.content_type = like.status, like.headers, like.content_type
        response.body, response.size = [data[len(head) :]], like.size
        response.keep_alive = response.complete = self.headed = True
        return True

    def _remember(self, data: bytes) -> None:
        """Keep the head of a response that arrived whole, alone, with a Content-Length and a connection to reuse."""
        response = self.response
        head = data[: len(data) - response.size]
        framed = b"content-length" in response.headers and b"transfer-encoding" not in response.headers
        if response.keep_alive and framed and response.size and head.endswith(b"\r\n\r\n"):
            like = Response()
            like.status, like.headers, like.content_type = response.status, response.headers, response.content_type
            like.size = response.size
            self._seen = (head, like)

    def end(self) -> bool:
        """The peer closed. Whether that ends the response properly: only one without a length ends so (RFC 9112,
        6.3).
        """
        response = self.response
        if self.headed and not response.complete and not response.headers.keys() & _FRAMED:
            response.complete = True
        return response.complete

    # llhttp's callbacks ------------------------------------------------------------------------------------------
    def on_message_begin(self) -> None:
        if self.response.complete:
            raise ResponseError("bytes follow the response")
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: nothing here uses one
        name = name.lower()
        headers = self.response.headers
        if name in _ONCE and name in headers:
            raise ResponseError(f"{name.decode('ascii')} came twice")
        headers[name] = value

    def on_headers_complete(self) -> None:
        response = self.response
        response.status = self._parser.get_status_code()
        self._in_head = False
        if response.status < 200:
            return
        if not self._version_seen and self._parser.get_http_version() != "1.1":
            raise ResponseError("expected HTTP/1.1")
        headers = response.headers
        if len(headers) > HEADERS_MAX:
            raise ResponseError(f"more than {HEADERS_MAX} headers")
        if b"transfer-encoding" in headers and headers[b"transfer-encoding"].lower() != b"chunked":
            raise ResponseError("expected transfer-encoding: chunked or none")
        if b"content-encoding" in headers and headers[b"content-encoding"].lower() != b"identity":
            raise ResponseError("the body is compressed, which nobody asked for")
        kind = headers.get(b"content-type", b"")
        response.content_type = kind if kind == JSON else kind.partition(b";")[0].strip().lower()
        self._version_seen = self.headed = True

    def on_body(self, body: bytes) -> None:
        response = self.response
        response.size += len(body)
        if response.size > self._body_bytes_max:
            raise TooLarge(f"the body is longer than {self._body_bytes_max} bytes")
        response.body.append(body)

    def on_message_complete(self) -> None:
        if not self.headed:  # 1xx: interim, the real one follows
            self.response.headers = {}
            return
        self.response.keep_alive = self._parser.should_keep_alive()
        self.response.complete = True


_FRAMED = frozenset({b"content-length", b"transfer-encoding"})
