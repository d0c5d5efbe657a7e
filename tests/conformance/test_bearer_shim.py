"""The shim between the suite and Remit may add a token and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.conformance.bearer_shim import BearerShim

REPLY = b"HTTP/1.1 200 OK\r\nX-Kept:  two words \r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Target:
    """Remembers what reached it, answers with `replies` one after the other, and notices when the caller leaves."""

    replies: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    requests: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        answering = asyncio.create_task(self.answer(writer))
        await reader.read()
        self.left.set()
        answering.cancel()
        writer.close()

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        while part := await self.replies.get():
            writer.write(part)
        writer.write_eof()

    def heard(self) -> list[str]:
        return self.requests.get_nowait().decode().split("\r\n")


@asynccontextmanager
async def serving() -> AsyncIterator[Target]:
    target = Target()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    async with server:
        target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        yield target


@asynccontextmanager
async def asking(shim: BearerShim, *headers: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = shim.url.removeprefix("http://").removesuffix("/mcp").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write("\r\n".join(["POST /mcp HTTP/1.1", *headers, "", ""]).encode())
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def exchange(target: Target, shim: BearerShim, *headers: str) -> tuple[list[str], bytes]:
    """One request and its whole reply: the header lines that reached the target, the bytes that came back."""
    async with asking(shim, *headers) as (reader, _):
        target.replies.put_nowait(REPLY)
        target.replies.put_nowait(b"")
        reply = await reader.read()
    return target.heard(), reply


async def test_a_request_without_authorization_gets_the_token() -> None:
    async with serving() as target, BearerShim(target.url, "token-1") as shim:
        heard, _ = await exchange(target, shim, "Host: somewhere")
    assert "Authorization: Bearer token-1" in heard


async def test_a_request_with_authorization_keeps_its_own() -> None:
    async with serving() as target, BearerShim(target.url, "token-1") as shim:
        heard, _ = await exchange(target, shim, "Host: somewhere", "authorization: Basic abc")
    assert [line for line in heard if line.lower().startswith("authorization")] == ["authorization: Basic abc"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_host_and_origin_that_name_the_shim_name_the_target_afterwards(name: str) -> None:
    async with serving() as target, BearerShim(target.url) as shim:
        own = shim.url.removeprefix("http://").removesuffix("/mcp").replace("127.0.0.1", name)
        heard, _ = await exchange(target, shim, f"Host: {own}", f"Origin: http://{own}")
    authority = target.url.removeprefix("http://").removesuffix("/mcp")
    assert heard[1:3] == [f"Host: {authority}", f"Origin: http://{authority}"]


async def test_a_hostile_host_and_origin_arrive_as_they_were_sent() -> None:
    async with serving() as target, BearerShim(target.url, "token-1") as shim:
        heard, _ = await exchange(target, shim, "Host: evil.example.com", "Origin: http://evil.example.com")
    assert heard[1:3] == ["Host: evil.example.com", "Origin: http://evil.example.com"]


async def test_header_values_keep_their_white_space_in_both_directions() -> None:
    async with serving() as target, BearerShim(target.url) as shim:
        heard, reply = await exchange(target, shim, "Host: h", "Mcp-Name:   tool  ")
    assert "Mcp-Name:   tool  " in heard
    assert reply == b"HTTP/1.1 200 OK\r\nX-Kept:  two words \r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def test_each_part_of_a_stream_arrives_before_the_next_is_sent() -> None:
    async with serving() as target, BearerShim(target.url) as shim, asking(shim, "Host: h") as (reader, _):
        target.replies.put_nowait(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for part in (b"data: 1\n\n", b"data: 2\n\n"):
            target.replies.put_nowait(part)
            assert await reader.readuntil(b"\n\n") == part


async def test_a_client_that_leaves_closes_the_connection_to_the_target() -> None:
    async with serving() as target, BearerShim(target.url) as shim, asking(shim, "Host: h") as (reader, writer):
        target.replies.put_nowait(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
        await reader.readuntil(b"\n\n")
        assert not target.left.is_set()
        writer.close()
        await asyncio.wait_for(target.left.wait(), timeout=5)


async def test_a_target_that_is_not_there_closes_the_connection() -> None:
    async with serving() as target:
        url = target.url
    async with BearerShim(url) as shim, asking(shim, "Host: h") as (reader, _):
        assert await reader.read() == b""


def test_only_a_plain_local_endpoint_can_be_shimmed() -> None:
    with pytest.raises(ValueError, match="expected http://HOST:PORT/PATH, got https://"):
        BearerShim("https://127.0.0.1:1/mcp")
