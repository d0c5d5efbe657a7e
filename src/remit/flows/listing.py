"""What a grant is shown: the call's decision with arguments unknown, over the stored catalog.

A list shows nothing that every call would be denied, and it grants nothing: the call decides again. No server is asked,
so one that is slow or dead neither empties nor delays a list.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from remit.core import cursor
from remit.core.access import (
    TARGET_OF,
    AccessRequest,
    Consented,
    Resolved,
    Target,
    TargetKind,
    UnknownArguments,
    conclude,
    require_consent,
    resolve,
)
from remit.core.catalog import CAPABILITY, LISTING, Catalog, Era, Item, ItemKind, Server, Tool
from remit.core.errors import Denied, Refusal, refuse
from remit.core.grant import Bound, LiveGrant
from remit.core.ledger import RecordKind, grant_fields
from remit.core.principals import Authenticated
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.core.scope import TOOL_NAME
from remit.flows.bridge import require_same_era
from remit.flows.target import visible_servers
from remit.flows.tool_call import ToolCall
from remit.ports.sealer import Sealer, Unsealed

KIND_OF: Final = {method: kind for kind, (method, _, _) in LISTING.items()}
# The question a list stands for. A tool's action is its own name; a template is asked for as a template.
_ACTION: Final = {
    ItemKind.RESOURCE: "resources/read",
    ItemKind.TEMPLATE: "resources/templates/list",
    ItemKind.PROMPT: "prompts/get",
}
# A view depends on time too (policies may read the clock): it is not reused for longer than this.
VIEW_S_MAX: Final = 15.0
VIEWS_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class View:
    """One list as one grant sees it, each item as its server wrote it."""

    items: tuple[bytes, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Page:
    """`next_cursor` is empty on the last page."""

    items: tuple[bytes, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A view and everything it was computed from: if any of it differs, so may the view."""

    live: LiveGrant
    epoch: int
    policy_version: str
    until_s: float
    view: View


@dataclass(frozen=True, slots=True)
class Listing:
    walk: ToolCall
    sealer: Sealer
    page_items_max: int = 1000
    _views: dict[tuple[str, str, str, str], _Kept] = field(default_factory=dict)

    async def page(self, authenticated: Authenticated, request: McpRequest) -> Page:
        """One page of `tools/list`, `resources/list`, `resources/templates/list` or `prompts/list`. On record, durably,
        before it is returned. Raises `Refusal`."""
        bound = self.walk.bind(authenticated)
        try:
            view = await self.view(bound, request, KIND_OF[request.method])
            offset = self._offset(bound, request, view)
        except Refusal as refusal:
            self.walk.record_denial(refusal, grant_fields(bound.grant) | asked(request))
            raise
        end = offset + self.page_items_max
        page = view.items[offset:end]
        await record_shown(self.walk, bound, request, {"shown": len(page), "digest": view.digest, "offset": offset})
        return Page(page, self._cursor(bound, request, view, end) if end < len(view.items) else "")

    async def view(self, bound: Bound, request: McpRequest, kind: ItemKind) -> View:
        """The whole list. Kept per grant, endpoint, era and kind while catalog and policy stay the same."""
        catalog, grant = self.walk.catalog(), bound.grant
        key = (grant.id, request.endpoint.resource, request.era.value, kind.value)
        version, now_s = self.walk.policy.version(grant.tenant), self.walk.clock.monotonic_s()
        kept = self._views.get(key)
        if (
            kept
            and kept.live is bound.live
            and (kept.epoch, kept.policy_version) == (catalog.epoch, version)
            and now_s < kept.until_s
        ):
            return kept.view
        view = await self._compute(bound, request, kind, catalog)
        while len(self._views) >= VIEWS_MAX:
            self._views.pop(next(iter(self._views)))
        self._views[key] = _Kept(bound.live, catalog.epoch, version, now_s + VIEW_S_MAX, view)
        return view

    async def _compute(self, bound: Bound, request: McpRequest, kind: ItemKind, catalog: Catalog) -> View:
        consented = require_consent(bound)
        servers = servers_in_view(consented, request, catalog, CAPABILITY[kind])
        now_s = self.walk.clock.now_s()
        candidates = [
            (
                item,
                AccessRequest(
                    resolved,
                    item.action if isinstance(item, Tool) else _ACTION[kind],
                    UnknownArguments(),
                    now_s,
                ),
            )
            for server, item in offered(servers, kind)
            if (resolved := _resolved(consented, request, server, item)) is not None
        ]
        verdicts = await self.walk.policy.evaluate_all([access for _, access in candidates])
        digest, items = hashlib.sha256(), []
        for (item, access), verdict in zip(candidates, verdicts, strict=True):
            try:
                conclude(access, verdict)
            except Denied:
                continue
            shown = item.definition if request.endpoint.server else renamed(item, catalog)
            if shown:
                items.append(shown)
                digest.update(f"{item.server}/{item.name}\n{item.digest}\n".encode("utf-8", "surrogatepass"))
        return View(tuple(items), digest.hexdigest())

    def _offset(self, bound: Bound, request: McpRequest, view: View) -> int:
        sealed = request.params.get("cursor")
        if sealed is None:
            return 0
        if not isinstance(sealed, str):
            raise refuse(Reason.INVALID_PARAMS, "cursor must be a string")
        binding = cursor.bound_to(bound.grant.id, request.endpoint.resource, request.method)
        try:
            opened = self.sealer.open(cursor.PURPOSE, sealed, bound_to=binding)
        except Unsealed:
            raise refuse(Reason.INVALID_CURSOR) from None
        return cursor.Cursor.decode(opened).require_for(view.digest)

    def _cursor(self, bound: Bound, request: McpRequest, view: View, offset: int) -> str:
        binding = cursor.bound_to(bound.grant.id, request.endpoint.resource, request.method)
        return self.sealer.seal(cursor.PURPOSE, cursor.Cursor(view.digest, offset).encode(), bound_to=binding)


def asked(request: McpRequest) -> dict[str, Any]:
    return {
        "method": request.method,
        "server": request.endpoint.server,
        "era": request.era.value,
        "trace": request.trace,
    }


async def record_shown(walk: ToolCall, bound: Bound, request: McpRequest, what: Mapping[str, Any]) -> None:
    """A listing is one record, durable before anything is shown."""
    position = walk.ledger.write(
        RecordKind.LISTING, walk.entropy.id("dec"), grant_fields(bound.grant) | asked(request) | dict(what)
    )
    await walk.release_reply(position)


def servers_in_view(consented: Consented, request: McpRequest, catalog: Catalog, capability: str = "") -> list[Server]:
    """The servers this endpoint speaks for, to this grant, in this era. Raises `Denied` if there is none, or none of
    the era (never an empty list: a client must fall back to the other era, G1), and `Invalid` if none has the
    capability.
    """
    if request.endpoint.server:
        server = catalog.servers.get(request.endpoint.server)
        if server is None:
            raise refuse(Reason.SERVER_UNKNOWN, f"no server {request.endpoint.server!r}")
        require_same_era(request.era, server)
        resolve(consented, request, server, Target(TargetKind.SERVER), None)
        servers = [server]
    else:
        servers = visible_servers(catalog, consented.bound.grant)
        same = [server for server in servers if request.era in server.eras]
        if servers and not same:
            require_same_era(request.era, next((server for server in servers if server.eras), servers[0]))
        servers = same
    able = [server for server in servers if not capability or capability in capabilities_of(server, request.era)]
    if servers and not able:
        raise refuse(Reason.UNKNOWN_METHOD, f"no server here offers {capability}")
    return able


def capabilities_of(server: Server, era: Era) -> Mapping[str, Any]:
    """What the server said of itself in this era."""
    found = server.discovery.get(era, {}).get("capabilities")
    return found if isinstance(found, Mapping) else {}


def offered(servers: list[Server], kind: ItemKind) -> Iterator[tuple[Server, Item]]:
    """In the servers' own order. A URI or prompt that two servers have cannot be asked for without naming one, so on a
    shared endpoint neither is shown."""
    count = Counter(name for server in servers for key, name in server.items if key is kind)
    for server in servers:
        for (key, name), item in server.items.items():
            if key is kind and (kind is ItemKind.TOOL or count[name] == 1):
                yield server, item


def _resolved(consented: Consented, request: McpRequest, server: Server, item: Item) -> Resolved | None:
    if isinstance(item, Tool) and item.validate is None:
        return None  # its arguments cannot be checked, so every call is denied
    try:
        return resolve(consented, request, server, Target(TARGET_OF[item.kind], item.name), item)
    except Denied:
        return None


def renamed(item: Item, catalog: Catalog) -> bytes:
    """On `/mcp`: `server.tool` for a tool whose bare name several servers have, else the item's own bytes (G4). Empty
    for a name that would be too long to be valid.
    """
    if item.kind is not ItemKind.TOOL or len(catalog.bare_names.get(item.name, ())) < 2:
        return item.definition
    name = f"{item.server}.{item.name}"
    return orjson.dumps(orjson.loads(item.definition) | {"name": name}) if TOOL_NAME.match(name) else b""
