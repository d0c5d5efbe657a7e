"""CVE-2026-108586 (1MCP: a `not tag` filter returned tools outside the scope): what a client asks for may only take
away from what its grant and policy show, and a list grants nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from remit.core.scope import OneTool
from tests.attack.scene import Door, Gains
from tests.scenes.mcp import McpScene, modern_request

FILTERS: list[dict[str, Any]] = [
    {"filter": "not tag"}, {"tags": []}, {"tags": ["!files"]}, {"filter": {"not": {"tag": "x"}}}, {"preset": "all"},
    {"server": "git"}, {"servers": ["*"]}, {"scope": "*"}, {"include": ["*"], "exclude": []}, {"name": "git_log"},
]  # fmt: skip
QUERIES = [b"?filter=not+tag", b"?tags=!x", b"?preset=all", b"?scope=*", b"?server=git"]


async def filters_that_widen(_: Path) -> Gains:
    scene = McpScene()
    scene.policy.permit("files/delete_file")
    token = scene.token(scopes=frozenset({OneTool("files", "read_file")}))
    door = Door(scene)
    gains: Gains = []
    for params in [{}, *FILTERS]:
        for query in (b"", *QUERIES):
            body, headers = modern_request(token, "tools/list", params)
            answer = await door.ask(b"/mcp" + query, headers, body)
            shown = [tool["name"] for tool in answer.json["result"]["tools"]]
            gains += [f"{params}{query!r} showed {name}" for name in shown if name != "read_file"]
            assert "read_file" in shown
    return gains


async def calling_what_was_not_listed(_: Path) -> Gains:
    """The list is no gate: the call is decided again."""
    scene = McpScene()
    scene.policy.permit("files/delete_file")
    token = scene.token(scopes=frozenset({OneTool("files", "read_file")}))
    for name in ("delete_file", "git_log"):
        await scene.modern("/mcp", token, "tools/call", {"name": name, "arguments": {}})
    gains = [f"{found.params['name']} ran" for found in scene.upstreams.arrived]
    await scene.modern("/mcp", token, "tools/call", {"name": "read_file", "arguments": {}})
    assert scene.upstreams.arrived[-1].params["name"] == "read_file"
    return gains


async def test_no_filter_shows_more_than_the_grant() -> None:
    assert await filters_that_widen(Path()) == []


async def test_what_is_not_listed_cannot_be_called() -> None:
    assert await calling_what_was_not_listed(Path()) == []
