"""Legacy sessions at work: notifications, questions and answers, G11 cancellation, G14 streams: on fakes."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from remit.core.access import AccessRequest, Verdict
from remit.core.errors import refuse
from remit.core.ledger import OutcomeStatus, RecordKind
from remit.core.reasons import Reason
from remit.ports.upstream import Message, Reply, Sink
from remit.testing.upstream import Arrived, FakeUpstreams
from tests.scenes.mcp import McpScene, legacy_request, opened

CALL = {"name": "read_file", "arguments": {"path": "/a"}}


# messages without a reply -----------------------------------------------------------------------------------------
async def test_a_notification_reaches_the_session_s_server_and_is_on_record() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    answer = await scene.legacy("/mcp/files", token, session, "notifications/initialized", id=None)
    assert (answer.status, answer.body) == (202, b"")
    assert scene.upstreams.notified == [("files", {"jsonrpc": "2.0", "method": "notifications/initialized"})]
    assert scene.ledger.of_kind(RecordKind.INTENT)[-1]["action"] == "notifications/initialized"


async def test_a_notification_that_means_nothing_here_is_acknowledged_and_goes_nowhere() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    scene.policy.permit("notifications/unheard_of")
    answer = await scene.legacy("/mcp/files", token, session, "notifications/unheard_of", id=None)
    assert (answer.status, answer.body) == (202, b"")
    assert scene.upstreams.notified == []


async def test_a_notification_that_policy_denies_is_no_success() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    scene.policy.forbid("notifications/initialized")
    assert (await scene.legacy("/mcp/files", token, session, "notifications/initialized", id=None)).status == 403
    assert scene.upstreams.notified == []


async def test_a_bug_on_the_way_is_recorded_as_failed_and_never_as_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = McpScene()
    token, session = await opened(scene)

    async def bug(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(FakeUpstreams, "notify", bug)
    with pytest.raises(ZeroDivisionError):
        await scene.legacy("/mcp/files", token, session, "notifications/initialized", id=None)
    outcome = scene.ledger.of_kind(RecordKind.OUTCOME)[-1]
    assert (outcome["status"], outcome["reason"]) == ("failed", "internal")
    assert scene.credentials.released == scene.credentials.lent


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


async def test_g15_delete_cancels_the_session_s_own_calls_and_ends_their_streams() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    started = asyncio.Event()
    scene.upstreams.answers["files", "tools/call"] = hangs(started, asyncio.Event())
    request = legacy_request(token, session, "tools/call", CALL)
    async with scene.running(scene.http("/mcp/files", *request)) as (answer, task):
        await started.wait()
        headers = {b"authorization": token, b"mcp-session-id": session, b"content-type": None, b"accept": None}
        assert (await scene.send("/mcp/files", b"", headers, b"DELETE")).status == 200
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


@pytest.mark.parametrize(("permitted", "status", "told"), [(False, 403, 0), (True, 200, 1)])
async def test_g14_a_standing_stream_tells_nothing_before_it_is_permitted(
    permitted: bool, status: int, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = McpScene()
    token, session = await opened(scene)
    decide, asked, go = scene.policy.evaluate, asyncio.Event(), asyncio.Event()

    async def slowly(request: AccessRequest) -> Verdict:
        asked.set()
        await go.wait()
        return await decide(request)

    async def silent(_: Sink) -> None:
        await asyncio.Event().wait()

    scene.upstreams.streams["files"] = silent
    monkeypatch.setattr(scene.policy, "evaluate", slowly)
    if not permitted:
        scene.policy.forbid("session/stream")
    headers: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-session-id": session,
        b"accept": b"text/event-stream",
    }
    async with scene.running(scene.http("/mcp/files", b"", headers, b"GET")) as (stream, task):
        await asked.wait()
        scene.policy.forbid("files/search")
        await scene.change_catalog(*scene.catalog.servers.values())
        for _ in range(50):
            await asyncio.sleep(0)
        assert (stream.frames, stream.streaming) == ([], False)
        go.set()
        if permitted:
            await scene.changes.asked(1)
            scene.policy.forbid("files/read_file")
            await scene.change_catalog(*scene.catalog.servers.values())
            await stream.until(1)
        else:
            await task
        assert (stream.status, len(stream.frames)) == (status, told)


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
