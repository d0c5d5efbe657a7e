"""`subscriptions/listen` (2026-07-28) and the list-change half of a legacy standing stream.

At `/mcp/{server}` the stream is the server's own. Beside it, and alone on `/mcp`, runs Remit's: a list looks different
when the catalog or a policy changes, whoever the server is (G13).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from msgspec.structs import replace

from remit.core.access import require_consent
from remit.core.catalog import ItemKind
from remit.core.errors import Refusal, refuse
from remit.core.grant import Bound
from remit.core.ledger import grant_fields
from remit.core.principals import Authenticated
from remit.core.reasons import Kind, Reason
from remit.core.request import McpRequest
from remit.flows.listing import Listing, asked, record_shown, servers_in_view
from remit.ports.changes import Changes
from remit.ports.upstream import Message, Reply, Sink
from remit.wire.revisions import META_SUBSCRIPTION

URIS_MAX: Final = 256
# Flag of the filter -> (notification, lists it is about).
LIST_CHANGED: Final[Mapping[str, tuple[str, tuple[ItemKind, ...]]]] = {
    "toolsListChanged": ("notifications/tools/list_changed", (ItemKind.TOOL,)),
    "promptsListChanged": ("notifications/prompts/list_changed", (ItemKind.PROMPT,)),
    "resourcesListChanged": ("notifications/resources/list_changed", (ItemKind.RESOURCE, ItemKind.TEMPLATE)),
}
RESOURCE_UPDATED: Final = "notifications/resources/updated"
ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"


@dataclass(frozen=True, slots=True)
class Subscribe:
    listing: Listing
    changes: Changes

    async def narrowed(self, authenticated: Authenticated, request: McpRequest) -> McpRequest:
        """The request with only those resources in its filter that this grant may read. Raises `Refusal`, also
        when it is not known of one whether it may be read."""
        wanted = filter_of(request)
        uris = wanted.get("resourceSubscriptions", [])
        if not isinstance(uris, list) or len(uris) > URIS_MAX or not all(isinstance(uri, str) for uri in uris):
            raise refuse(Reason.INVALID_PARAMS, f"resourceSubscriptions must be at most {URIS_MAX} URIs")
        if not uris:
            return request
        walk = self.listing.walk
        bound = walk.bind(authenticated)
        permitted = []
        for uri in uris:
            try:
                await walk.admit(bound, replace(request, method="resources/subscribe", params={"uri": uri}))
            except Refusal as refusal:
                if refusal.kind is Kind.OUTAGE:
                    raise  # a filter without it would read as a denial
                continue  # recorded by admit; the acknowledgement tells the client what is left
            permitted.append(uri)
        return replace(
            request,
            params=dict(request.params) | {"notifications": dict(wanted) | {"resourceSubscriptions": permitted}},
        )

    async def relay(self, authenticated: Authenticated, request: McpRequest, sink: Sink) -> Reply:
        """The server's stream at `/mcp/{server}`, through the one door."""
        return await self.listing.walk.call(authenticated, request, sink)

    async def own(
        self, authenticated: Authenticated, request: McpRequest, wanted: Mapping[str, Any], sink: Sink
    ) -> None:
        """Remit's own stream on `/mcp`: acknowledge, then tell of changed lists until client or grant ends it."""
        walk = self.listing.walk
        bound = walk.bind(authenticated)
        flags = [flag for flag in LIST_CHANGED if wanted.get(flag) is True]
        try:
            servers_in_view(require_consent(bound), request, walk.catalog())
        except Refusal as refusal:
            walk.record_denial(refusal, grant_fields(bound.grant) | asked(request))
            raise
        await record_shown(walk, bound, request, {"shown": 0, "wanted": flags})
        deadline_s = bound.live.remaining_s(walk.clock.monotonic_s())
        await walk.calls.run(bound.live, self._tell(bound, request, flags, sink), deadline_s=deadline_s)

    async def _tell(self, bound: Bound, request: McpRequest, wanted: list[str], sink: Sink) -> None:
        honoured = dict.fromkeys(wanted, True)
        if request.id:
            meta = {META_SUBSCRIPTION: orjson.loads(request.id)}
            await sink.interim(notification(ACKNOWLEDGED, {"notifications": honoured, "_meta": meta}))
        await self.watch(bound, request, honoured, sink)

    async def watch(self, bound: Bound, request: McpRequest, wanted: Mapping[str, Any], sink: Sink) -> None:
        """Tell of lists that changed on our side. Never returns; runs beside a server's own stream. `wanted` is a
        filter as in subscriptions/listen; a request without an id is a legacy stream, whose messages carry no tag.
        """
        tick = self.changes.tick
        flags = [flag for flag in LIST_CHANGED if wanted.get(flag) is True]
        before = {flag: await self._digests(bound, request, flag) for flag in flags}
        meta = {META_SUBSCRIPTION: orjson.loads(request.id)} if request.id else {}
        while True:
            tick = await self.changes.after(tick)
            for flag, digests in before.items():
                now = await self._digests(bound, request, flag)
                if now != digests:
                    before[flag] = now
                    await sink.interim(notification(LIST_CHANGED[flag][0], {"_meta": meta} if meta else {}))

    async def _digests(self, bound: Bound, request: McpRequest, flag: str) -> list[str]:
        """What the lists look like now; a list that cannot be had looks empty."""
        found = []
        for kind in LIST_CHANGED[flag][1]:
            try:
                found.append((await self.listing.view(bound, request, kind)).digest)
            except Refusal as refusal:
                found.append(refusal.reason.value)
        return found


def filter_of(request: McpRequest) -> Mapping[str, Any]:
    """What the client asked to hear of. Raises `Invalid`."""
    wanted = request.params.get("notifications")
    if not isinstance(wanted, dict):
        raise refuse(Reason.INVALID_PARAMS, "subscriptions/listen needs notifications, an object")
    return wanted


def notification(method: str, params: Mapping[str, Any]) -> Message:
    return Message(orjson.dumps({"jsonrpc": "2.0", "method": method} | ({"params": params} if params else {})))
