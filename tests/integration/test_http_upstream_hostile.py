"""The HTTP upstream against servers that break the protocol, by mistake or on purpose: none of it reaches anybody."""

from __future__ import annotations

import asyncio

import pytest

from remit.adapters.upstream.connection import Deadlines
from remit.adapters.upstream.world import UpstreamLimits
from remit.core.catalog import Era
from remit.core.errors import Invalid, Outage
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from tests.peers.raw_server import END, STREAM, Got, Handler, RawServer, answer, chunk, event, ok, raw_server, result
from tests.scenes.upstream import KeptSink, a_leased, a_request, a_session, call, facing, http, upstreams

SLOW = UpstreamLimits(deadlines=Deadlines(idle_s=0.2), reply_bytes_max=4096)


# what must not go wrong -----------------------------------------------------------------------------------------------
async def refused(handle: Handler, limits: UpstreamLimits | None = None) -> tuple[Reason, RawServer]:
    async with facing(handle, limits) as (remit, server):
        with pytest.raises(Outage) as caught:
            await call(remit)
        await asyncio.wait_for(server.closed.wait(), 5)
    return caught.value.reason, server


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":null,"result":{}}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":"%d","result":{}}',
        b'[{"jsonrpc":"2.0","id":%d,"result":{}}]',
        b'{"jsonrpc":"2.0","id":%d}',
        b'{"jsonrpc":"2.0","id":%d,"result":{"resultType":"mystery"}}',
        b'{"jsonrpc":"2.0","id":%d,"result":[]}',
        b'{"jsonrpc":"2.0","id":%d,"error":"x"}',
        b'{"jsonrpc":"2.0","id":%d,"result":{}',
        b'{"jsonrpc":"2.0","id":%d,"result":{"a":"\xff"}}',
        b"",
    ],
)
async def test_a_reply_without_the_requests_id_or_form_ends_the_connection(body: bytes) -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(body.replace(b"%d", b"%d" % got.id)))

    reason, _ = await refused(handle)
    assert reason is Reason.UPSTREAM_INVALID


async def test_another_requests_reply_in_a_stream_reaches_nobody() -> None:
    async def handle(got: Got) -> None:
        await got.send(STREAM + b"\r\n", event(result(got.id + 1)), event(result(got.id)), END)

    reason, _ = await refused(handle)
    assert reason is Reason.UPSTREAM_INVALID


async def test_stray_bytes_on_an_idle_connection_close_it() -> None:
    """A response nobody asked for would otherwise answer the next principal."""

    async def handle(got: Got) -> None:
        await answer(got)
        if got.connection == 1:
            await got.send(ok(result(got.id + 1)))

    async with facing(handle) as (remit, server):
        await call(remit)
        await asyncio.wait_for(server.closed.wait(), 5)
        assert (await call(remit)).status is OutcomeStatus.OK
    assert server.connections == 2


async def test_a_smuggled_second_response_in_the_same_packet_is_dropped_with_its_connection() -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(result(got.id)) + ok(result(got.id + 1, b'{"stolen":true}')))

    async with facing(handle) as (remit, server):
        for _ in range(3):
            assert b"stolen" not in (await call(remit)).value
    assert server.connections == 3


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\ncontent-type: application/json\n\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 70_000,
        b"\x16\x03\x01 not http at all",
    ],
)
async def test_ambiguous_framing_ends_the_connection(head: bytes) -> None:
    async def handle(got: Got) -> None:
        await got.send(head)

    reason, _ = await refused(handle)
    assert reason is Reason.UPSTREAM_INVALID


async def test_a_wrong_content_type_is_not_an_answer() -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(result(got.id), kind=b"text/html"))

    reason, _ = await refused(handle)
    assert reason is Reason.UPSTREAM_INVALID


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary Redirect"])
async def test_a_redirect_is_not_followed(status: bytes) -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(b"", b"location: http://169.254.169.254/", status=status))

    reason, server = await refused(handle)
    assert reason is Reason.UPSTREAM_INVALID
    assert len(server.got) == 1


async def test_a_stream_that_ends_without_the_reply_is_an_outage() -> None:
    async def handle(got: Got) -> None:
        await got.send(STREAM + b"\r\n", chunk(b": nothing\n\n"), END)

    reason, _ = await refused(handle)
    assert reason is Reason.UPSTREAM_INVALID


@pytest.mark.parametrize("whole", [True, False])
async def test_a_connection_closed_in_the_middle_of_a_reply_is_an_outage(whole: bool) -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(result(got.id))[:-5] if whole else STREAM + b"\r\n" + event(result(got.id))[:-9])
        got.writer.close()

    reason, server = await refused(handle)
    assert reason is Reason.UPSTREAM_UNREACHABLE
    assert len(server.got) == 1


async def test_a_half_closed_server_does_not_hold_the_call() -> None:
    async def handle(got: Got) -> None:
        got.writer.write_eof()

    reason, _ = await refused(handle)
    assert reason is Reason.UPSTREAM_UNREACHABLE


async def test_a_reply_larger_than_the_limit_is_refused() -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(result(got.id, b'{"a":"' + b"x" * 5000 + b'"}')))

    reason, _ = await refused(handle, SLOW)
    assert reason is Reason.UPSTREAM_TOO_LARGE


async def test_a_streamed_message_larger_than_the_limit_is_refused_and_a_long_stream_of_small_ones_is_not() -> None:
    async def handle(got: Got) -> None:
        notes = [event(b'{"method":"notifications/message","params":"%b"}' % (b"x" * 900)) for _ in range(20)]
        huge = event(b'{"method":"notifications/message","params":"%b"}' % (b"x" * 5000))
        await got.send(STREAM + b"\r\n", *notes, *([huge] if sink.messages else []), event(result(got.id)), END)

    sink = KeptSink()
    async with facing(handle, SLOW) as (remit, _):
        await call(remit, sink)
        assert len(sink.messages) == 20
        with pytest.raises(Outage) as caught:
            await call(remit)
    assert caught.value.reason is Reason.UPSTREAM_TOO_LARGE


async def test_a_stream_that_goes_on_after_the_reply_ends_with_its_connection() -> None:
    async def handle(got: Got) -> None:
        await got.send(STREAM + b"\r\n", event(result(got.id)))
        if got.connection == 1:
            await got.send(
                *(event(b'{"method":"notifications/message","params":"%b"}' % (b"x" * 900)) for _ in range(9))
            )
        else:
            await got.send(END)

    async with facing(handle) as (remit, server):
        sink = KeptSink()
        assert (await call(remit, sink)).status is OutcomeStatus.OK
        await asyncio.wait_for(server.closed.wait(), 5)
        assert (await call(remit, sink)).status is OutcomeStatus.OK
    assert sink.messages == []
    assert server.connections == 2


async def test_a_silent_server_times_out() -> None:
    async def handle(got: Got) -> None:
        await got.send(b"HTTP/1.1 200 OK\r\n")
        await asyncio.sleep(30)

    async with facing(handle, SLOW) as (remit, _):
        with pytest.raises(Outage) as caught:
            await call(remit)
    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT


async def test_a_call_whose_connection_broke_is_never_run_again() -> None:
    async def handle(got: Got) -> None:
        if got.message["params"]["name"] == "warm":
            await answer(got)
        else:
            got.writer.close()

    async with facing(handle) as (remit, server):
        warm = {"name": "warm", "arguments": {}}
        await remit.exchange(a_leased(a_request(params=warm)), warm, KeptSink())
        with pytest.raises(Outage) as caught:
            await call(remit)
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert [got.message["params"]["name"] for got in server.got] == ["warm", "echo"]


async def test_a_connection_the_server_closed_while_idle_is_not_written_to() -> None:
    """The close race: a request that was never written is sent on a fresh connection instead."""

    async def handle(got: Got) -> None:
        await answer(got)
        got.writer.close()

    async with facing(handle) as (remit, server):
        for _ in range(4):
            assert (await call(remit)).status is OutcomeStatus.OK
            await asyncio.wait_for(server.closed.wait(), 5)
            server.closed.clear()
    assert len(server.got) == 4


async def test_a_modern_server_may_not_send_requests() -> None:
    ask = b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}'

    async def handle(got: Got) -> None:
        await got.send(STREAM + b"\r\n", event(ask), event(result(got.id)), END)

    sink = KeptSink()
    async with facing(handle) as (remit, _):
        assert (await call(remit, sink)).status is OutcomeStatus.OK
    assert sink.messages == []


async def test_a_server_that_cannot_be_reached_is_an_outage() -> None:
    async with raw_server(answer) as server:
        port = server.port
    async with upstreams(http(port)) as remit:
        with pytest.raises(Outage) as caught:
            await call(remit)
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE


async def test_a_legacy_session_the_server_ended_is_told_as_unknown() -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"gone"}}', status=b"404 X"))

    request = a_request("tools/list", era=Era.LEGACY, session=a_session(upstream="dead"))
    async with facing(handle) as (remit, server):
        with pytest.raises(Invalid) as caught:
            await remit.exchange(a_leased(request), {}, KeptSink())
    assert caught.value.reason is Reason.SESSION_UNKNOWN
    assert server.got[0].header("mcp-session-id") == "dead"
