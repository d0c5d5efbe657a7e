"""G15 legacy sessions and the legacy half of G11 and G14: at the endpoint, on fakes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from remit.core.catalog import Era
from remit.core.grant import GrantEvent
from remit.core.reasons import Reason
from tests.scenes.mcp import DISCOVERY, LEGACY, McpScene, greet, legacy_request, opened

CALL = {"name": "read_file", "arguments": {"path": "/a"}}


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


async def test_g15_delete_on_the_shared_endpoint_ends_the_session_at_every_server_of_the_tenant() -> None:
    scene = McpScene()
    token = scene.token()
    session = await scene.open_session("/mcp", token)
    headers: dict[bytes, bytes | None] = {b"authorization": token, b"mcp-session-id": session}
    assert (await scene.send("/mcp", b"", headers, b"DELETE")).status == 200
    closed = {server for server, _, _ in scene.upstreams.closed}
    assert closed == {name for name, server in scene.catalog.servers.items() if "acme" in server.tenants}
    assert "payroll" not in closed
    assert (await scene.legacy("/mcp", token, session, "tools/list")).status == 404


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


@pytest.mark.parametrize(
    "said",
    [
        {"protocolVersion": 1}, {"protocolVersion": None}, {"capabilities": []}, {"capabilities": None},
        {"clientInfo": []}, {"clientInfo": "test"}, {"clientInfo": None},
    ],
)  # fmt: skip
async def test_g15_an_initialize_that_says_something_else_opens_nothing(said: dict[str, Any]) -> None:
    scene = McpScene()
    greet(scene)
    token = scene.token("files")
    usual = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    answer = await scene.legacy("/mcp/files", token, None, "initialize", usual | said)
    assert answer.json["error"]["code"] == -32602
    assert b"mcp-session-id" not in answer.headers
    assert scene.upstreams.arrived == []
    assert b"mcp-session-id" in (await scene.legacy("/mcp/files", token, None, "initialize", usual)).headers


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
