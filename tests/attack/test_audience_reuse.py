"""CVE-2025-69196 (FastMCP OAuthProxy: one token fitted every server) and GO-2026-6530 (obot: audience confusion): a
token fits exactly the endpoint it was made for, although one grant could reach them all.
"""

from __future__ import annotations

from pathlib import Path

from tests.attack.scene import Gains, Genuine, expect_served
from tests.scenes.mcp import URL

ENDPOINTS = ("/mcp", "/mcp/files", "/mcp/git")
TOOLS = {"/mcp": "read_file", "/mcp/files": "read_file", "/mcp/git": "git_log"}


async def a_token_at_every_other_endpoint(folder: Path) -> Gains:
    genuine = Genuine(folder)
    gains: Gains = []
    for number, home in enumerate(ENDPOINTS):
        grant_id = f"grt_home_{number}"
        genuine.mcp.token(home.removeprefix("/mcp").removeprefix("/"), grant=grant_id)
        token = genuine.tokens.token(actors=(), grant_id=grant_id, audience=URL + home)
        for away in ENDPOINTS:
            call = {"name": TOOLS[away], "arguments": {}}
            answer = await genuine.mcp.modern(away, b"Bearer " + token, "tools/call", call)
            if away != home and answer.status != 401:
                gains.append(f"a token for {home} was answered {answer.status} at {away}")
        call = {"name": TOOLS[home], "arguments": {}}
        await expect_served(genuine.mcp, home, b"Bearer " + token, call)
    return gains


async def test_a_token_fits_one_endpoint(tmp_path: Path) -> None:
    assert await a_token_at_every_other_endpoint(tmp_path) == []
