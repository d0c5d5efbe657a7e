"""CVE-2026-42271 and CVE-2026-30623 (LiteLLM: a "test connection" page ran `command`, `args` and `env` from its body),
CVE-2025-49596 (MCP Inspector: the same without a token), Smithery's build path: no request can name a program. What is
run comes from `remit.yaml` alone. `test_real_process.py` repeats this at a real port.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

from tests.attack.scene import CALL, Door, Gains, expect_served
from tests.scenes.mcp import McpScene

PAGES = [
    b"/mcp-rest/test/connection", b"/mcp-rest/test/tools/list", b"/mcp/test", b"/test-connection", b"/v1/mcp/server",
    b"/mcp/server", b"/servers", b"/api/servers", b"/admin/v1/servers", b"/stdio", b"/sse", b"/message", b"/mcp",
    b"/mcp/files", b"/register", b"/config", b"/api/mcp/connect", b"/token",
]  # fmt: skip
METHODS = ["initialize", "tools/call", "server/discover", "servers/add", "server/register", "ping"]


def commanding(marker: Path) -> dict[str, Any]:
    program = [sys.executable, "-c", f"open({str(marker)!r}, 'w')"]
    named = {"command": program[0], "args": program[1:], "env": {"PATH": "/usr/bin"}, "transport": "stdio"}
    return named | {"stdio": {"command": program}, "mcpServers": {"x": named}, "server": named, "url": "file:///bin/sh"}


async def a_body_that_names_a_program(folder: Path) -> Gains:
    """At every page such an endpoint has had elsewhere, with a token and without, as a plain body and as a message."""
    scene = McpScene()
    door, token = Door(scene), scene.token("files")
    marker = folder / "marker"
    named = commanding(marker)
    bodies = [orjson.dumps(named)]
    bodies += [
        orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": named | CALL | {"arguments": named}})
        for method in METHODS
    ]
    for page in PAGES:
        for body in bodies:
            for headers in ({b"authorization": token}, {b"authorization": token, b"mcp-protocol-version": None}, {}):
                await door.ask(page, headers, body)
    gains = ["the program ran"] * marker.exists()
    await expect_served(scene, "/mcp/files", token)
    return gains


async def test_no_request_starts_a_program(tmp_path: Path) -> None:
    assert await a_body_that_names_a_program(tmp_path) == []
