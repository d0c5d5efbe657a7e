"""A loopback stand-in for a client that has a token: the official suite cannot send one.

It adds `Authorization` where there is none and rewrites `Host` and `Origin` only where they name the shim itself, so
that hostile values reach the server under test as they were sent. Everything else passes byte for byte as it arrives.
"""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

_HEAD_BYTES_MAX = 128 * 1024
_CHUNK_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"

Header = tuple[bytes, bytes]
Rewrite = Callable[[list[Header]], list[Header]]


class BearerShim:
    """Listens on a free loopback port while its context is open; `url` is where the target's path is served.

    Each connection carries one exchange: the shim asks both sides to close after it, so the end of a reply needs no
    parsing and is passed on as it happened. A client that goes away closes the connection to the target at once.
    """

    def __init__(self, target_url: str, bearer: str | None = None) -> None:
        """`target_url` is plain http: the suite and the server under test share this machine."""
        target = urlsplit(target_url)
        if target.scheme != "http" or target.hostname is None or target.port is None:
            raise ValueError(f"expected http://HOST:PORT/PATH, got {target_url}")
        self._host, self._port, self._path = target.hostname, target.port, target.path
        self._bearer = bearer
        self._own = b""
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"http://{self._own.decode()}{self._path}"

    async def __aenter__(self) -> "BearerShim":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_BYTES_MAX)
        self._own = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}".encode()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()  # its exchange then sees the client leave, and ends
        await asyncio.gather(*self._open)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = asyncio.current_task()
        if exchange is None:
            raise RuntimeError("a connection is always served by a task")
        self._open[exchange] = writer
        try:
            await self._exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one of the two went away: the other is closed below, which is all there is to say
        finally:
            await _close(writer)
            del self._open[exchange]

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = _rewritten(await reader.readuntil(_END_OF_HEAD), self._request_headers)
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port, limit=_HEAD_BYTES_MAX)
        try:
            up_writer.write(head)
            upload = asyncio.create_task(_pump(reader, up_writer))
            download = asyncio.create_task(_reply(up_reader, writer))
            try:
                await asyncio.wait({upload, download}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                upload.cancel()
                download.cancel()
                await asyncio.gather(upload, download, return_exceptions=True)
        finally:
            await _close(up_writer)

    def _request_headers(self, headers: list[Header]) -> list[Header]:
        target = f"{self._host}:{self._port}".encode()
        own = {self._own, self._own.replace(b"127.0.0.1", b"localhost")}
        kept = []
        for name, value in headers:
            key = name.lower()
            if key == b"host" and value.strip() in own:
                value = b" " + target
            elif key == b"origin" and value.strip().removeprefix(b"http://") in own:
                value = b" http://" + target
            if key != b"connection":
                kept.append((name, value))
        if self._bearer is not None and all(name.lower() != b"authorization" for name, _ in kept):
            kept.append((b"Authorization", b" Bearer " + self._bearer.encode()))
        return [*kept, (b"Connection", b" close")]


def _reply_headers(headers: list[Header]) -> list[Header]:
    kept = [(name, value) for name, value in headers if name.lower() not in (b"connection", b"keep-alive")]
    return [*kept, (b"Connection", b" close")]


def _rewritten(head: bytes, rewrite: Rewrite) -> bytes:
    """The head with other headers. Values keep their white space, which some scenarios are about."""
    first, *lines = head.removesuffix(_END_OF_HEAD).split(b"\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b":") for line in lines)]
    return b"\r\n".join([first, *(name + b":" + value for name, value in rewrite(headers))]) + _END_OF_HEAD


async def _reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_rewritten(await reader.readuntil(_END_OF_HEAD), _reply_headers))
    await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on as they come, until the sender's end of stream."""
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
