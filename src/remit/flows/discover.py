"""What an endpoint says of itself: `server/discover` (modern) and, on `/mcp`, `initialize` (legacy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.access import require_consent
from remit.core.catalog import Era, Server
from remit.core.errors import Refusal
from remit.core.grant import Bound
from remit.core.ledger import grant_fields
from remit.core.principals import Authenticated
from remit.core.request import McpRequest
from remit.flows.listing import asked, capabilities_of, record_shown, servers_in_view
from remit.flows.tool_call import ToolCall
from remit.wire.revisions import LEGACY_VERSIONS, META_SERVER, MODERN_VERSIONS, without_tasks

# What Remit can stand for on /mcp, where several servers are one. Per-server matters (logging, subscriptions to single
# resources) are served at /mcp/{server}.
_SHARED: Final = ("tools", "resources", "prompts")


@dataclass(frozen=True, slots=True)
class Discovery:
    """`about` is Remit's own implementation info; `ttl_ms` how long a client may keep an answer."""

    walk: ToolCall
    about: Mapping[str, str]
    ttl_ms: int

    async def discover(self, authenticated: Authenticated, request: McpRequest) -> dict[str, Any]:
        """The DiscoverResult: a server's own, or Remit's for all servers in view. Raises `Refusal`."""
        bound = self.walk.bind(authenticated)
        if request.endpoint.server:
            permitted = await self.walk.admit(bound, request)
            result = discovered(permitted.resolved.server)
        else:
            result = {
                "supportedVersions": list(MODERN_VERSIONS),
                "capabilities": self._shared(bound, request),
                "_meta": {META_SERVER: dict(self.about)},
            }
        result |= {"resultType": "complete", "ttlMs": self.ttl_ms, "cacheScope": "private"}
        await record_shown(self.walk, bound, request, {"shown": len(result["capabilities"])})
        return result

    async def initialize(self, authenticated: Authenticated, request: McpRequest) -> dict[str, Any]:
        """The InitializeResult of `/mcp`, at the version the request carries. Raises `Refusal`."""
        bound = self.walk.bind(authenticated)
        shared = self._shared(bound, request)
        await record_shown(self.walk, bound, request, {"shown": len(shared)})
        return {"protocolVersion": request.version, "capabilities": shared, "serverInfo": dict(self.about)}

    def _shared(self, bound: Bound, request: McpRequest) -> dict[str, Any]:
        """The capabilities of any server in view that Remit can stand for."""
        try:
            servers = servers_in_view(require_consent(bound), request, self.walk.catalog())
        except Refusal as refusal:
            self.walk.record_denial(refusal, grant_fields(bound.grant) | asked(request))
            raise
        found = {name for server in servers for name in capabilities_of(server, request.era)}
        offered: dict[str, Any] = {name: {"listChanged": True} for name in _SHARED} | {"completions": {}}
        return {name: value for name, value in offered.items() if name in found}


def discovered(server: Server) -> dict[str, Any]:
    """The server's own answer, without the versions and extensions that Remit does not carry (G21)."""
    answer = dict(server.discovery.get(Era.MODERN, {}))
    answer["supportedVersions"] = supported_versions(server)
    answer["capabilities"] = without_tasks(capabilities_of(server, Era.MODERN))
    return answer


def supported_versions(server: Server | None) -> list[str]:
    """One list for `server/discover` and for the refusal of an unknown version, so that a client can act on either."""
    if server is None:
        return list(MODERN_VERSIONS)
    if Era.MODERN not in server.eras:
        return [version for version in LEGACY_VERSIONS if version in server.versions.get(Era.LEGACY, LEGACY_VERSIONS)]
    said = server.discovery.get(Era.MODERN, {}).get("supportedVersions")
    known = (*MODERN_VERSIONS, *(LEGACY_VERSIONS if Era.LEGACY in server.eras else ()))
    return [version for version in said if version in known] if isinstance(said, list) else list(MODERN_VERSIONS)
