"""An MCP server with an authorization server of the official Python SDK, as its documentation puts them together."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AuthorizationParams, OAuthAuthorizationServerProvider
from mcp.server.auth.settings import AuthSettings
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyUrl

CALLBACK = "http://127.0.0.1:39481/callback"


class _OneClient(OAuthAuthorizationServerProvider[Any, Any, Any]):
    """Knows the client `desktop`, and sends people to a login page that is not there."""

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        known = OAuthClientInformationFull(client_id="desktop", redirect_uris=[AnyUrl(CALLBACK)])
        return known if client_id == "desktop" else None

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        return "/login"


@contextlib.contextmanager
def sdk_login_server(path: str = "/mcp") -> Iterator[str]:
    """The URL of its endpoint, at `/mcp`. `path` is what it believes that it is served at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield from _served(listener, path)


def _served(listener: socket.socket, path: str) -> Iterator[str]:
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    told = {"issuer_url": origin, "resource_server_url": origin + path, "validate_token_resource": True}
    auth = AuthSettings.model_validate(told)
    app = MCPServer("sdk", auth=auth, auth_server_provider=_OneClient()).streamable_http_app()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield origin + "/mcp"
    finally:
        server.should_exit = True
        thread.join(10)
