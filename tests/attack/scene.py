"""What the attacks here share. An attack is a function that returns what the attacker gained; `[]` is nothing.

Each attack ends with its success twin: the same request without the trick, which must be served. So an attack that
gains nothing failed because of its trick, not because the scene was dead. `defences.py` runs every attack once more
with its defence removed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.adapters.clock.system import SystemClock
from remit.adapters.credentials.registered import RegisteredCredentials
from remit.adapters.credentials.sources import EnvironmentSource
from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.launcher.local import LocalLauncher
from remit.adapters.upstream.registry import RegisteredUpstreams
from remit.adapters.upstream.world import World
from remit.core.registration import Http, ServerConfig
from remit.surfaces.mcp.endpoint import McpEndpoint
from remit.surfaces.mcp.exchange import HttpRequest
from remit.surfaces.mcp.router import Router
from remit.testing.clock import FakeEntropy
from tests.peers.raw_server import Handler, RawServer, answer, raw_server
from tests.scenes.mcp import McpScene
from tests.scenes.responder import FakeResponder
from tests.scenes.token import TokenScene

Gains = list[str]
Attack = Callable[[Path], Awaitable[Gains]]
CALL: dict[str, Any] = {"name": "read_file", "arguments": {"path": "/srv/a"}}


async def expect_served(
    scene: McpScene, path: str, token: bytes, call: Mapping[str, Any] = CALL, **changes: Any
) -> FakeResponder:
    """The success twin: an honest call that must be answered with a result."""
    served = await scene.modern(path, token, "tools/call", call, **changes)
    assert served.status == 200, served.body
    assert served.json.get("result", {"isError": True}).get("isError") is not True, served.body
    return served


class Genuine:
    """The endpoint with real keys and the real authenticator, and one genuine token for `/mcp`."""

    def __init__(self, folder: Path) -> None:
        self.mcp = McpScene()
        self.tokens = TokenScene(folder, clock=self.mcp.clock, grants=self.mcp.grants)
        self.mcp.token(grant="grt_1")
        self.token = b"Bearer " + self.tokens.token(actors=())
        issuer = self.mcp.settings.public_url
        real = TokenAuthenticator(self.tokens.keys.tokens, self.mcp.grants, self.mcp.clock, issuer=issuer)
        rewire(self.mcp, authenticator=real)

    def believed(self) -> int:
        """How many requests got as far as a server."""
        return len(self.mcp.upstreams.arrived)


def rewire(scene: McpScene, **ports: Any) -> None:
    """Put real adapters in the place of fakes."""
    scene.walk = replace(scene.walk, **ports)
    scene.endpoint = McpEndpoint(scene.walk, scene.sealer, scene.changes, scene.settings)


@asynccontextmanager
async def wired(
    handle: Handler = answer,
    *,
    headers: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    names: tuple[str, ...] = ("files",),
) -> AsyncIterator[tuple[McpScene, RawServer]]:
    """The endpoint in front of a real socket that keeps every byte. `headers` may hold `${env:NAME}`."""
    async with raw_server(handle) as server:
        url = f"http://127.0.0.1:{server.port}/mcp"
        configs = [
            ServerConfig(name, frozenset({"acme"}), "dev", "owner", Http(url, dict(headers or {}))) for name in names
        ]
        credentials = RegisteredCredentials(configs, {"env": EnvironmentSource(environment or {})}, FakeEntropy())
        world = World(CheckedDialler(), LocalLauncher("/usr/bin:/bin"), SystemClock())
        upstreams = RegisteredUpstreams(configs, world, credentials.for_server)
        scene = McpScene()
        rewire(scene, upstreams=upstreams, credentials=credentials, reaper=credentials)
        try:
            yield scene, server
        finally:
            await upstreams.stop()


def wire(server: RawServer) -> bytes:
    """Every byte the server received."""
    return b"".join(got.head + got.body for got in server.got)


class Door:
    """Everything on the public port but the OAuth pages, as the listener would hand requests to it."""

    def __init__(self, scene: McpScene) -> None:
        self.scene = scene
        self.router = Router(self._endpoint, self._pages, lambda: True)

    async def ask(
        self, target: bytes, headers: Mapping[bytes, bytes | None], body: bytes = b"", verb: bytes = b"POST"
    ) -> FakeResponder:
        request = self.scene.http("/", body, headers, verb)
        request.path, _, request.query = target.partition(b"?")
        responder = FakeResponder()
        await self.router(request, responder)
        return responder

    async def _endpoint(self, request: HttpRequest, responder: Any) -> None:
        await self.scene.endpoint(request, responder)

    async def _pages(self, request: HttpRequest, responder: Any) -> None:
        responder.whole(404, b"{}")
