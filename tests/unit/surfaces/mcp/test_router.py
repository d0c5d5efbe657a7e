"""Which handler a path leads to, and what the two health pages say."""

from __future__ import annotations

import pytest

from remit.surfaces.mcp.exchange import HttpRequest, Responder
from remit.surfaces.mcp.router import Router
from tests.scenes.responder import FakeResponder


async def asked(path: bytes, *, ready: bool = True) -> tuple[int, bytes]:
    async def mcp(request: HttpRequest, responder: Responder) -> None:
        responder.whole(200, b"mcp")

    async def pages(request: HttpRequest, responder: Responder) -> None:
        responder.whole(200, b"pages")

    responder = FakeResponder()
    await Router(mcp, pages, lambda: ready)(HttpRequest(b"GET", path, b"", [], b"", "127.0.0.1"), responder)
    return responder.status, responder.body


@pytest.mark.parametrize(("ready", "answer"), [(True, (200, b'{"ready":true}')), (False, (503, b'{"ready":false}'))])
async def test_ready_says_whether_calls_may_run_and_alive_is_said_either_way(
    ready: bool, answer: tuple[int, bytes]
) -> None:
    assert await asked(b"/readyz", ready=ready) == answer
    assert await asked(b"/healthz", ready=ready) == (200, b'{"alive":true}')


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        (b"/mcp", b"mcp"), (b"/mcp/", b"mcp"), (b"/mcp/files", b"mcp"), (b"/token", b"pages"),
        (b"/jwks.json", b"pages"), (b"/.well-known/oauth-protected-resource/mcp", b"pages"),
    ],
)  # fmt: skip
async def test_a_path_leads_to_one_handler(path: bytes, handler: bytes) -> None:
    assert await asked(path) == (200, handler)


@pytest.mark.parametrize("path", [b"/", b"/mcpx", b"/MCP", b"//mcp", b"/token/", b"/well-known", b"/readyz/"])
async def test_any_other_path_leads_nowhere(path: bytes) -> None:
    assert (await asked(path))[0] == 404
