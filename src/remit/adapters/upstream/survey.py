"""What a server speaks and offers, asked anew: eras first, then every list to its last page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
import orjson

from remit.adapters.upstream.eras import META, Channel, discover, initialize, legacy_versions, modern_versions
from remit.core.catalog import CAPABILITY, LISTING, Era, Item, ItemKind, Tool, digest_of
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.core.scope import TOOL_NAME
from remit.ports.upstream import Reply, Survey
from remit.wire.tool_headers import InvalidHeader, header_arguments

PAGES_MAX: Final = 200
ITEMS_MAX: Final = 10_000
PROBE_S_MAX: Final = 10.0
_PAGE = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
OpenChannel = Callable[[Era], Awaitable[Channel]]


class Surveyor:
    """One survey of one server. Item definitions are kept as the bytes that came (G16)."""

    def __init__(self, server: str, open_channel: OpenChannel, known: Survey | None = None) -> None:
        """With a `known` survey only the era that lists is asked again; what the other said is kept (G1)."""
        self._server = server
        self._known = known
        self._open = open_channel
        self._discovery: dict[Era, Mapping[str, Any]] = {}
        self._versions: dict[Era, tuple[str, ...]] = {}
        self._items: dict[tuple[ItemKind, str], Item] = {}
        self._problems: list[str] = []

    async def run(self, deadline_s: float) -> Survey:
        """Raises `Outage` when the server answers in no era, or not in time."""
        try:
            # Not wait_for: what ends in the turn it is cancelled in would take the cancellation with it (Python 3.11).
            async with asyncio.timeout(deadline_s):
                await self._run(min(PROBE_S_MAX, deadline_s / 3))
        except TimeoutError:
            raise refuse(
                Reason.UPSTREAM_TIMEOUT, f"the server did not list what it offers within {deadline_s:g} s"
            ) from None
        items = [self._items[key] for key in self._items]
        return Survey(frozenset(self._discovery), self._discovery, self._versions, items, tuple(self._problems))

    async def _run(self, probe_s: float) -> None:
        known = self._known
        if known is not None:
            first = Era.MODERN if Era.MODERN in known.eras else Era.LEGACY
            await self._ask(first, probe_s)
            for era in known.eras - {first}:
                self._discovery[era], self._versions[era] = known.discovery[era], known.versions[era]
            if first not in self._discovery:
                raise refuse(Reason.UPSTREAM_INVALID, f"the server no longer answers as a {first.value} one")
            return
        await self._ask(Era.MODERN, probe_s)
        await self._ask(Era.LEGACY, probe_s)
        if not self._discovery:
            raise refuse(Reason.UPSTREAM_INVALID, "the server answers neither server/discover nor initialize")

    async def _ask(self, era: Era, probe_s: float) -> None:
        """Probe one era; the first that answers also lists: a dual server's items are those of its newer era."""
        channel = await self._open(era)
        try:
            modern = era is Era.MODERN
            found = await (discover(channel, probe_s) if modern else self._initialize(channel, probe_s))
            if found is None:
                return
            lists = not self._discovery
            self._discovery[era] = found
            self._versions[era] = modern_versions(found) if modern else legacy_versions(found)
            if lists:
                await self._list_all(channel, era)
        finally:
            channel.close()

    async def _initialize(self, channel: Channel, probe_s: float) -> Mapping[str, Any] | None:
        try:
            return await initialize(channel, probe_s)
        except Refusal:
            if self._discovery:
                return None  # a modern server need not know the handshake
            raise

    async def _list_all(self, channel: Channel, era: Era) -> None:
        capabilities = self._discovery[era].get("capabilities")
        if not isinstance(capabilities, dict):
            self._problems.append("the server declares no capabilities")
            return
        for kind in ItemKind:
            if CAPABILITY[kind] in capabilities:
                await self._list(channel, era, kind)

    async def _list(self, channel: Channel, era: Era, kind: ItemKind) -> None:
        method, member, _ = LISTING[kind]
        meta: Mapping[str, Any] = {"_meta": META} if era is Era.MODERN else {}
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(PAGES_MAX):
            reply = await channel.request(method, {**meta, **({} if cursor is None else {"cursor": cursor})})
            if reply.member == "error":
                self._refused(kind, method, reply)
                return
            entries, cursor = _page(reply.value, member)
            for entry in entries:
                self._take(kind, entry)
            if cursor is None:  # an empty cursor is not the end (G10)
                return
            if cursor in seen:
                break
            seen.add(cursor)
        self._problems.append(f"{method}: pages do not end; the rest is left out")

    def _refused(self, kind: ItemKind, method: str, reply: Reply) -> None:
        code = orjson.loads(reply.value).get("code")
        if kind is ItemKind.TEMPLATE and code == -32601:
            return  # many servers with resources have no templates
        # What was pinned would seem removed; half a survey is none.
        raise refuse(Reason.UPSTREAM_INVALID, f"{method} failed with code {code}")

    def _take(self, kind: ItemKind, raw: bytes) -> None:
        definition = _mapping(raw)
        name = definition.get(LISTING[kind][2])
        if not isinstance(name, str) or not name or len(name) > 4096:
            self._problems.append(f"a {kind.value} without a usable name is left out")
            return
        label = f"{kind.value} {name[:128]!r}"
        digest = _digest(definition)
        if (kind, name) in self._items:
            self._problems.append(f"{label} is listed twice; the first is kept")
        elif len(self._items) >= ITEMS_MAX:
            raise refuse(Reason.UPSTREAM_TOO_LARGE, f"the server offers more than {ITEMS_MAX} items")
        elif digest is None:
            self._problems.append(f"{label} nests too deeply; left out")
        elif kind is ItemKind.TOOL:
            self._take_tool(Tool(kind, self._server, name, raw, digest), label, definition)
        else:
            self._items[kind, name] = Item(kind, self._server, name, raw, digest)

    def _take_tool(self, tool: Tool, label: str, definition: Mapping[str, Any]) -> None:
        schema = definition.get("inputSchema")
        if not TOOL_NAME.match(tool.name):
            self._problems.append(f"{label}: expected 1 to 128 characters of A-Z a-z 0-9 _ . -; left out")
        elif not isinstance(schema, dict):
            self._problems.append(f"{label}: inputSchema is not an object; left out")
        else:
            try:
                headers = header_arguments(schema)
            except InvalidHeader as problem:
                self._problems.append(f"{label}: {problem}; left out")
                return
            self._items[ItemKind.TOOL, tool.name] = replace(tool, input_schema=schema, header_arguments=headers)


def _page(value: bytes, member: str) -> tuple[list[bytes], str | None]:
    try:
        page = _PAGE.decode(value)
        entries = [bytes(raw) for raw in _LIST.decode(page[member])]
        cursor = orjson.loads(bytes(page["nextCursor"])) if "nextCursor" in page else None
    except (msgspec.DecodeError, orjson.JSONDecodeError, KeyError):
        raise refuse(Reason.UPSTREAM_INVALID, f"a page of {member} is not as the protocol says") from None
    if cursor is not None and not isinstance(cursor, str):
        raise refuse(Reason.UPSTREAM_INVALID, f"a page of {member} has a cursor that is not a string")
    return entries, cursor


def _digest(definition: Mapping[str, Any]) -> str | None:
    try:
        return digest_of(definition)
    except RecursionError:
        return None


def _mapping(raw: bytes) -> Mapping[str, Any]:
    try:
        definition = orjson.loads(raw)
    except orjson.JSONDecodeError:
        definition = None
    if not isinstance(definition, dict):
        raise refuse(Reason.UPSTREAM_INVALID, "a listed item is not an object")
    return definition
