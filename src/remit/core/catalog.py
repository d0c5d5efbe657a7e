"""What servers offer: definitions as the server sent them, pinned by digest, and the proof that a request names one
of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from remit.core.argument_names import ArgumentNames
from remit.core.authentication import NO_DEMAND, Demand
from remit.core.names import skeleton


class Era(StrEnum):
    """`modern` is revision 2026-07-28 and later (no session); `legacy` is the initialize handshake, up to
    2025-11-25.
    """

    MODERN = "modern"
    LEGACY = "legacy"


class ItemKind(StrEnum):
    TOOL = "tool"
    RESOURCE = "resource"
    TEMPLATE = "template"
    PROMPT = "prompt"


# How each kind is listed and what names an item: (method, key of the list in the result, key of the item's name).
LISTING: Final[dict[ItemKind, tuple[str, str, str]]] = {
    ItemKind.TOOL: ("tools/list", "tools", "name"),
    ItemKind.RESOURCE: ("resources/list", "resources", "uri"),
    ItemKind.TEMPLATE: ("resources/templates/list", "resourceTemplates", "uriTemplate"),
    ItemKind.PROMPT: ("prompts/list", "prompts", "name"),
}

# The capability a server declares for each kind.
CAPABILITY: Final[dict[ItemKind, str]] = {
    ItemKind.TOOL: "tools",
    ItemKind.RESOURCE: "resources",
    ItemKind.TEMPLATE: "resources",
    ItemKind.PROMPT: "prompts",
}

# Says why the arguments do not fit the inputSchema, or None when they do. Compiled by an adapter when a tool is pinned.
Validator = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Item:
    """One tool, resource, template or prompt. `definition` is the server's own JSON, byte for byte (G16)."""

    kind: ItemKind
    server: str
    name: str
    definition: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Tool(Item):
    """A tool, with what is needed to check a call without parsing its schema again.

    `path_arguments`, `high_risk` and `demand` come from the operator's registration, never from the server.
    `header_arguments` maps `Mcp-Param-*` suffixes (lower case) to argument names (`x-mcp-header`). `names` are worked
    out when the tool is registered, and at each call of a tool that never was.
    """

    input_schema: Mapping[str, Any] = field(default_factory=dict)
    validate: Validator | None = None
    path_arguments: tuple[str, ...] = ()
    high_risk: bool = False
    demand: Demand = NO_DEMAND
    header_arguments: Mapping[str, str] = field(default_factory=dict)
    names: ArgumentNames | None = field(default=None, compare=False)
    action: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", f"{self.server}/{self.name}")


def digest_of(definition: Mapping[str, Any]) -> str:
    """The canonical hash of a definition: the same for any key order or white space, different for any change of
    meaning.

    Sorted keys, no white space, UTF-8, as RFC 8785 does for the values MCP definitions hold.
    """
    canonical = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


class Drift(StrEnum):
    """How an item on the wire stands to its pin."""

    PINNED = "pinned"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


def drift(pins: Mapping[tuple[ItemKind, str], str], found: Sequence[Item]) -> dict[tuple[ItemKind, str], Drift]:
    """Hold what a server sends against its pins. With no pins at all the first set is the baseline and all is
    PINNED.
    """
    seen = {(item.kind, item.name): item.digest for item in found}
    if not pins:
        return dict.fromkeys(seen, Drift.PINNED)
    verdicts: dict[tuple[ItemKind, str], Drift] = {}
    for key, digest in seen.items():
        pin = pins.get(key)
        verdicts[key] = Drift.ADDED if pin is None else Drift.PINNED if pin == digest else Drift.CHANGED
    for key in pins:
        if key not in seen:
            verdicts[key] = Drift.REMOVED
    return verdicts


@dataclass(frozen=True, slots=True)
class Enforce:
    """Decisions are enforced."""


@dataclass(frozen=True, slots=True)
class Observe:
    """Until `until_s` one visible permit stands in for policy and the real decision is only recorded (a first
    install).
    """

    until_s: float


Mode = Enforce | Observe

# `stored`: not asked since the start, served as it was pinned. `unreachable`: the last survey failed.
Health = Literal["unknown", "stored", "ok", "unreachable"]


@dataclass(frozen=True, slots=True)
class Server:
    """A registered MCP server: what the operator declared and what was learned from it.

    `tenants` may not be empty: a server nobody owns answers nobody. `items` holds trusted items only; `withheld`
    those that drifted. `eras` is what the server was found to speak, `discovery` its own answer per era
    (server/discover or initialize result). `stateful` forbids sharing a process between grants; so does a credential.
    """

    name: str
    tenants: frozenset[str]
    environment: str
    owner: str
    mode: Mode
    credential: str
    stateful: bool
    eras: frozenset[Era]
    items: Mapping[tuple[ItemKind, str], Item]
    withheld: Mapping[tuple[ItemKind, str], Drift]
    discovery: Mapping[Era, Mapping[str, Any]]
    versions: Mapping[Era, tuple[str, ...]]
    health: Health = "unknown"

    def tools(self) -> list[Tool]:
        return [item for item in self.items.values() if isinstance(item, Tool)]


@dataclass(frozen=True, slots=True)
class Catalog:
    """All servers at one moment. `epoch` changes with any change that can change a decision or a list."""

    epoch: int
    servers: Mapping[str, Server]
    bare_names: Mapping[str, tuple[str, ...]]


# Stands beside the owners of a name that is never served bare.
NEVER_BARE: Final = ""


def bare_names(servers: Mapping[str, Server]) -> dict[str, tuple[str, ...]]:
    """Which servers offer each bare tool name, or one that looks like it: with more than one, none is served bare.
    Withheld tools count: a name is not given away while its owner is held. A name that reads like `server.tool` of a
    registered server is never bare, or it would stand in for that server's tool.
    """
    names: set[str] = set()
    owners: dict[str, set[str]] = {}
    prefixes = {skeleton(name) for name in servers}
    for server in servers.values():
        for kind, name in (*server.items, *server.withheld):
            if kind is ItemKind.TOOL:
                names.add(name)
                found = owners.setdefault(skeleton(name), set())
                found.add(server.name)
                prefix, dot, _ = name.partition(".")
                if dot and skeleton(prefix) in prefixes:
                    found.add(NEVER_BARE)
    return {name: tuple(sorted(owners[skeleton(name)])) for name in names}
