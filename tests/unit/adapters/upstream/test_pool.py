"""The pool's bookkeeping, over real sockets and a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from remit.adapters.upstream.connection import Connection, Deadlines
from remit.adapters.upstream.pool import Pool
from remit.core.errors import Outage
from remit.core.reasons import Reason
from remit.testing.clock import FakeClock
from tests.peers.raw_server import Got, RawServer, ok, raw_server

REQUEST = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"


@asynccontextmanager
async def pooled(*headers: bytes, connections_max: int = 4) -> AsyncIterator[tuple[Pool, FakeClock, RawServer]]:
    async def answer(got: Got) -> None:
        await got.send(ok(b"{}", *headers))

    clock = FakeClock()
    async with raw_server(answer) as server:

        async def dial(make: Callable[[], Connection]) -> Connection:
            _, connection = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", server.port)
            return connection

        pool = Pool(dial, clock.monotonic_s, Deadlines(connect_s=0.2, reuse_s=4.0), connections_max)
        yield pool, clock, server
        pool.close()


async def use(pool: Pool, clock: FakeClock) -> Connection:
    connection = pool.take() or await pool.open()
    answer = connection.send(REQUEST, body_bytes_max=100, now_s=clock.monotonic_s(), limit_s=5.0)
    await answer.head
    connection.finish(answer)
    return connection


async def test_a_connection_is_used_again_within_its_time_and_not_after() -> None:
    async with pooled() as (pool, clock, server):
        first = await use(pool, clock)
        clock.advance(3.9)
        assert await use(pool, clock) is first
        clock.advance(4.1)
        assert await use(pool, clock) is not first
    assert server.connections == 2


async def test_the_servers_own_keep_alive_time_is_kept_with_a_second_to_spare() -> None:
    async with pooled(b"keep-alive: max=100, timeout=3") as (pool, clock, _):
        first = await use(pool, clock)
        clock.advance(1.9)
        assert await use(pool, clock) is first
        clock.advance(2.1)
        assert await use(pool, clock) is not first


async def test_the_sweep_closes_what_nobody_uses() -> None:
    async with pooled() as (pool, clock, _):
        connection = await use(pool, clock)
        pool.sweep(clock.monotonic_s())
        assert connection.alive
        clock.advance(5)
        pool.sweep(clock.monotonic_s())
        assert not connection.alive
        assert pool.take() is None


async def test_an_answer_not_accepted_keeps_its_connection_from_others() -> None:
    async with pooled() as (pool, clock, _):
        connection = await pool.open()
        answer = connection.send(REQUEST, body_bytes_max=100, now_s=clock.monotonic_s(), limit_s=5.0)
        await answer.head
        assert pool.take() is None
        connection.abandon(answer)
        assert not connection.alive


async def test_a_reader_that_is_done_cannot_touch_the_next_ones_answer() -> None:
    async with pooled() as (pool, clock, _):
        connection = await pool.open()
        old = connection.send(REQUEST, body_bytes_max=100, now_s=clock.monotonic_s(), limit_s=5.0)
        await old.head
        connection.finish(old)
        new = connection.send(REQUEST, body_bytes_max=100, now_s=clock.monotonic_s(), limit_s=5.0)
        connection.abandon(old)
        connection.finish(old)
        assert (await new.head).status == 200
        assert connection.alive


async def test_a_full_pool_refuses_after_its_time() -> None:
    async with pooled(connections_max=1) as (pool, _, __):
        await pool.open()
        with pytest.raises(Outage) as caught:
            await pool.open()
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE


@pytest.mark.parametrize("lost", [False, True])
async def test_whoever_waits_gets_the_place_of_a_connection_that_is_done_or_lost(lost: bool) -> None:
    async with pooled(connections_max=1) as (pool, clock, _):
        first = await use(pool, clock) if lost else await pool.open()
        if lost:
            assert pool.take() is first
        answer = first.send(REQUEST, body_bytes_max=100, now_s=clock.monotonic_s(), limit_s=5.0)
        await answer.head
        waiting = asyncio.create_task(pool.open())
        await asyncio.sleep(0)
        if lost:
            first.close()
        else:
            first.finish(answer)
        assert (await waiting is first) is not lost


async def test_whoever_waits_gets_the_place_of_a_connection_that_could_not_be_made() -> None:
    async with pooled() as (_, clock, server):
        began, fail = asyncio.Event(), asyncio.Event()

        async def dial(make: Callable[[], Connection]) -> Connection:
            if not began.is_set():
                began.set()
                await fail.wait()
                raise OSError("refused")
            return (await asyncio.get_running_loop().create_connection(make, "127.0.0.1", server.port))[1]

        pool = Pool(dial, clock.monotonic_s, Deadlines(connect_s=5.0, reuse_s=4.0), connections_max=1)
        failing, waiting = asyncio.create_task(pool.open()), asyncio.create_task(pool.open())
        await began.wait()
        fail.set()
        with pytest.raises(OSError, match="refused"):
            await failing
        assert (await asyncio.wait_for(waiting, 1)).alive
        pool.close()
