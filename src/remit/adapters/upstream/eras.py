"""Which eras a server speaks (G1): asked, never guessed from one error code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

import orjson

from remit import __version__
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.ports.upstream import Reply
from remit.wire.revisions import (
    LEGACY_LATEST,
    LEGACY_VERSIONS,
    META_CAPABILITIES,
    META_CLIENT,
    META_VERSION,
    MODERN_VERSIONS,
)

MODERN_VERSION: Final = MODERN_VERSIONS[-1]
CLIENT: Final = {"name": "remit", "version": __version__}
# Declared so that items which depend on a client's capability show up in the catalog. Nothing is ever called with them.
CAPABILITIES: Final[Mapping[str, Any]] = {
    "sampling": {"tools": {}},
    "elicitation": {"form": {}, "url": {}},
    "roots": {"listChanged": True},
}
META: Final[Mapping[str, Any]] = {
    META_VERSION: MODERN_VERSION,
    META_CAPABILITIES: CAPABILITIES,
    META_CLIENT: CLIENT,
}


class Channel(Protocol):
    """One era's conversation with one server, over either transport."""

    async def request(self, method: str, params: Mapping[str, Any]) -> Reply: ...

    async def initialized(self, version: str, session: str) -> None: ...

    def close(self) -> None: ...


async def discover(channel: Channel, wait_s: float) -> Mapping[str, Any] | None:
    """The server's own discovery if it speaks 2026-07-28, else None: any error and silence mean that it does not."""
    try:
        async with asyncio.timeout(wait_s):
            reply = await channel.request("server/discover", {"_meta": META})
    except (Refusal, TimeoutError):
        return None
    found = _result(reply)
    versions = found.get("supportedVersions") if found is not None else None
    return found if isinstance(versions, list) and MODERN_VERSION in versions else None


async def initialize(channel: Channel, wait_s: float) -> Mapping[str, Any] | None:
    """The server's initialize result if it answers the legacy handshake, which is then complete, else None.

    Raises `Refusal` when the server cannot be reached at all.
    """
    client = {"protocolVersion": LEGACY_LATEST, "capabilities": CAPABILITIES, "clientInfo": CLIENT}
    try:
        async with asyncio.timeout(wait_s):
            reply = await channel.request("initialize", client)
    except TimeoutError:
        raise refuse(Reason.UPSTREAM_TIMEOUT, f"the server did not answer initialize within {wait_s:g} s") from None
    found = _result(reply)
    if found is None or found.get("protocolVersion") not in LEGACY_VERSIONS:
        return None
    await channel.initialized(str(found["protocolVersion"]), reply.session)
    return found


def modern_versions(discovery: Mapping[str, Any]) -> tuple[str, ...]:
    """The modern versions a discovery names; legacy ones have their own era."""
    return tuple(v for v in discovery["supportedVersions"] if isinstance(v, str) and v not in LEGACY_VERSIONS)


def legacy_versions(initialized: Mapping[str, Any]) -> tuple[str, ...]:
    """What the handshake settled on and, since servers accept older ones too, what came before it."""
    settled = LEGACY_VERSIONS.index(str(initialized["protocolVersion"]))
    return LEGACY_VERSIONS[settled::-1]


def _result(reply: Reply) -> Mapping[str, Any] | None:
    if reply.member != "result":
        return None
    found = orjson.loads(reply.value)
    return found if isinstance(found, dict) else None
