"""The same upstreams on the loop Remit runs on, whose transports and processes are not asyncio's own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import uvloop

from remit.core.catalog import Era
from remit.core.ledger import OutcomeStatus
from tests.peers.raw_server import END, STREAM, Got, event, ok, raw_server, result
from tests.scenes.upstream import KeptSink, a_leased, a_request, http, stdio, upstreams

CHILD = str(Path(__file__).parents[1] / "peers" / "stdio_child.py")
NOTE = b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}'


def test_whole_and_streamed_replies_and_a_closed_idle_connection() -> None:
    async def handle(got: Got) -> None:
        if len(got.body) % 2:
            await got.send(ok(result(got.id)))
            got.writer.close()
        else:
            await got.send(STREAM + b"\r\n", event(NOTE), event(result(got.id)), END)

    async def scene() -> list[bytes]:
        sink = KeptSink()
        async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
            for n in range(6):
                reply = await remit.exchange(a_leased(a_request()), {"name": "x" * n}, sink)
                assert reply.status is OutcomeStatus.OK
                if len(server.got[-1].body) % 2:
                    await asyncio.wait_for(server.closed.wait(), 5)
                    server.closed.clear()
        return sink.data

    assert uvloop.run(scene()) == [NOTE] * 3


def test_cancelling_closes_the_connection() -> None:
    async def handle(got: Got) -> None:
        await got.reader.read()
        raise ConnectionResetError

    async def scene() -> None:
        async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
            task = asyncio.ensure_future(remit.exchange(a_leased(a_request()), {}, KeptSink()))
            await server.until(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.closed.wait(), 5)

    uvloop.run(scene())


def test_a_process_starts_answers_and_stops() -> None:
    async def scene() -> int:
        async with upstreams(stdio(sys.executable, "-I", CHILD)) as remit:
            for _ in range(2):
                request = a_request(era=Era.LEGACY, direct=False)
                reply = await remit.exchange(a_leased(request), {"name": "count"}, KeptSink())
                assert reply.status is OutcomeStatus.OK
            return remit.end_grant("grant_1")

    assert uvloop.run(scene()) == 1
