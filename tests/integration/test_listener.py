"""The hot server over real sockets: slow, split, pipelined and abandoned requests, streams, limits, stopping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from remit.surfaces.mcp.exchange import Handler, HttpRequest, Responder
from remit.surfaces.mcp.listener import Listener, Timing
from remit.wire.http1 import Limits

POST = b"POST /mcp HTTP/1.1\r\nHost: remit.test\r\nContent-Length: %d\r\n\r\n%b"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def post(body: bytes) -> bytes:
    return POST % (len(body), body)


@asynccontextmanager
async def serving(handler: Handler, **timing: float) -> AsyncIterator[Callable[[], Awaitable[Streams]]]:
    listener = Listener(handler, limits=Limits(body_bytes_max=1000), timing=Timing(**timing))
    host, port = await listener.start("127.0.0.1", 0)
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Streams:
        reader, writer = await asyncio.open_connection(host, port)
        writers.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()
        await listener.stop()
        assert (listener.unanswered, listener.tasks) == (0, set())


async def echo(request: HttpRequest, responder: Responder) -> None:
    responder.whole(200, request.body)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    return int(head[9:12]), await reader.readexactly(length)


async def test_requests_on_one_connection_are_answered_in_order() -> None:
    async with serving(echo) as connect:
        reader, writer = await connect()
        writer.write(b"".join(post(b"%d" % number) for number in range(5)))
        assert [await answer(reader) for _ in range(5)] == [(200, b"%d" % number) for number in range(5)]


async def test_requests_at_once_are_each_answered_though_one_waits() -> None:
    waiting, go = asyncio.Event(), asyncio.Event()

    async def handler(request: HttpRequest, responder: Responder) -> None:
        if request.body == b"slow":
            waiting.set()
            await go.wait()
        responder.whole(200, request.body)

    async with serving(handler) as connect:
        slow, others = await connect(), [await connect() for _ in range(5)]
        slow[1].write(post(b"slow"))
        await waiting.wait()
        for number, (_, writer) in enumerate(others):
            writer.write(post(b"%d" % number))
        assert [await answer(reader) for reader, _ in others] == [(200, b"%d" % number) for number in range(5)]
        go.set()
        assert await answer(slow[0]) == (200, b"slow")


async def test_a_client_that_leaves_in_the_turn_it_asked_in_leaves_nothing_behind() -> None:
    async with serving(echo) as connect:
        for _ in range(20):
            _, writer = await connect()
            writer.write(post(b"hello"))
            await writer.drain()
            writer.transport.abort()
        reader, writer = await connect()
        writer.write(post(b"x"))
        assert await answer(reader) == (200, b"x")


async def test_a_request_that_arrives_byte_by_byte_is_answered_once() -> None:
    async with serving(echo) as connect:
        reader, writer = await connect()
        for index in range(len(post(b"hello"))):
            writer.write(post(b"hello")[index : index + 1])
            await writer.drain()
        assert await answer(reader) == (200, b"hello")


async def test_a_body_over_the_limit_is_413_and_the_connection_closes() -> None:
    async with serving(echo) as connect:
        reader, writer = await connect()
        writer.write(post(b"x" * 1001))
        assert (await answer(reader))[0] == 413
        assert await reader.read() == b""


async def test_a_body_at_the_limit_is_served() -> None:
    async with serving(echo) as connect:
        reader, writer = await connect()
        writer.write(post(b"x" * 1000))
        assert (await answer(reader))[0] == 200


async def test_a_head_that_never_completes_is_408() -> None:
    async with serving(echo, head_s_max=0.1, body_s_max=0.1) as connect:
        reader, writer = await connect()
        writer.write(b"POST /mcp HTTP/1.1\r\nHost: a\r\n")
        assert (await answer(reader))[0] == 408


async def test_bytes_that_trickle_do_not_restart_the_clock() -> None:
    async with serving(echo, head_s_max=0.1, body_s_max=0.1) as connect:
        reader, writer = await connect()
        writer.write(b"POST /mcp HTTP/1.1\r\n")
        answered = asyncio.ensure_future(answer(reader))
        while not answered.done():  # a slow client that never stops sending
            writer.write(b"X: 1\r\n")
            await asyncio.wait([answered], timeout=0.05)
        assert (await answered)[0] == 408


async def test_a_disconnect_cancels_the_handler() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(request: HttpRequest, responder: Responder) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(wait) as connect:
        _, writer = await connect()
        writer.write(post(b"x"))
        await started.wait()
        writer.close()
        assert await asyncio.wait_for(cancelled.wait(), 5)


async def test_a_disconnect_does_not_cancel_a_detached_handler() -> None:
    gone, finished = asyncio.Event(), asyncio.Event()

    async def carry_on(request: HttpRequest, responder: Responder) -> None:
        responder.detach()
        await gone.wait()
        responder.whole(200, b"nobody reads this")
        finished.set()

    async with serving(carry_on) as connect:
        _, writer = await connect()
        writer.write(post(b"x"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        gone.set()
        assert await asyncio.wait_for(finished.wait(), 5)


async def test_a_half_closed_connection_counts_as_closed() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(request: HttpRequest, responder: Responder) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with serving(wait) as connect:
        _, writer = await connect()
        writer.write(post(b"x"))
        await started.wait()
        writer.write_eof()
        assert await asyncio.wait_for(cancelled.wait(), 5)


async def test_a_stream_is_chunked_and_ends_cleanly() -> None:
    async def stream(request: HttpRequest, responder: Responder) -> None:
        responder.begin_stream()
        await responder.send(b"data: 1\n\n")
        await responder.send(b"data: 2\n\n")
        responder.end_stream()

    async with serving(stream) as connect:
        reader, writer = await connect()
        writer.write(post(b"x") + post(b"y"))
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"text/event-stream" in head
            assert b"x-accel-buffering: no" in head
            assert await reader.readuntil(b"0\r\n\r\n") == b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"


async def test_an_idle_stream_is_kept_alive_by_comments() -> None:
    async def silent(request: HttpRequest, responder: Responder) -> None:
        responder.begin_stream()
        await asyncio.Event().wait()

    async with serving(silent, comment_every_s=0.1) as connect:
        reader, writer = await connect()
        writer.write(post(b"x"))
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readuntil(b":\n\n\r\n") == b"3\r\n:\n\n\r\n"


async def test_a_stream_left_open_by_a_failing_handler_is_cut_and_not_ended() -> None:
    async def fail(request: HttpRequest, responder: Responder) -> None:
        responder.begin_stream()
        await responder.send(b"data: 1\n\n")
        raise RuntimeError("a bug")

    async with serving(fail) as connect:
        reader, writer = await connect()
        writer.write(post(b"x"))
        assert b"0\r\n\r\n" not in await _everything(reader)


async def test_a_failing_handler_answers_500_and_says_nothing_of_why() -> None:
    async def fail(request: HttpRequest, responder: Responder) -> None:
        raise RuntimeError("a secret detail")

    async with serving(fail) as connect:
        reader, writer = await connect()
        writer.write(post(b"x"))
        status, body = await answer(reader)
        assert status == 500
        assert b"secret" not in body


async def test_stopping_lets_a_request_in_flight_finish() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def wait(request: HttpRequest, responder: Responder) -> None:
        started.set()
        await release.wait()
        responder.whole(200, b"done")

    listener = Listener(wait, limits=Limits(), timing=Timing())
    host, port = await listener.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(post(b"x"))
    await started.wait()
    stopping = asyncio.ensure_future(listener.stop())
    release.set()
    assert await answer(reader) == (200, b"done")
    await stopping
    writer.close()


async def _everything(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_what_half_requests_keep_in_memory_is_bounded_over_all_connections() -> None:
    listener = Listener(echo, limits=Limits(body_bytes_max=1000), timing=Timing())
    listener.held_bytes_max = 2500
    host, port = await listener.start("127.0.0.1", 0)
    half = post(b"x" * 1000)[:-1]
    streams = [await asyncio.open_connection(host, port) for _ in range(3)]
    for _, writer in streams:
        writer.write(half)
    refused = await asyncio.wait_for(answer(streams[2][0]), 5)
    assert refused[0] == 503
    streams[0][1].write(b"x")
    assert (await answer(streams[0][0]))[0] == 200
    assert 0 < listener.held_bytes < 2500
    for _, writer in streams:
        writer.close()
    await asyncio.wait_for(_everybody_left(listener), 5)
    assert listener.held_bytes == 0
    await listener.stop()


async def _everybody_left(listener: Listener) -> None:
    while listener.connections:  # noqa: ASYNC110 - the transport tells nobody else
        await asyncio.sleep(0)
