"""G15 legacy sessions and the legacy half of G11 and G14: at the endpoint, on fakes."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from remit.core.catalog import Era
from remit.core.errors import refuse
from remit.core.grant import GrantEvent
from remit.core.ledger import OutcomeStatus, RecordKind
from remit.core.reasons import Reason
from remit.ports.upstream import Message, Reply, Sink
from remit.testing.upstreams import Arrived, replies
from tests.mcp_scene import DISCOVERY, LEGACY, McpScene, legacy_request

CALL = {"name": "read_file", "arguments": {"path": "/a"}}


def greet(scene: McpScene, server: str = "files", **result: Any) -> None:
    """The server answers initialize and opens a session of its own."""
    value = orjson.dumps(DISCOVERY[Era.LEGACY] | result)
    scene.upstreams.answers[server, "initialize"] = replies(value, session="upstream-session")


async def opened(scene: McpScene, server: str = "files") -> tuple[bytes, bytes]:
    greet(scene, server)
    token = scene.token(server)
    return token, await scene.open_session(f"/mcp/{server}", token)


async def test_g15_initialize_passes_the_server_s_answer_on_and_opens_a_handle() -> None:
    scene = McpScene()
    greet(scene)
    token = scene.token("files")
    said = {
        "protocolVersion": LEGACY,
        "capabilities": {"sampling": {}, "elicitation": {}},
        "clientInfo": {"name": "c", "version": "1"},
    }
    answer = await scene.legacy("/mcp/files", token, None, "initialize", said)
    assert answer.body == b'{"jsonrpc":"2.0","id":1,"result":' + orjson.dumps(DISCOVERY[Era.LEGACY]) + b"}"
    handle = answer.headers[b"mcp-session-id"]
    assert all(0x21 <= byte <= 0x7E for byte in handle)
    assert b"upstream-session" not in handle
    await scene.legacy("/mcp/files", token, handle, "tools/call", CALL)
    session = scene.upstreams.arrived[-1].request.session
    assert session is not None
    assert (session.upstream, session.version, session.client["capabilities"]) == (
        "upstream-session",
        LEGACY,
        said["capabilities"],
    )


async def test_g15_a_request_without_a_handle_is_400_and_with_an_unknown_one_404() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    for verb in (b"POST", b"GET", b"DELETE"):
        body = b"" if verb != b"POST" else legacy_request(token, None, "tools/list")[0]
        missing = await scene.send("/mcp/files", body, {b"authorization": token}, verb)
        assert missing.status == 400
        unknown = await scene.send("/mcp/files", body, {b"authorization": token, b"mcp-session-id": b"guess"}, verb)
        assert unknown.status == 404
    assert scene.ledger.refusals[Reason.SESSION_MISSING] == scene.ledger.refusals[Reason.SESSION_UNKNOWN] == 3
    assert (await scene.legacy("/mcp/files", token, session, "tools/list")).status == 200


async def test_g15_another_grant_s_handle_is_404_and_looks_like_an_unknown_one() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    strangers = (scene.token("files"), scene.token("files", subject="analyst"), scene.token("files", client="other"))
    unknown = await scene.legacy("/mcp/files", strangers[0], b"guess", "tools/call", CALL)
    for stranger in strangers:
        for verb in (b"POST", b"GET", b"DELETE"):
            body, headers = legacy_request(stranger, session, "tools/call", CALL)
            answer = await scene.send("/mcp/files", body if verb == b"POST" else b"", headers, verb)
            assert answer.status == 404
            assert answer.json["error"] == unknown.json["error"]
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200
    assert len([arrived for arrived in scene.upstreams.arrived if arrived.request.method == "tools/call"]) == 1


async def test_g15_a_handle_is_for_one_endpoint() -> None:
    scene = McpScene()
    _, session = await opened(scene)
    shared = scene.token()
    assert (await scene.legacy("/mcp", shared, session, "tools/list")).status == 404
    own = await scene.open_session("/mcp", shared)
    assert (await scene.legacy("/mcp", shared, own, "tools/list")).status == 200


async def test_g15_a_handle_without_the_token_is_nothing() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    body, headers = legacy_request(token, session, "tools/call", CALL)
    assert (await scene.send("/mcp/files", body, headers | {b"authorization": None})).status == 401
    assert (await scene.send("/mcp/files", body, headers)).status == 200


async def test_g15_delete_ends_the_session_here_and_at_the_server() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    other = await scene.open_session("/mcp/files", token)
    headers: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-session-id": session,
        b"mcp-protocol-version": LEGACY.encode(),
        b"content-type": None,
        b"accept": None,
    }
    assert (await scene.send("/mcp/files", b"", headers, b"DELETE")).status == 200
    assert [(server, closed.upstream) for server, _, closed in scene.upstreams.closed] == [
        ("files", "upstream-session")
    ]
    assert (await scene.legacy("/mcp/files", token, session, "tools/list")).status == 404
    assert (await scene.send("/mcp/files", b"", headers, b"DELETE")).status == 404
    assert (await scene.legacy("/mcp/files", token, other, "tools/list")).status == 200


async def test_g15_the_grant_s_end_is_the_session_s_end() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    live = scene.grants.find("grant-0")
    assert live is not None
    live.apply(GrantEvent.REVOKE)
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 401


async def test_g15_a_restart_ends_every_session() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    from remit.surfaces.mcp.endpoint import McpEndpoint

    scene.endpoint = McpEndpoint(scene.walk, scene.sealer, scene.changes, scene.settings)
    assert (await scene.legacy("/mcp/files", token, session, "tools/list")).status == 404


async def test_g15_the_version_header_must_be_the_session_s_if_it_is_there() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    for version, status in ((LEGACY.encode(), 200), (None, 200), (b"2025-06-18", 400)):
        headers = {b"mcp-protocol-version": version}
        assert (await scene.legacy("/mcp/files", token, session, "tools/list", headers=headers)).status == status


async def test_g15_a_client_that_says_too_much_is_refused_before_anything_is_opened() -> None:
    scene = McpScene()
    greet(scene)
    said = {"protocolVersion": LEGACY, "capabilities": {"experimental": {"x": "y" * 4000}}, "clientInfo": {}}
    answer = await scene.legacy("/mcp/files", scene.token("files"), None, "initialize", said)
    assert answer.json["error"]["code"] == -32602
    assert scene.upstreams.arrived == []


async def test_g15_thousands_of_abandoned_sessions_leave_little_behind() -> None:
    scene = McpScene()
    token = scene.token()
    for _ in range(50):
        await scene.open_session("/mcp", token)
    sessions = scene.endpoint._legacy._sessions
    assert len(sessions._opened) + len(sessions._ended) + len(sessions._in_flight) + len(sessions._questions) == 0


async def test_tasks_are_neither_offered_nor_accepted() -> None:
    """G21 needs an owner for each task; until then no task can be made."""
    scene = McpScene()
    greet(scene, capabilities={"tools": {}, "tasks": {"list": {}}})
    token = scene.token("files")
    said = {"protocolVersion": LEGACY, "capabilities": {"tasks": {}, "roots": {}}, "clientInfo": {"name": "c"}}
    answer = await scene.legacy("/mcp/files", token, None, "initialize", said)
    assert answer.json["result"]["capabilities"] == {"tools": {}}
    assert scene.upstreams.arrived[-1].params["capabilities"] == {"roots": {}}
    session = answer.headers[b"mcp-session-id"]
    refused = await scene.legacy("/mcp/files", token, session, "tools/call", CALL | {"task": {"ttl": 1}})
    assert refused.json["error"]["code"] == -32602


# messages without a reply -----------------------------------------------------------------------------------------
async def test_a_notification_reaches_the_session_s_server_and_is_on_record() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    answer = await scene.legacy("/mcp/files", token, session, "notifications/initialized", id=None)
    assert (answer.status, answer.body) == (202, b"")
    assert scene.upstreams.notified == [("files", {"jsonrpc": "2.0", "method": "notifications/initialized"})]
    assert scene.ledger.of_kind(RecordKind.INTENT)[-1]["action"] == "notifications/initialized"


async def test_a_notification_that_policy_denies_is_no_success() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    scene.policy.forbid("notifications/initialized")
    assert (await scene.legacy("/mcp/files", token, session, "notifications/initialized", id=None)).status == 403
    assert scene.upstreams.notified == []


def asks(question: dict[str, Any], until: asyncio.Event) -> Any:
    async def answer(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(Message(orjson.dumps(question)))
        await until.wait()
        return Reply("result", b'{"content":[]}', OutcomeStatus.OK)

    return answer


async def test_an_answer_to_a_server_s_question_finds_its_way_back_once() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    done = asyncio.Event()
    question = {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {"message": "?"}}
    scene.upstreams.answers["files", "tools/call"] = asks(question, done)
    http = scene.http("/mcp/files", *legacy_request(token, session, "tools/call", CALL))
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": {"action": "accept"}})
    headers: dict[bytes, bytes | None] = {b"authorization": token, b"mcp-session-id": session}
    async with scene.running(http) as (stream, task):
        await stream.until(1)
        assert stream.messages[0] == question
        assert (await scene.send("/mcp/files", body, headers)).status == 202
        assert scene.upstreams.notified[-1][1] == orjson.loads(body)
        assert (await scene.send("/mcp/files", body, headers)).status == 400
        done.set()
        await task
    assert stream.messages[-1]["id"] == 1
    assert stream.ended


async def test_an_answer_nobody_asked_this_session_for_is_refused() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    done = asyncio.Event()
    question = {"jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage", "params": {}}
    scene.upstreams.answers["files", "tools/call"] = asks(question, done)
    mine = scene.http("/mcp/files", *legacy_request(token, session, "tools/call", CALL))
    other = await scene.open_session("/mcp/files", token)
    body = orjson.dumps({"jsonrpc": "2.0", "id": "q", "result": {}})
    async with scene.running(mine) as (stream, _):
        await stream.until(1)
        theirs: dict[bytes, bytes | None] = {b"authorization": token, b"mcp-session-id": other}
        assert (await scene.send("/mcp/files", body, theirs)).status == 400
        assert scene.upstreams.notified == []


# G11 --------------------------------------------------------------------------------------------------------------
def hangs(started: asyncio.Event, until: asyncio.Event) -> Any:
    async def answer(_: Arrived, __: Sink) -> Reply:
        started.set()
        await until.wait()
        return Reply("result", b'{"content":[]}', OutcomeStatus.OK)

    return answer


async def test_g11_legacy_a_disconnect_does_not_cancel() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    started, done = asyncio.Event(), asyncio.Event()
    scene.upstreams.answers["files", "tools/call"] = hangs(started, done)
    async with scene.running(scene.http("/mcp/files", *legacy_request(token, session, "tools/call", CALL))) as (
        answer,
        task,
    ):
        await started.wait()
        assert answer.detached
        done.set()
        await task
    assert scene.upstreams.cancelled == []
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[-1]["status"] == "ok"


async def test_g11_legacy_notifications_cancelled_cancels_and_only_within_its_session() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    other = await scene.open_session("/mcp/files", token)
    started, done = asyncio.Event(), asyncio.Event()
    scene.upstreams.answers["files", "tools/call"] = hangs(started, done)
    request = legacy_request(token, session, "tools/call", CALL, id=7)
    async with scene.running(scene.http("/mcp/files", *request)) as (answer, task):
        await started.wait()
        cancel = {"requestId": 7}
        assert (
            await scene.legacy("/mcp/files", token, other, "notifications/cancelled", cancel, id=None)
        ).status == 202
        assert (
            await scene.legacy("/mcp/files", token, session, "notifications/cancelled", {"requestId": "7"}, id=None)
        ).status == 202
        assert not task.done()
        assert (
            await scene.legacy("/mcp/files", token, session, "notifications/cancelled", cancel, id=None)
        ).status == 202
        await task
    assert answer.ended
    assert answer.messages == []
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[-1]["status"] == "cancelled"


async def test_g22b_a_request_id_in_flight_is_not_given_twice_in_one_session() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    other = await scene.open_session("/mcp/files", token)
    started, done = asyncio.Event(), asyncio.Event()
    scene.upstreams.answers["files", "tools/call"] = hangs(started, done)
    request = legacy_request(token, session, "tools/call", CALL, id=7)
    async with scene.running(scene.http("/mcp/files", *request)) as (_, task):
        await started.wait()
        again = await scene.send("/mcp/files", *request)
        assert (again.status, again.json["id"]) == (400, 7)
        done.set()
        assert (await scene.legacy("/mcp/files", token, other, "tools/call", CALL, id=7)).status == 200
        await task
    assert (await scene.send("/mcp/files", *request)).status == 200


# G14 --------------------------------------------------------------------------------------------------------------
async def test_g14_priming_event_retry_and_early_end_reach_the_client() -> None:
    scene = McpScene()
    token, session = await opened(scene)

    async def polls(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(Message(b"", "up-1", 500))
        return Reply("result", b"", OutcomeStatus.DETACHED)

    scene.upstreams.answers["files", "tools/call"] = polls
    answer = await scene.legacy("/mcp/files", token, session, "tools/call", CALL)
    assert answer.ended
    event_id = answer.frames[0].split(b"\n")[0].removeprefix(b"id: ")
    assert answer.frames == [b"id: " + event_id + b"\nretry: 500\ndata: \n\n"]
    await resume(scene, token, session, event_id)
    assert scene.upstreams.listened == [("files", "up-1")]


async def resume(scene: McpScene, token: bytes, session: bytes, event_id: bytes) -> Any:
    headers: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-session-id": session,
        b"accept": b"text/event-stream",
        b"last-event-id": event_id,
    }
    return await scene.send("/mcp/files", b"", headers, b"GET")


async def test_g14_a_resumed_stream_delivers_the_late_reply() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    late = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}

    async def rest(sink: Sink) -> None:
        await sink.interim(Message(orjson.dumps(late), "up-2"))

    async def primes(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(Message(b"", "up-1"))
        return Reply("result", b"", OutcomeStatus.DETACHED)

    scene.upstreams.answers["files", "tools/call"], scene.upstreams.streams["files"] = primes, rest
    first = await scene.legacy("/mcp/files", token, session, "tools/call", CALL)
    event_id = first.frames[0].split(b"\n")[0].removeprefix(b"id: ")
    resumed = await resume(scene, token, session, event_id)
    assert resumed.messages == [late]
    assert resumed.ended


async def test_g14_another_session_s_event_id_replays_nothing() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    other = await scene.open_session("/mcp/files", token)

    async def primes(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(Message(b"", "up-1"))
        return Reply("result", b"", OutcomeStatus.DETACHED)

    scene.upstreams.answers["files", "tools/call"] = primes
    first = await scene.legacy("/mcp/files", token, session, "tools/call", CALL)
    event_id = first.frames[0].split(b"\n")[0].removeprefix(b"id: ")
    for presented in (event_id, b"up-1", b""):
        assert (await resume(scene, token, other, presented)).status == 400
    assert scene.upstreams.listened == []
    assert (await resume(scene, token, session, event_id)).status == 200


async def test_g14_the_standing_stream_opens_at_once_and_ends_with_its_grant() -> None:
    scene = McpScene()
    token, session = await opened(scene)

    async def silent(_: Sink) -> None:
        await asyncio.Event().wait()

    scene.upstreams.streams["files"] = silent
    headers: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-session-id": session,
        b"accept": b"text/event-stream",
    }
    async with scene.running(scene.http("/mcp/files", b"", headers, b"GET")) as (stream, task):
        await stream.progressed.wait()
        assert stream.streaming
        scene.calls.end("grant-0", Reason.GRANT_ENDED)
        await task
    assert stream.ended
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[-1]["status"] == "revoked"


async def test_g14_a_server_without_a_standing_stream_leaves_ours() -> None:
    scene = McpScene()
    token, session = await opened(scene)

    async def refuses(_: Sink) -> None:
        await scene.changes.asked(1)
        raise refuse(Reason.METHOD_NOT_ALLOWED)

    scene.upstreams.streams["files"] = refuses
    headers: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-session-id": session,
        b"accept": b"text/event-stream",
    }
    async with scene.running(scene.http("/mcp/files", b"", headers, b"GET")) as (stream, task):
        await scene.changes.asked(2)
        scene.policy.forbid("files/search")
        await scene.change_catalog(*scene.catalog.servers.values())
        await stream.until(1)
        assert stream.messages == [{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}]
        assert not task.done()
