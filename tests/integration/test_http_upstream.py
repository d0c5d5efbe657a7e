"""The HTTP upstream against servers that behave: framing, pooling, headers, streams and cancellation."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from remit.adapters.upstream.world import UpstreamLimits
from remit.core.catalog import ItemKind, Tool
from remit.core.ledger import OutcomeStatus
from tests.peers.raw_server import END, STREAM, Got, answer, chunk, event, ok, result
from tests.scenes.upstream import PARAMS, KeptSink, a_leased, a_request, call, facing


async def test_a_call_carries_our_own_id_and_comes_back_byte_for_byte() -> None:
    value = b'{"content":[{"type":"text","text":"\\u0041 \xc3\xa9"}],  "resultType":"complete"}'

    async def handle(got: Got) -> None:
        await got.send(ok(result(got.id, value)))

    async with facing(handle) as (remit, server):
        reply = await call(remit)
    assert (reply.member, reply.value, reply.status, reply.http_status) == ("result", value, OutcomeStatus.OK, 200)
    assert server.got[0].message["params"] == PARAMS
    assert server.got[0].id != 7


async def test_calls_share_a_kept_alive_connection_and_never_an_id() -> None:
    async with facing(answer) as (remit, server):
        for _ in range(5):
            await call(remit)
    assert server.connections == 1
    assert len({got.id for got in server.got}) == 5


async def test_calls_at_the_same_time_use_a_connection_each() -> None:
    gate = asyncio.Event()

    async def handle(got: Got) -> None:
        await gate.wait()
        await answer(got)

    async with facing(handle) as (remit, server):
        calls = [asyncio.ensure_future(call(remit)) for _ in range(3)]
        await server.until(3)
        gate.set()
        await asyncio.gather(*calls)
    assert server.connections == 3


async def test_a_full_pool_makes_calls_wait_their_turn() -> None:
    async with facing(answer, UpstreamLimits(connections_max=2)) as (remit, server):
        replies = await asyncio.gather(*(call(remit) for _ in range(20)))
    assert len(replies) == 20
    assert server.connections <= 2


async def test_routing_headers_are_made_from_the_body_that_is_sent() -> None:
    """G3"""
    tool = Tool(ItemKind.TOOL, "peer", "écho", b"{}", "d", {}, header_arguments={"region": "where/region", "n": "n"})
    params = {"name": "écho", "arguments": {"where": {"region": " eu"}, "n": 4}}
    request = a_request(params=params, parameters={"unknown": "kept", "REGION": "forged"})
    async with facing(answer) as (remit, server):
        await remit.exchange(a_leased(request, tool=tool), params, KeptSink())
    got = server.got[0]
    assert got.header("mcp-method") == "tools/call"
    assert got.header("mcp-name") == "=?base64?w6ljaG8=?="
    assert got.header("mcp-protocol-version") == "2026-07-28"
    assert got.header("mcp-param-region") == "=?base64?IGV1?="
    assert got.header("mcp-param-n") == "4"
    assert got.header("mcp-param-unknown") == "kept"
    assert got.head.lower().count(b"mcp-param-region") == 1
    assert got.header("mcp-session-id") is None


async def test_interim_messages_reach_the_sink_before_the_reply_in_order() -> None:
    notes = [b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"n":%d}}' % n for n in range(3)]

    async def handle(got: Got) -> None:
        await got.send(STREAM + b"\r\n", *(event(note) for note in notes), event(result(got.id)), END)

    sink = KeptSink()
    async with facing(handle) as (remit, server):
        reply = await call(remit, sink)
        await call(remit)
    assert sink.data == notes
    assert reply.status is OutcomeStatus.OK
    assert server.connections == 1


async def test_a_stream_split_at_every_byte_reads_the_same() -> None:
    note = b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}'

    async def handle(got: Got) -> None:
        body = chunk(b"event: message\r\ndata: " + note + b"\r\n\r\n:ping\r\n\r\n") + event(result(got.id)) + END
        for byte in STREAM + b"\r\n" + body:
            await got.send(bytes([byte]))

    sink = KeptSink()
    async with facing(handle) as (remit, _):
        assert (await call(remit, sink)).status is OutcomeStatus.OK
    assert sink.data == [note]


async def test_an_error_with_the_requests_id_keeps_its_status() -> None:
    async def handle(got: Got) -> None:
        body = b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32602,"message":"Unknown tool"}}' % got.id
        await got.send(ok(body, status=b"400 Bad Request"))

    async with facing(handle) as (remit, _):
        reply = await call(remit)
    assert (reply.member, reply.http_status, reply.status) == ("error", 400, OutcomeStatus.TOOL_ERROR)
    assert orjson.loads(reply.value)["code"] == -32602


async def test_a_subscriptions_messages_carry_the_clients_id() -> None:
    """G13"""

    async def handle(got: Got) -> None:
        tag = b'"_meta":{"io.modelcontextprotocol/subscriptionId":%d}' % got.id
        note = b'{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{%b}}' % tag
        await got.send(STREAM + b"\r\n", event(note), event(result(got.id, b"{%b}" % tag)), END)

    sink = KeptSink()
    request = a_request("subscriptions/listen", id=b'"sub-9"')
    async with facing(handle) as (remit, _):
        reply = await remit.exchange(a_leased(request), {"notifications": {}}, sink)
    tagged = orjson.loads(sink.data[0])["params"]["_meta"]
    assert tagged == {"io.modelcontextprotocol/subscriptionId": "sub-9"}
    assert orjson.loads(reply.value)["_meta"] == tagged


async def test_cancelling_a_modern_call_closes_its_connection() -> None:
    """G11"""

    async def handle(got: Got) -> None:
        await got.reader.read()
        raise ConnectionResetError

    async with facing(handle) as (remit, server):
        task = asyncio.ensure_future(call(remit))
        await server.until(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.closed.wait(), 5)
    assert len(server.got) == 1
