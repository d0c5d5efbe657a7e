"""One client against the listener: a desynchronised parser, trailers posing as headers, answers nobody reads."""

from __future__ import annotations

import asyncio

import pytest

from remit.surfaces.mcp.exchange import HttpRequest, Responder
from remit.wire.http1 import FramingError, Limits, RequestParser
from tests.integration.test_listener import answer, post, serving

REQUEST = b"POST /mcp HTTP/1.1\r\nHost: remit.test\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"POST /mcp HTTP/1.1\r\nHost: remit.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n%b\r\n"
ANSWER_BYTES = 1_000_000
PIPELINED = 12


def test_a_remembered_head_is_not_believed_after_one_letter_of_another_request() -> None:
    """A packet that repeats the last head is only a request where the last one ended; after a `P` it is not."""
    parser = RequestParser(Limits())
    parser.feed(REQUEST)
    assert parser.feed(b"P") == []
    with pytest.raises(FramingError):
        parser.feed(REQUEST)


def test_a_remembered_head_is_believed_between_two_requests() -> None:
    parser = RequestParser(Limits())
    parser.feed(REQUEST)
    assert [request.body for request in parser.feed(REQUEST)] == [b"{}"]


@pytest.mark.parametrize("trailer", [b"Authorization: Bearer x", b"Host: evil.test", b"Mcp-Name: other"])
def test_a_trailer_is_no_header(trailer: bytes) -> None:
    (request,) = RequestParser(Limits()).feed(CHUNKED % (trailer + b"\r\n"))
    assert [name for name, _ in request.headers] == [b"host", b"transfer-encoding"]
    assert request.body == b"{}"


def test_the_same_field_in_the_head_is_one() -> None:
    (request,) = RequestParser(Limits()).feed((CHUNKED % b"").replace(b"\r\nTransfer", b"\r\nMcp-Name: x\r\nTransfer"))
    assert (b"mcp-name", b"x") in request.headers


def test_endless_trailers_are_refused() -> None:
    parser = RequestParser(Limits(head_bytes_max=1000))
    parser.feed((CHUNKED % b"")[:-2])
    with pytest.raises(FramingError):
        parser.feed(b"".join(b"X-%d: x\r\n" % number for number in range(500)))


async def test_answers_that_nobody_reads_do_not_pile_up() -> None:
    """The client pipelines and never reads: the next request runs only once the answer before it has left."""
    ran = 0

    async def large(request: HttpRequest, responder: Responder) -> None:
        nonlocal ran
        ran += 1
        responder.whole(200, bytes(ANSWER_BYTES))

    async with serving(large) as connect:
        reader, writer = await connect()
        for number in range(PIPELINED):
            writer.write(post(b"%d" % number))
            await writer.drain()
        for _ in range(50):  # a healthy probe answers while the other connection waits
            probe, sender = await connect()
            sender.write(post(b"probe"))
            assert (await answer(probe))[0] == 200
            sender.close()
        unread, ran = ran - 50, 0
        assert 1 <= unread < PIPELINED
        assert [len((await answer(reader))[1]) for _ in range(PIPELINED)] == [ANSWER_BYTES] * PIPELINED
        assert ran == PIPELINED - unread


async def test_requests_that_wait_behind_a_slow_one_hold_no_more_than_one_body_may() -> None:
    going = asyncio.Event()

    async def slow(request: HttpRequest, responder: Responder) -> None:
        await going.wait()
        responder.whole(200, b"late")

    async with serving(slow) as connect:
        reader, writer = await connect()
        writer.write(b"".join(post(bytes(400)) for _ in range(5)))  # the listener takes bodies of 1000 bytes
        assert (await answer(reader))[0] == 400
        assert await reader.read() == b""
        reader, writer = await connect()
        writer.write(b"".join(post(bytes(100)) for _ in range(5)))
        going.set()
        assert [await answer(reader) for _ in range(5)] == [(200, b"late")] * 5
