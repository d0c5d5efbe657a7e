"""One public port: paths are exact, the side loop answers pages, health says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from remit.surfaces.mcp.asgi import AsgiBridge, SideLoop
from remit.surfaces.mcp.exchange import HttpRequest, Responder
from remit.surfaces.mcp.listener import Listener, Timing
from remit.surfaces.mcp.router import Router
from remit.wire.http1 import Limits

Get = Callable[[str], Awaitable[tuple[int, bytes]]]


async def page(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode() + b" " + message["body"]})


async def mcp(request: HttpRequest, responder: Responder) -> None:
    responder.whole(200, b"mcp")


@pytest.fixture
async def get() -> AsyncIterator[Get]:
    side = SideLoop()
    bridge = AsgiBridge(page, side, scheme="http", server=("remit.test", 80))
    listener = Listener(Router(mcp, bridge, lambda: False), limits=Limits(), timing=Timing())
    host, port = await listener.start("127.0.0.1", 0)

    async def fetch(target: str) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return int(answer[9:12]), answer.split(b"\r\n\r\n", 1)[1]

    yield fetch
    await listener.stop()
    side.stop()


@pytest.mark.parametrize("target", ["/mcp", "/mcp?x=1", "/mcp/files", "/mcp/../token"])
async def test_mcp_paths_reach_the_mcp_surface(get: Get, target: str) -> None:
    assert await get(target) == (200, b"mcp")


@pytest.mark.parametrize("target", ["/token", "/jwks.json", "/.well-known/oauth-protected-resource/mcp"])
async def test_pages_are_answered_by_the_side_loop(get: Get, target: str) -> None:
    assert await get(target) == (200, target.encode() + b" ")


@pytest.mark.parametrize(
    "target", ["/", "/MCP", "/mcpx", "//mcp", "/token/", "/%6dcp", "/admin/v1", "/health/sessions"]
)
async def test_any_other_spelling_is_not_found(get: Get, target: str) -> None:
    assert (await get(target))[0] == 404


async def test_health_needs_no_token_and_tells_nothing(get: Get) -> None:
    assert await get("/healthz") == (200, b'{"alive":true}')
    assert await get("/readyz") == (503, b'{"ready":false}')
