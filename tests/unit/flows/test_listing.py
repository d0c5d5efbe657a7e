"""Which servers a list speaks for, whose it is, and that it is on record before it is shown."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.scope import OneTool, WholeServer
from tests.scenes.mcp import McpScene, modern_request, opened


async def test_a_grant_that_reaches_no_server_sees_an_empty_list_and_no_error() -> None:
    scene = McpScene()
    token = scene.token(scopes=frozenset({WholeServer("gone")}))
    answer = await scene.modern("/mcp", token, "tools/list")
    assert answer.json["result"]["tools"] == []


async def test_the_same_grant_sees_the_tools_of_a_server_it_reaches() -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp", scene.token(), "tools/list")
    assert {tool["name"] for tool in answer.json["result"]["tools"]} == {
        "read_file", "git_log", "files.search", "git.search",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/mcp", "tools/list"), ("/mcp/files", "resources/list"), ("/mcp", "server/discover"),
        ("/mcp/files", "server/discover"), ("/mcp", "subscriptions/listen"),
    ],
)  # fmt: skip
async def test_nothing_is_shown_before_its_record_is_durable(path: str, method: str) -> None:
    scene = McpScene()
    token = scene.token(path.removeprefix("/mcp").removeprefix("/"))
    scene.ledger.hold_sync()
    wanted = {"notifications": {"toolsListChanged": True}}
    async with scene.running(scene.http(path, *modern_request(token, method, wanted))) as (answer, task):
        await asyncio.wait([task], timeout=0.05)
        assert (task.done(), answer.status, answer.body) == (False, 0, b"")
        assert scene.ledger.records != []
        scene.ledger.release_sync()
        await answer.until(1) if method == "subscriptions/listen" else await task
        assert answer.status == 200


async def test_a_session_s_list_is_not_shown_before_its_record_is_durable() -> None:
    scene = McpScene()
    token, session = await opened(scene)
    scene.ledger.hold_sync()
    listing = asyncio.create_task(scene.legacy("/mcp/files", token, session, "tools/list"))
    assert (await asyncio.wait([listing], timeout=0.05))[0] == set()
    scene.ledger.release_sync()
    assert (await listing).status == 200


async def test_a_list_is_not_kept_for_another_grant_of_the_same_id() -> None:
    scene = McpScene()
    seen = []
    for name in ("read_file", "search"):
        token = scene.token("files", grant="grt_1", scopes=frozenset({OneTool("files", name)}))
        answer = await scene.modern("/mcp/files", token, "tools/list")
        seen.append([tool["name"] for tool in answer.json["result"]["tools"]])
        scene.grants.remove("grt_1")
    assert seen == [["read_file"], ["search"]]
