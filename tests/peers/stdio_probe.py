"""A stdio MCP server (official SDK) that tells what it was started with, and has one tool that never ends."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from mcp.server.mcpserver import MCPServer

server = MCPServer("probe")


@server.tool()
def describe_process() -> dict[str, Any]:
    """What this process is and what it was given."""
    return {
        "pid": os.getpid(),
        "process_group": os.getpgrp(),
        "parent_group": os.getpgid(os.getppid()),
        "environment": sorted(os.environ),
    }


@server.tool()
async def wait_for_ever() -> str:
    """Never answers."""
    await asyncio.Event().wait()
    return "never"


if __name__ == "__main__":
    server.run("stdio")
