"""Which servers a list speaks for."""

from __future__ import annotations

from remit.core.scope import WholeServer
from tests.scenes.mcp import McpScene


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
