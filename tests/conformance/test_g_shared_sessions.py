"""Legacy sessions on `/mcp`, which are Remit's own: G1, G4, G7, G13: on fakes."""

from __future__ import annotations

import pytest

from tests.scenes.mcp import LEGACY, McpScene

CALL = {"name": "read_file", "arguments": {"path": "/a"}}


@pytest.mark.parametrize(("asked", "agreed"), [("2025-06-18", "2025-06-18"), ("2024-11-05", LEGACY), ("v999", LEGACY)])
async def test_g1_on_the_shared_endpoint_initialize_is_remit_s_own_and_agrees_on_a_version_it_serves(
    asked: str, agreed: str
) -> None:
    scene = McpScene()
    said = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}
    answer = await scene.legacy("/mcp", scene.token(), None, "initialize", said)
    result = answer.json["result"]
    assert (result["protocolVersion"], result["serverInfo"]["name"]) == (agreed, "remit")
    assert result["capabilities"]["tools"] == {"listChanged": True}
    assert "logging" not in result["capabilities"]
    assert scene.upstreams.arrived == []


async def test_g4_a_shared_legacy_session_lists_calls_and_pings() -> None:
    scene = McpScene()
    token = scene.token()
    session = await scene.open_session("/mcp", token)
    tools = (await scene.legacy("/mcp", token, session, "tools/list")).json["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["read_file", "files.search", "git_log", "git.search"]
    called = await scene.legacy("/mcp", token, session, "tools/call", {"name": "git.search", "arguments": {}})
    assert (called.status, scene.upstreams.arrived[-1].server) == (200, "git")
    assert (await scene.legacy("/mcp", token, session, "ping")).json["result"] == {}
    assert (await scene.legacy("/mcp", token, session, "notifications/initialized", id=None)).status == 202
    assert scene.upstreams.notified == []


async def test_g7_a_shared_session_invites_no_question_that_could_reach_the_wrong_server() -> None:
    scene = McpScene()
    token = scene.token()
    said = {"protocolVersion": LEGACY, "capabilities": {"sampling": {}, "elicitation": {}, "roots": {}, "x": {}}}
    session = (await scene.legacy("/mcp", token, None, "initialize", said)).headers[b"mcp-session-id"]
    await scene.legacy("/mcp", token, session, "tools/call", CALL)
    assert scene.upstreams.arrived[-1].request.capabilities == {"x": {}}


async def test_g13_a_shared_standing_stream_tells_of_changed_lists() -> None:
    scene = McpScene()
    token = scene.token()
    session = await scene.open_session("/mcp", token)
    headers: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-session-id": session,
        b"accept": b"text/event-stream",
    }
    async with scene.running(scene.http("/mcp", b"", headers, b"GET")) as (stream, _):
        await scene.changes.asked(1)
        assert (stream.streaming, stream.frames) == (True, [])
        scene.policy.forbid("files/search")
        await scene.change_catalog(*scene.catalog.servers.values())
        await stream.until(1)
        assert stream.messages == [{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}]
