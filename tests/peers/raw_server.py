"""An HTTP server that sends exactly the bytes a test wants, so that it can be as hostile as it likes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Got:
    """One request as it arrived, and the connection it came on."""

    head: bytes
    body: bytes
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader
    connection: int

    @property
    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    @property
    def id(self) -> int:
        return int(self.message["id"])

    @property
    def method(self) -> bytes:
        return self.head.split(b" ", 1)[0]

    def header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.encode():
                return value.strip().decode()
        return None

    async def send(self, *parts: bytes) -> None:
        """Each part in a packet of its own."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)


@dataclass
class RawServer:
    port: int = 0
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def messages(self, method: str) -> list[dict[str, Any]]:
        return [got.message for got in self.got if got.body and got.message.get("method") == method]

    async def until(self, count: int) -> None:
        """Wait until this many requests have come."""
        while len(self.got) < count:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 5)


Handler = Callable[[Got], Awaitable[None]]


@asynccontextmanager
async def raw_server(handle: Handler) -> AsyncIterator[RawServer]:
    """`handle` answers every request; a connection it closes is closed. `closed` is set once any connection is."""
    served = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        served.connections += 1
        number = served.connections
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                got = Got(head, b"", writer, reader, number)
                got.body = await reader.readexactly(int(got.header("content-length") or 0))
                served.got.append(got)
                served.arrived.set()
                await handle(got)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            served.closed.set()
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, limit=1 << 24)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"content-type: " + kind, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def result(id: int, value: bytes = b'{"content":[],"resultType":"complete"}') -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (id, value)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(data: bytes, *, id: str = "", retry: int | None = None) -> bytes:
    lines = ([f"id: {id}".encode()] if id else []) + ([b"retry: %d" % retry] if retry is not None else [])
    return chunk(b"\n".join([*lines, b"data: " + data]) + b"\n\n")


END = b"0\r\n\r\n"


async def answer(got: Got) -> None:
    """An empty result, whole."""
    await got.send(ok(result(got.id)))
