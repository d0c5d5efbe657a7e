"""Sessions of the handshake era at an HTTP server: opened once, kept apart, resumed, cancelled and ended."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from remit.adapters.upstream.registry import RegisteredUpstreams
from remit.adapters.upstream.world import UpstreamLimits
from remit.core.catalog import Era
from remit.core.errors import Invalid
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.request import McpRequest, Session
from remit.ports.upstream import Message, Reply
from tests.peers.raw_server import END, STREAM, Got, event, ok, raw_server, result
from tests.scenes.upstream import CLIENT, KeptSink, a_leased, a_request, a_session, http, upstreams

HANDSHAKE = b'{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}'
ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


def legacy(
    method: str = "tools/call", *, session: Session | None = None, direct: bool = True, id: bytes = b"7"
) -> McpRequest:
    return a_request(method, {}, era=Era.LEGACY, session=session or a_session(), direct=direct, id=id)


class SessionServer:
    """Assigns `up-1`, `up-2`, … and answers everything else with `{}`."""

    def __init__(self) -> None:
        self.opened = 0

    async def __call__(self, got: Got) -> None:
        if got.method == b"DELETE":
            await got.send(ok(b""))
        elif got.message.get("method") == "initialize":
            self.opened += 1
            await got.send(ok(result(got.id, HANDSHAKE), b"mcp-session-id: up-%d" % self.opened))
        elif "id" not in got.message or "method" not in got.message:
            await got.send(ACCEPTED)
        else:
            await got.send(ok(result(got.id, b"{}")))


async def send(remit: RegisteredUpstreams, request: McpRequest, grant: str = "grant_1", **params: Any) -> Reply:
    return await asyncio.wait_for(remit.exchange(a_leased(request, grant=grant), params, KeptSink()), 5)


async def test_a_clients_own_handshake_passes_and_names_the_session() -> None:
    async with raw_server(SessionServer()) as server, upstreams(http(server.port)) as remit:
        reply = await send(remit, legacy("initialize"), **CLIENT)
        assert (reply.session, reply.value) == ("up-1", HANDSHAKE)
        await send(remit, legacy("tools/list", session=a_session(upstream=reply.session)))
    assert server.got[0].message["params"] == CLIENT
    assert server.got[0].header("mcp-session-id") is None
    assert server.got[1].header("mcp-session-id") == "up-1"
    assert server.got[1].header("mcp-protocol-version") == "2025-06-18"
    assert server.got[1].header("mcp-method") is None


async def test_on_the_shared_endpoint_a_session_is_opened_once_with_the_clients_own_params() -> None:
    """G7"""
    async with raw_server(SessionServer()) as server, upstreams(http(server.port)) as remit:
        await asyncio.gather(*(send(remit, legacy(direct=False, id=b"%d" % n)) for n in range(5)))
    assert [message["params"] for message in server.messages("initialize")] == [CLIENT]
    assert len(server.messages("notifications/initialized")) == 1
    assert {got.header("mcp-session-id") for got in server.got[1:]} == {"up-1"}


async def test_a_connection_that_carried_a_notification_carries_the_next_request() -> None:
    async with raw_server(SessionServer()) as server, upstreams(http(server.port)) as remit:
        for n in range(3):
            await send(remit, legacy(session=a_session(f"n{n}"), direct=False))
    assert len(server.messages("notifications/initialized")) == 3
    assert server.connections == 1


@pytest.mark.parametrize(("grant", "nonce"), [("grant_2", "n1"), ("grant_1", "n2")])
async def test_two_grants_or_two_client_sessions_never_share_one_upstream(grant: str, nonce: str) -> None:
    async with raw_server(SessionServer()) as server, upstreams(http(server.port)) as remit:
        await send(remit, legacy(direct=False))
        await send(remit, legacy(session=a_session(nonce), direct=False), grant)
    calls = [got.header("mcp-session-id") for got in server.got if got.message["method"] == "tools/call"]
    assert calls == ["up-1", "up-2"]


async def test_ending_a_grant_ends_its_sessions_and_no_others() -> None:
    async with raw_server(SessionServer()) as server, upstreams(http(server.port)) as remit:
        await send(remit, legacy(direct=False))
        await send(remit, legacy(direct=False), "grant_2")
        assert remit.end_grant("grant_1") == 0
        await server.until(7)
        await send(remit, legacy(direct=False), "grant_2")
    assert [got.header("mcp-session-id") for got in server.got if got.method == b"DELETE"] == ["up-1"]
    assert server.got[-1].header("mcp-session-id") == "up-2"


async def test_closing_a_session_tells_the_server() -> None:
    async with raw_server(SessionServer()) as server, upstreams(http(server.port)) as remit:
        reply = await send(remit, legacy("initialize"), **CLIENT)
        await remit.close_session("peer", "grant_1", a_session(upstream=reply.session))
        await server.until(2)
    assert server.got[1].method == b"DELETE"
    assert server.got[1].header("mcp-session-id") == "up-1"


async def test_abandoned_sessions_are_forgotten_and_the_server_is_told() -> None:
    limits = UpstreamLimits(sessions_max=3)
    async with raw_server(SessionServer()) as server, upstreams(http(server.port), limits) as remit:
        for n in range(6):
            await send(remit, legacy(session=a_session(f"n{n}"), direct=False))
        await server.until(6 * 3 + 3)
    gone = sorted(str(got.header("mcp-session-id")) for got in server.got if got.method == b"DELETE")
    assert gone == ["up-1", "up-2", "up-3"]


async def test_cancelling_a_legacy_call_is_said_and_the_session_lives_on() -> None:
    """G11: before 2026-07-28 closing a connection cancels nothing."""
    inner = SessionServer()

    async def handle(got: Got) -> None:
        if got.body and got.message.get("method") == "tools/call":
            await asyncio.Event().wait()
        await inner(got)

    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        task = asyncio.ensure_future(send(remit, legacy(direct=False)))
        await server.until(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(4)
        await send(remit, legacy("tools/list", direct=False))
    cancelled = server.messages("notifications/cancelled")[0]
    assert cancelled["params"]["requestId"] == server.messages("tools/call")[0]["id"]
    assert [got.header("mcp-session-id") for got in server.got[-2:]] == ["up-1", "up-1"]


async def test_a_clients_cancellation_is_passed_on_with_our_id() -> None:
    inner, go = SessionServer(), asyncio.Event()

    async def handle(got: Got) -> None:
        if got.body and got.message.get("method") == "tools/call":
            await go.wait()
        await inner(got)

    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        task = asyncio.ensure_future(send(remit, legacy(direct=False, id=b'"a"')))
        await server.until(3)
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}}
        leased = a_leased(legacy("notifications/cancelled", direct=False))
        await remit.notify(leased, {**note, "params": {"requestId": "another"}})
        await remit.notify(leased, note)
        go.set()
        await task
    (passed,) = server.messages("notifications/cancelled")
    assert passed["params"]["requestId"] == server.messages("tools/call")[0]["id"]


async def test_a_servers_request_and_the_clients_answer_pass_unchanged() -> None:
    ask = b'{"jsonrpc":"2.0","id":3,"method":"sampling/createMessage","params":{}}'
    answered = asyncio.Event()

    async def handle(got: Got) -> None:
        if "method" not in got.message:
            await got.send(ACCEPTED)
            answered.set()
            return
        await got.send(STREAM + b"\r\n", event(ask, id="e1"))
        await answered.wait()
        await got.send(event(result(got.id, b"{}"), id="e2"), END)

    class Client(KeptSink):
        async def interim(self, message: Message) -> None:
            await super().interim(message)
            await remit.notify(a_leased(request), {"jsonrpc": "2.0", "id": 3, "result": {"ok": True}})

    sink = Client()
    request = legacy(session=a_session(upstream="up-9"))
    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        reply = await asyncio.wait_for(remit.exchange(a_leased(request), {}, sink), 5)
    assert sink.messages == [Message(ask, "e1")]
    assert server.got[1].message == {"jsonrpc": "2.0", "id": 3, "result": {"ok": True}}
    assert (reply.status, reply.event_id) == (OutcomeStatus.OK, "e2")


async def test_a_polling_servers_answer_comes_on_the_resumed_stream_with_the_clients_id() -> None:
    """2025-11-25 resumption: priming event, retry, the end; the rest by GET with Last-Event-ID."""
    late: list[int] = []

    async def handle(got: Got) -> None:
        if got.method == b"POST":
            late.append(got.id)
            await got.send(STREAM + b"\r\n", event(b"", id="e1", retry=50), END)
        else:
            note = b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}'
            stranger = result(late[0] + 5, b'{"of":"somebody else"}')
            await got.send(STREAM + b"\r\n", event(note, id="e2"), event(stranger, id="e3"))
            await got.send(event(result(late[0], b'{"late":1}'), id="e4"), END)

    sink, stream = KeptSink(), KeptSink()
    session = a_session(upstream="up-9")
    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        reply = await remit.exchange(a_leased(legacy(session=session, id=b'"mine"')), {}, sink)
        assert (reply.status, reply.value) == (OutcomeStatus.DETACHED, b"")
        await asyncio.wait_for(remit.listen(a_leased(legacy(session=session)), "e1", stream), 5)
    assert sink.messages == [Message(b"", "e1", 50)]
    assert server.got[1].header("last-event-id") == "e1"
    assert server.got[1].header("accept") == "text/event-stream"
    assert [message.event_id for message in stream.messages] == ["e2", "e4"]
    assert orjson.loads(stream.data[1]) == {"jsonrpc": "2.0", "id": "mine", "result": {"late": 1}}


async def test_another_clients_session_does_not_get_the_late_answer() -> None:
    late: list[int] = []

    async def handle(got: Got) -> None:
        if got.method == b"POST":
            late.append(got.id)
            await got.send(STREAM + b"\r\n", event(b"", id="e1"), END)
        else:
            await got.send(STREAM + b"\r\n", event(result(late[0], b'{"secret":1}'), id="e4"), END)

    stream = KeptSink()
    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        await remit.exchange(a_leased(legacy(session=a_session("n1", "up-1"))), {}, KeptSink())
        other = legacy(session=a_session("n2", "up-2"))
        await asyncio.wait_for(remit.listen(a_leased(other), "", stream), 5)
    assert stream.messages == []


async def test_a_server_without_the_standing_stream_says_so() -> None:
    async def handle(got: Got) -> None:
        await got.send(ok(b"", status=b"405 Method Not Allowed"))

    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        with pytest.raises(Invalid) as caught:
            await remit.listen(a_leased(legacy(session=a_session(upstream="up-9"))), "", KeptSink())
    assert caught.value.reason is Reason.METHOD_NOT_ALLOWED


async def test_a_standing_stream_takes_no_calls_place() -> None:
    opened = asyncio.Event()

    async def handle(got: Got) -> None:
        if got.method == b"GET":
            await got.send(STREAM + b"\r\n")
            opened.set()
            await got.reader.read()
        else:
            await got.send(ok(result(got.id, b"{}")))

    session = a_session(upstream="up-9")
    limits = UpstreamLimits(connections_max=1)
    async with raw_server(handle) as server, upstreams(http(server.port), limits) as remit:
        task = asyncio.ensure_future(remit.listen(a_leased(legacy(session=session)), "", KeptSink()))
        await asyncio.wait_for(opened.wait(), 5)
        assert (await send(remit, legacy(session=session))).status is OutcomeStatus.OK
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
