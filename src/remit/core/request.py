"""One MCP request after parsing: what was asked, never how the caller proved who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from remit.core.catalog import Era


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the request came in: `/mcp` (server empty) or `/mcp/{server}`. `resource` is the canonical URI tokens are
    for.
    """

    server: str
    resource: str


@dataclass(frozen=True, slots=True)
class Session:
    """A legacy client's opened handle. `nonce` names it; authority is the grant's alone.

    `upstream` is the upstream's own session id for `/mcp/{server}` over HTTP (empty otherwise); `client` is what the
    client said in initialize (protocolVersion, capabilities, clientInfo), forwarded upstream as its own (G7).
    """

    nonce: str
    version: str
    client: Mapping[str, Any]
    upstream: str = field(default="", repr=False)


class McpRequest(msgspec.Struct, frozen=True):
    """`id` is the client's JSON-RPC id as JSON text. `params` includes `_meta`. `parameters` are unknown
    `Mcp-Param-*` headers to pass on. `trace` is the W3C traceparent if it was valid. `subscription` etc. live in
    `params`.
    """

    id: bytes
    method: str
    params: Mapping[str, Any]
    era: Era
    version: str
    endpoint: Endpoint
    session: Session | None = None
    capabilities: Mapping[str, Any] = msgspec.field(default_factory=dict)
    parameters: Mapping[str, str] = msgspec.field(default_factory=dict)
    trace: str = ""
