"""A fixture MCP server on the official Python SDK that passes the official conformance suite.

    python -m tests.peers.everything_server [--port 0] [--era legacy|modern|dual]

Serves Streamable HTTP at http://127.0.0.1:PORT/mcp and prints the port on its first line of output, once it listens.
`--era` makes it a server that knows only the handshake (up to 2025-11-25), only 2026-07-28, or both.
"""

import argparse
import json
import socket
import sys
import warnings
from typing import Final, Literal, TypeAlias, get_args

import mcp_types as types
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.peers import everything_content as content
from tests.peers.event_log import EventLog
from tests.peers.everything_tools import Toolbox

Era: TypeAlias = Literal["legacy", "modern", "dual"]

NAME: Final = "everything-fixture"
_RETRY_MS: Final = 100
_LISTED: Final = CacheHint(ttl_ms=60_000, scope="public")


def everything_server() -> Server[dict[str, object]]:
    """The server with everything registered, before a transport is chosen."""
    bus = InMemorySubscriptionBus()
    tools = Toolbox(bus)
    server: Server[dict[str, object]] = Server(
        NAME,
        version="1.0.0",
        cache_hints={"tools/list": _LISTED, "prompts/list": _LISTED, "resources/list": _LISTED},
        on_list_tools=tools.listed,
        on_call_tool=tools.called,
        on_list_resources=content.list_resources,
        on_list_resource_templates=content.list_templates,
        on_read_resource=content.read_resource,
        on_subscribe_resource=content.subscribe,
        on_unsubscribe_resource=content.unsubscribe,
        on_subscriptions_listen=ListenHandler(bus),
        on_list_prompts=content.list_prompts,
        on_get_prompt=content.get_prompt,
        on_completion=content.complete,
    )
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, content.set_logging_level)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    return server


class OneEra:
    """Refuses the requests of the other era, as a server that has never heard of it does."""

    def __init__(self, app: ASGIApp, era: Literal["legacy", "modern"]) -> None:
        self._app = app
        self._era = era

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        version = request.headers.get("mcp-protocol-version")
        handshake = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
        if handshake == (self._era == "legacy"):
            await self._app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        await self._refusal(version, body)(scope, receive, send)

    def _refusal(self, version: str | None, body: bytes) -> JSONResponse:
        if self._era == "legacy":
            supported = ", ".join(HANDSHAKE_PROTOCOL_VERSIONS)
            error = {"code": types.INVALID_REQUEST, "message": f"Bad Request: {version} is not one of {supported}"}
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, status_code=400)
        error = {
            "code": types.UNSUPPORTED_PROTOCOL_VERSION,
            "message": "Unsupported protocol version",
            "data": {"supported": list(MODERN_PROTOCOL_VERSIONS), "requested": version or ""},
        }
        return JSONResponse({"jsonrpc": "2.0", "id": _request_id(body), "error": error}, status_code=400)


def _request_id(body: bytes) -> int | str | None:
    try:
        decoded = json.loads(body)
    except ValueError:
        return None
    found = decoded.get("id") if isinstance(decoded, dict) else None
    return found if isinstance(found, int | str) else None


def everything_app(era: Era) -> ASGIApp:
    app = everything_server().streamable_http_app(event_store=EventLog(), retry_interval=_RETRY_MS)
    return app if era == "dual" else OneEra(app, era)


def main() -> None:
    parser = argparse.ArgumentParser(description="MCP fixture server on the official Python SDK")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (default) takes a free one")
    parser.add_argument("--era", choices=get_args(Era), default="dual", help="protocol revisions to speak")
    options = parser.parse_args()
    # The suite tests sampling, logging and roots, which 2026-07-28 deprecates: that is the point, not news.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=256)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    # h11, because httptools keeps white space after a header value that RFC 9110 says is no part of it.
    config = uvicorn.Config(everything_app(options.era), http="h11", log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
