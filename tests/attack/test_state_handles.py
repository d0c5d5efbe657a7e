"""State handle hijacking (MCP 2026-07-28, security best practices): cursors, `requestState` and event ids, presented by
somebody they were not given to. Having a handle is no authority; each is sealed to its grant, endpoint and request.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from remit.adapters.sealer.aead import AeadSealer
from remit.core.ledger import OutcomeStatus
from remit.core.secret import Secret
from remit.ports.upstream import Message, Sink
from remit.surfaces.mcp.walks import EndpointSettings
from remit.testing.clock import FakeEntropy
from remit.testing.upstream import replies
from tests.attack.scene import CALL, Gains
from tests.scenes.mcp import LEGACY, URL, McpScene, legacy_request, opened

ASKS = {"resultType": "input_required", "inputRequests": {"a": {}}, "requestState": "state-of-the-victim"}


def a_scene(**settings: int) -> McpScene:
    return McpScene(
        EndpointSettings(URL, **settings),  # type: ignore[arg-type]
        sealer=AeadSealer([Secret(b"k" * 32)], FakeEntropy()),
    )


async def another_grant_s_cursor(_: Path) -> Gains:
    """And the cursor of another endpoint and of another list of one's own."""
    scene = a_scene(page_items_max=1)
    victim, attacker, shared = scene.token("files"), scene.token("files", subject="mallory"), scene.token()
    first = await scene.modern("/mcp/files", victim, "tools/list")
    cursor = {"cursor": first.json["result"]["nextCursor"]}
    gains: Gains = []
    for token, path, method in (
        (attacker, "/mcp/files", "tools/list"),
        (shared, "/mcp", "tools/list"),
        (victim, "/mcp/files", "resources/list"),
    ):
        answer = await scene.modern(path, token, method, cursor)
        if answer.status != 400:
            gains.append(f"{method} at {path} continued at another's cursor: {answer.body!r}")
    assert (await scene.modern("/mcp/files", victim, "tools/list", cursor)).status == 200
    return gains


async def another_grant_s_request_state(_: Path) -> Gains:
    """And one's own state with other arguments: an approval must not be carried to another call."""
    scene = a_scene()
    asking = replies(orjson.dumps(ASKS), status=OutcomeStatus.INPUT_REQUIRED)
    scene.upstreams.answers["files", "tools/call"] = asking
    victim, attacker = scene.token("files"), scene.token("files", subject="mallory")
    given = (await scene.modern("/mcp/files", victim, "tools/call", CALL)).json["result"]["requestState"]
    retry = CALL | {"requestState": given}
    before = len(scene.upstreams.arrived)
    await scene.modern("/mcp/files", attacker, "tools/call", retry)
    await scene.modern("/mcp/files", victim, "tools/call", retry | {"arguments": {"path": "/etc/shadow"}})
    gains = ["a state went where it was not given"] * (len(scene.upstreams.arrived) - before)
    assert (await scene.modern("/mcp/files", victim, "tools/call", retry)).status == 200
    assert scene.upstreams.arrived[-1].params["requestState"] == "state-of-the-victim"
    return gains


async def another_session_s_event_id(_: Path) -> Gains:
    """Last-Event-ID of one session's stream, replayed in another session of the same server."""
    scene = a_scene()
    victim, session = await opened(scene)
    attacker = scene.token("files", subject="mallory")
    stranger = await scene.open_session("/mcp/files", attacker)

    async def speaks(sink: Sink) -> None:
        await sink.interim(Message(b'{"jsonrpc":"2.0","method":"notifications/message","params":{}}', "event-7"))

    scene.upstreams.streams["files"] = speaks
    listen = {b"mcp-protocol-version": LEGACY.encode(), b"accept": b"text/event-stream"}
    _, headers = legacy_request(victim, session, "ping")
    stream = await scene.send("/mcp/files", b"", headers | listen, b"GET")
    lines = [line for frame in stream.frames for line in frame.split(b"\n") if line.startswith(b"id: ")]
    event_id = lines[-1].removeprefix(b"id: ")
    scene.upstreams.listened.clear()
    _, theirs = legacy_request(attacker, stranger, "ping")
    await scene.send("/mcp/files", b"", theirs | listen | {b"last-event-id": event_id}, b"GET")
    gains = [f"replayed {event} for a stranger" for _, event in scene.upstreams.listened if event]
    await scene.send("/mcp/files", b"", headers | listen | {b"last-event-id": event_id}, b"GET")
    assert scene.upstreams.listened[-1] == ("files", "event-7")
    return gains


async def test_a_cursor_continues_only_its_own_grant_s_list() -> None:
    assert await another_grant_s_cursor(Path()) == []


async def test_a_request_state_goes_back_only_with_its_own_request() -> None:
    assert await another_grant_s_request_state(Path()) == []


async def test_an_event_id_resumes_only_its_own_session_s_stream() -> None:
    assert await another_session_s_event_id(Path()) == []
