"""The protocol revisions as tables: versions, methods, and what each method's routing headers mirror.

Sources: MCP specification 2025-03-26, 2025-06-18, 2025-11-25 (legacy, opened by `initialize`) and 2026-07-28
(modern, no session). A method that is not in a table does not exist for that era.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from remit.core.catalog import LISTING

MODERN_VERSIONS: Final = ("2026-07-28",)
LEGACY_VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
LEGACY_LATEST: Final = "2025-11-25"
# What Remit itself answers initialize with on /mcp. 2024-11-05 is another transport.
LEGACY_SERVED: Final = frozenset({"2025-03-26", "2025-06-18", "2025-11-25"})

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
META_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
META_RELATED_TASK: Final = "io.modelcontextprotocol/related-task"
META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
CONNECTION_META: Final = frozenset({META_VERSION, META_CAPABILITIES, META_CLIENT, META_SUBSCRIPTION, META_RELATED_TASK})

# Tasks need their own authorization against the principal that created them (G21). Until that exists nobody is told of
# them and no method reaches them.
TASKS_EXTENSION: Final = "io.modelcontextprotocol/tasks"

LISTS: Final = frozenset(method for method, _, _ in LISTING.values())
_SHARED: Final = frozenset({*LISTS, "tools/call", "resources/read", "prompts/get", "completion/complete"})
MODERN_METHODS: Final = _SHARED | {"server/discover", "subscriptions/listen"}
LEGACY_METHODS: Final = _SHARED | {
    "initialize",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
}
LEGACY_NOTIFICATIONS: Final = frozenset(
    {
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
# What a legacy server may ask of its client.
SERVER_REQUESTS: Final = frozenset({"sampling/createMessage", "elicitation/create", "roots/list", "ping"})

# Method -> the param its Mcp-Name header mirrors (2026-07-28, transports).
NAMED_BY: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
# Methods whose result may ask for input instead of being complete.
MAY_REQUIRE_INPUT: Final = frozenset(NAMED_BY)

# HTTP status of a JSON-RPC error in the modern era; every other code travels with 200 (G6).
STATUS_OF_ERROR: Final = {-32700: 400, -32600: 400, -32602: 400, -32020: 400, -32021: 400, -32022: 400, -32601: 404}


def is_modern(version_header: bytes | None) -> bool:
    """Which path a request takes (G1). An unknown version is modern, to be answered with the versions served."""
    return version_header is not None and version_header not in _LEGACY_HEADERS


_LEGACY_HEADERS: Final = frozenset(version.encode("ascii") for version in LEGACY_VERSIONS)


def without_tasks(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Capabilities without tasks, which no authorization covers yet (G21)."""
    kept = {name: value for name, value in capabilities.items() if name != "tasks"}
    extensions = kept.get("extensions")
    if type(extensions) is dict and TASKS_EXTENSION in extensions:
        kept["extensions"] = {name: value for name, value in extensions.items() if name != TASKS_EXTENSION}
    return kept
