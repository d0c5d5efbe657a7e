"""G11 cancellation, G12 progress, G13 subscriptions, G14 streams of the modern era: at the endpoint, on fakes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

from remit.core.access import AccessRequest, Verdict
from remit.core.catalog import ItemKind
from remit.core.errors import refuse
from remit.core.ledger import OutcomeStatus, RecordKind
from remit.core.reasons import Reason
from remit.ports.upstream import Message, Reply, Sink
from remit.surfaces.mcp.endpoint import McpEndpoint
from remit.testing.policy import FakePolicy
from remit.testing.upstream import Arrived
from tests.scenes.mcp import FILES, GIT, McpScene, item, modern_request, with_items
from tests.scenes.responder import FakeResponder

CALL = {"name": "read_file", "arguments": {}}
TAG = "io.modelcontextprotocol/subscriptionId"


def message(method: str, **params: Any) -> Message:
    return Message(orjson.dumps({"jsonrpc": "2.0", "method": method, "params": params}))


def sends(*messages: Message, result: bytes = b'{"content":[]}') -> Any:
    async def answer(_: Arrived, sink: Sink) -> Reply:
        for each in messages:
            await sink.interim(each)
        return Reply("result", result, OutcomeStatus.OK)

    return answer


# G11 --------------------------------------------------------------------------------------------------------------
async def test_g11_modern_a_disconnect_cancels_the_call_upstream_at_once() -> None:
    scene = McpScene()
    started = asyncio.Event()

    async def hangs(_: Arrived, __: Sink) -> Reply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    scene.upstreams.answers["files", "tools/call"] = hangs
    token = scene.token("files")
    async with scene.running(scene.http("/mcp/files", *modern_request(token, "tools/call", CALL))) as (answer, _):
        await started.wait()
        assert not answer.detached
    assert len(scene.upstreams.cancelled) == 1
    assert scene.ledger.of_kind(RecordKind.OUTCOME)[-1]["status"] == "cancelled"
    assert scene.credentials.released == scene.credentials.lent


async def test_g11_the_grant_s_end_cancels_and_says_why() -> None:
    scene = McpScene()
    started = asyncio.Event()

    async def hangs(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(message("notifications/progress", progressToken=1, progress=1))
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    scene.upstreams.answers["files", "tools/call"] = hangs
    token = scene.token("files")
    async with scene.running(scene.http("/mcp/files", *modern_request(token, "tools/call", CALL))) as (answer, task):
        await started.wait()
        scene.calls.end("grant-0", Reason.GRANT_ENDED)
        await task
    assert answer.messages[-1]["error"]["data"]["reason"] == "grant_ended"
    assert answer.ended


# G12 --------------------------------------------------------------------------------------------------------------
async def test_g12_progress_passes_with_its_own_token_before_the_result_and_in_order() -> None:
    scene = McpScene()
    told = [message("notifications/progress", progressToken="progress-test-1", progress=step) for step in range(3)]
    scene.upstreams.answers["files", "tools/call"] = sends(*told)
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert [found["params"]["progress"] for found in answer.messages[:3]] == [0, 1, 2]
    assert {found["params"]["progressToken"] for found in answer.messages[:3]} == {"progress-test-1"}
    assert answer.messages[3] == {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
    assert answer.ended


async def test_g12_progress_is_thinned_out_when_there_is_too_much_of_it_and_nothing_else_is() -> None:
    scene = McpScene()
    told = [message("notifications/progress", progressToken=1, progress=step) for step in range(500)]
    scene.upstreams.answers["files", "tools/call"] = sends(
        *told, message("notifications/message", level="info", data="x")
    )
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    methods = [found.get("method") for found in answer.messages]
    assert methods.count("notifications/progress") == 100
    assert methods[-2:] == ["notifications/message", None]


async def test_g12_every_call_has_a_deadline_that_progress_does_not_move() -> None:
    scene = McpScene()
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert scene.calls.deadlines_s == [300.0]


# G13 --------------------------------------------------------------------------------------------------------------
def listens(*messages: Message, until: asyncio.Event | None = None) -> Any:
    async def answer(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(message("notifications/subscriptions/acknowledged", notifications={}, _meta={TAG: 4711}))
        for each in messages:
            await sink.interim(each)
        await (until or asyncio.Event()).wait()
        return Reply("result", orjson.dumps({"resultType": "complete", "_meta": {TAG: 4711}}), OutcomeStatus.OK)

    return answer


@pytest.mark.parametrize("id", [1763600000000, "listen-1"])
async def test_g13_the_stream_acknowledges_first_and_every_message_bears_the_client_s_id(id: Any) -> None:
    scene = McpScene()
    done = asyncio.Event()
    done.set()
    changed = message("notifications/tools/list_changed", _meta={TAG: 4711})
    scene.upstreams.answers["files", "subscriptions/listen"] = listens(changed, until=done)
    wanted = {"notifications": {"toolsListChanged": True}}
    answer = await scene.modern("/mcp/files", scene.token("files"), "subscriptions/listen", wanted, id=id)
    assert [found.get("method") for found in answer.messages] == [
        "notifications/subscriptions/acknowledged", "notifications/tools/list_changed", None,
    ]  # fmt: skip
    assert [found["params"]["_meta"][TAG] for found in answer.messages[:2]] == [id, id]
    assert answer.messages[2]["result"]["_meta"][TAG] == answer.messages[2]["id"] == id


async def test_g13_only_what_the_filter_asked_for_is_told() -> None:
    scene = McpScene()
    done = asyncio.Event()
    done.set()
    told = (
        message("notifications/tools/list_changed"),
        message("notifications/prompts/list_changed"),
        message("notifications/resources/updated", uri="file:///readme"),
        message("notifications/resources/updated", uri="file:///other"),
        Message(b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}'),
    )
    scene.upstreams.answers["files", "subscriptions/listen"] = listens(*told, until=done)
    wanted = {"notifications": {"promptsListChanged": True, "resourceSubscriptions": ["file:///readme"]}}
    answer = await scene.modern("/mcp/files", scene.token("files"), "subscriptions/listen", wanted)
    assert [found.get("params", {}).get("uri") or found.get("method") for found in answer.messages[1:-1]] == [
        "notifications/prompts/list_changed", "file:///readme",
    ]  # fmt: skip


async def test_g13_a_resource_the_grant_may_not_read_is_left_out_of_the_filter() -> None:
    scene = McpScene()
    done = asyncio.Event()
    done.set()
    scene.policy.permit("resources/subscribe", None)
    scene.upstreams.answers["files", "subscriptions/listen"] = listens(until=done)
    wanted = {"notifications": {"resourceSubscriptions": ["file:///readme", "file:///../etc/passwd"]}}
    await scene.modern("/mcp/files", scene.token("files"), "subscriptions/listen", wanted)
    assert scene.upstreams.arrived[-1].params["notifications"] == {"resourceSubscriptions": ["file:///readme"]}
    assert scene.ledger.of_kind(RecordKind.DENIAL)[-1]["reason"] == "args_path"


async def test_g13_a_resource_of_which_nobody_knows_is_an_outage_and_not_left_out_of_the_filter() -> None:
    class Away(FakePolicy):
        async def evaluate(self, request: AccessRequest) -> Verdict:
            if request.action == "resources/subscribe":
                raise refuse(Reason.INTERNAL, "the engine is away")
            return await super().evaluate(request)

    scene = McpScene()
    scene.walk = replace(scene.walk, policy=Away("subscriptions/listen"))
    scene.endpoint = McpEndpoint(scene.walk, scene.sealer, scene.changes, scene.settings)
    wanted = {"notifications": {"resourceSubscriptions": ["file:///readme"]}}
    answer = await scene.modern("/mcp/files", scene.token("files"), "subscriptions/listen", wanted)
    assert answer.json["error"]["data"]["io.remit/outage"]["reason"] == "internal"
    assert scene.upstreams.arrived == []


async def test_g13_a_subscription_that_its_server_ended_leaves_nothing_watching() -> None:
    scene = McpScene()
    done = asyncio.Event()
    scene.upstreams.answers["files", "subscriptions/listen"] = listens(until=done)
    wanted = {"notifications": {"toolsListChanged": True}}
    request = scene.http("/mcp/files", *modern_request(scene.token("files"), "subscriptions/listen", wanted))
    others = asyncio.all_tasks()
    async with scene.running(request) as (_, task):
        await scene.changes.asked(1)
        assert len(watching := asyncio.all_tasks() - others - {task}) > 0
        done.set()
        await task
        assert (await asyncio.wait(watching, timeout=1))[1] == set()


async def test_g13_nothing_is_told_before_the_acknowledgement() -> None:
    scene = McpScene()

    async def hasty(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(message("notifications/tools/list_changed"))
        await sink.interim(message("notifications/subscriptions/acknowledged", notifications={}))
        return Reply("result", b"{}", OutcomeStatus.OK)

    scene.upstreams.answers["files", "subscriptions/listen"] = hasty
    wanted = {"notifications": {"toolsListChanged": True}}
    answer = await scene.modern("/mcp/files", scene.token("files"), "subscriptions/listen", wanted)
    assert answer.messages[0]["method"] == "notifications/subscriptions/acknowledged"


async def until_told(scene: McpScene, stream: FakeResponder, frames: int) -> list[str]:
    await stream.until(frames)
    return [found.get("method", "result") for found in stream.messages]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/files"])
async def test_g13_a_change_of_policy_is_told_on_the_filtered_stream(path: str) -> None:
    scene = McpScene()
    scene.upstreams.answers["files", "subscriptions/listen"] = listens()
    token = scene.token(path.removeprefix("/mcp").removeprefix("/"))
    wanted = {"notifications": {"toolsListChanged": True, "promptsListChanged": True}}
    request = scene.http(path, *modern_request(token, "subscriptions/listen", wanted, id="l"))
    async with scene.running(request) as (stream, _):
        assert await until_told(scene, stream, 1) == ["notifications/subscriptions/acknowledged"]
        await scene.changes.asked(1)
        scene.policy.forbid("files/search")
        await scene.change_catalog(*scene.catalog.servers.values())
        assert (await until_told(scene, stream, 2))[1:] == ["notifications/tools/list_changed"]
        assert stream.messages[1]["params"]["_meta"][TAG] == "l"


async def test_g13_the_shared_stream_tells_of_a_changed_catalog_and_not_of_others_lists() -> None:
    scene = McpScene()
    wanted = {"notifications": {"toolsListChanged": True, "promptsListChanged": True}}
    request = scene.http("/mcp", *modern_request(scene.token(), "subscriptions/listen", wanted, id=9))
    async with scene.running(request) as (stream, _):
        await stream.until(1)
        assert stream.messages[0]["params"]["notifications"] == {"toolsListChanged": True, "promptsListChanged": True}
        await scene.changes.asked(1)
        await scene.change_catalog(FILES, with_items(GIT, *GIT.items.values(), item("git", ItemKind.PROMPT, "review")))
        assert (await until_told(scene, stream, 2))[1:] == ["notifications/prompts/list_changed"]


async def test_g13_a_subscription_lasts_as_long_as_its_grant() -> None:
    scene = McpScene()
    scene.upstreams.answers["files", "subscriptions/listen"] = listens()
    wanted = {"notifications": {"toolsListChanged": True}}
    request = scene.http("/mcp/files", *modern_request(scene.token("files"), "subscriptions/listen", wanted))
    async with scene.running(request) as (stream, task):
        await stream.until(1)
        assert scene.calls.deadlines_s == [3600.0]
        scene.calls.end("grant-0", Reason.GRANT_ENDED)
        await task
    assert stream.messages[-1]["error"]["data"]["reason"] == "grant_ended"


# G14 --------------------------------------------------------------------------------------------------------------
async def test_g14_a_server_that_only_replies_is_answered_in_json_and_one_that_speaks_first_in_events() -> None:
    scene = McpScene()
    token = scene.token("files")
    plain = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert (plain.headers[b"content-type"], plain.streaming) == (b"application/json", False)
    scene.upstreams.answers["files", "tools/call"] = sends(message("notifications/message", level="info", data="x"))
    told = await scene.modern("/mcp/files", token, "tools/call", CALL)
    assert (told.headers[b"content-type"], len(told.frames)) == (b"text/event-stream", 2)


async def test_g14_a_modern_stream_carries_no_request_and_nothing_malformed() -> None:
    scene = McpScene()
    scene.upstreams.answers["files", "tools/call"] = sends(
        Message(b'{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}}'),
        Message(b'{"jsonrpc":"2.0","id":9,"result":{}}'),
        Message(b'{"jsonrpc":"2.0","id":9,"method":"notifications/message","params":{}}'),
        Message(b'{"jsonrpc":"2.0","method":"tools/call","params":{}}'),
        Message(b"[]"),
        Message(b"not json"),
        Message(b"", "1"),
    )
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert (answer.streaming, answer.json) == (False, {"jsonrpc": "2.0", "id": 1, "result": {"content": []}})


async def test_g14_nothing_of_a_stream_leaves_before_its_intent_is_durable() -> None:
    scene = McpScene()
    speaking = asyncio.Event()

    async def speaks(_: Arrived, sink: Sink) -> Reply:
        speaking.set()
        await sink.interim(message("notifications/message", level="info", data="x"))
        return Reply("result", b"{}", OutcomeStatus.OK)

    scene.upstreams.answers["files", "tools/call"] = speaks
    token = scene.token("files")
    scene.ledger.hold_sync()
    async with scene.running(scene.http("/mcp/files", *modern_request(token, "tools/call", CALL))) as (answer, task):
        await speaking.wait()
        assert answer.status == 0
        scene.ledger.release_sync()
        await task
    assert len(answer.messages) == 2


async def test_g14_an_outage_in_the_middle_of_a_stream_ends_it_with_an_error() -> None:
    scene = McpScene()

    async def breaks(_: Arrived, sink: Sink) -> Reply:
        await sink.interim(message("notifications/message", level="info", data="x"))
        raise refuse(Reason.UPSTREAM_UNREACHABLE)

    scene.upstreams.answers["files", "tools/call"] = breaks
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert answer.messages[-1]["id"] == 1
    assert answer.messages[-1]["error"]["data"]["io.remit/outage"]["reason"] == "upstream_unreachable"
    assert answer.ended
