"""Revision 2026-07-28: every request stands alone, and its headers, its `_meta` and its body must say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson

from remit.core.catalog import Era, ItemKind, Server, Tool
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.flows.discover import supported_versions
from remit.flows.subscribe import LIST_CHANGED, filter_of
from remit.surfaces.mcp.exchange import PRIVATE
from remit.surfaces.mcp.listed import listed
from remit.surfaces.mcp.meta import outgoing, trace_of
from remit.surfaces.mcp.render import refusal_answer
from remit.surfaces.mcp.streams import ListenStream, ReplyStream
from remit.surfaces.mcp.visit import Visit
from remit.surfaces.mcp.walks import Walks
from remit.wire import jsonrpc
from remit.wire.headers import METHOD, NAME, PARAMETER_PREFIX, VERSION, Fields, check_parameters, mirrors, parameters
from remit.wire.jsonrpc import Incoming, MessageKind
from remit.wire.revisions import LISTS, META_CAPABILITIES, META_VERSION, MODERN_METHODS, MODERN_VERSIONS, NAMED_BY

_ROUTING: Final = frozenset({VERSION, METHOD, NAME})
_MODERN: Final = frozenset(MODERN_VERSIONS)
LISTEN: Final = "subscriptions/listen"


class ModernEra:
    def __init__(self, walks: Walks) -> None:
        self._walks = walks
        self._walk = walks.call

    async def serve(self, visit: Visit) -> None:
        """Raises `Refusal` as long as no stream has begun."""
        message = jsonrpc.decode(visit.body)
        visit.id = jsonrpc.id_of(message)
        incoming = jsonrpc.read(message)
        visit.method = incoming.method
        if incoming.kind is not MessageKind.REQUEST:
            self._accept_notification(visit, incoming)
            return
        request = self._request(visit, incoming)
        if incoming.method in LISTS:
            page = await self._walks.listing.page(visit.authenticated, request)
            value = listed(request.method, page, ttl_ms=self._walks.settings.list_ttl_ms)
            visit.responder.whole(200, jsonrpc.result(visit.id, value), PRIVATE)
        elif incoming.method == "server/discover":
            found = await self._walks.discovery.discover(visit.authenticated, request)
            visit.responder.whole(200, jsonrpc.result(visit.id, orjson.dumps(found)), PRIVATE)
        elif incoming.method == LISTEN:
            await self._listen(visit, request)
        else:
            await self._call(visit, request)

    def _accept_notification(self, visit: Visit, incoming: Incoming) -> None:
        """Nothing in this revision is asked by notification over HTTP (closing the stream is the cancel), so there is
        nothing to pass on and nothing to decide. A response has no question it could answer."""
        if incoming.kind is MessageKind.RESPONSE:
            raise refuse(Reason.INVALID_MESSAGE, "this revision has no requests from server to client")
        version = (visit.fields.get(VERSION) or b"").decode("latin-1")
        if version not in _MODERN:
            raise self._unsupported(visit, version)
        visit.responder.whole(202, b"")

    # G3: the ladder; the first rung that fails answers
    def _request(self, visit: Visit, incoming: Incoming) -> McpRequest:
        fields, params = visit.fields, incoming.params
        if fields.repeated:
            _require_single(fields)
        meta = params.get("_meta")
        if type(meta) is not dict or META_VERSION not in meta or META_CAPABILITIES not in meta:
            raise refuse(Reason.MISSING_META, f"expected {META_VERSION} and {META_CAPABILITIES} in params._meta")
        version = meta[META_VERSION]
        _require_mirrored(fields, incoming, version)
        visit.version = version
        if version not in _MODERN:
            raise self._unsupported(visit, version)
        if incoming.method not in MODERN_METHODS:
            raise refuse(Reason.UNKNOWN_METHOD)
        if type(meta[META_CAPABILITIES]) is not dict:
            raise refuse(Reason.INVALID_PARAMS, f"{META_CAPABILITIES} must be an object")
        if "arguments" in params and type(params["arguments"]) is not dict:
            raise refuse(Reason.INVALID_PARAMS, "arguments must be an object")
        passed = self._parameters(visit, incoming) if incoming.method == "tools/call" else {}
        params = outgoing(params, Era.MODERN)
        return McpRequest(
            id=visit.id,
            method=incoming.method,
            params=params,
            era=Era.MODERN,
            version=version,
            endpoint=visit.place.endpoint,
            capabilities=params["_meta"][META_CAPABILITIES],
            parameters=passed,
            trace=trace_of(meta) if "traceparent" in meta else "",
        )

    def _parameters(self, visit: Visit, incoming: Incoming) -> dict[str, str]:
        """Compares the headers the tool declares and returns the others, to be passed on. A tool this tenant cannot see
        declares nothing here; the walk refuses it by name."""
        found = parameters(visit.fields)
        declared: Mapping[str, str] = {}
        tool = self._tool(visit, incoming.params.get("name"))
        if tool is not None and tool.header_arguments:
            declared = tool.header_arguments
            check_parameters(declared, incoming.params.get("arguments") or {}, found)
        if not found:
            return {}
        suffixes = {
            key[len(PARAMETER_PREFIX) :].decode("latin-1"): value.decode("latin-1") for key, value in found.items()
        }
        return {suffix: value for suffix, value in suffixes.items() if suffix not in declared}

    def _tool(self, visit: Visit, name: object) -> Tool | None:
        if not isinstance(name, str):
            return None
        catalog, owner = self._walk.catalog(), visit.place.endpoint.server
        if not owner:
            owners = catalog.bare_names.get(name, ())
            owner, name = (owners[0], name) if len(owners) == 1 else (name.partition(".")[0], name.partition(".")[2])
        server = self._server(visit, owner)
        item = server.items.get((ItemKind.TOOL, name)) if server is not None else None
        return item if isinstance(item, Tool) else None

    def _server(self, visit: Visit, name: str) -> Server | None:
        server = self._walk.catalog().servers.get(name) if name else None
        return server if server is not None and visit.authenticated.claims.tenant in server.tenants else None

    def _unsupported(self, visit: Visit, version: str) -> Refusal:
        return refuse(
            Reason.UNSUPPORTED_VERSION,
            data={
                "supported": supported_versions(self._server(visit, visit.place.endpoint.server)),
                "requested": version,
            },
        )

    # the walks
    async def _call(self, visit: Visit, request: McpRequest) -> None:
        states, stream = self._walks.states, ReplyStream(visit, self._walk.clock)
        try:
            forwarded = states.opened(visit.authenticated, request)
            reply = await self._walk.call(visit.authenticated, forwarded, stream)
            reply = states.sealed(visit.authenticated, request, reply)
        except Refusal as refusal:
            if not stream.begun:
                raise
            await stream.conclude(refusal_answer(refusal, visit.era, visit.place, visit))
            return
        if stream.begun:
            await stream.finish(reply)
        else:
            stream.whole(reply)

    async def _listen(self, visit: Visit, request: McpRequest) -> None:
        subscribe = self._walks.subscribe
        request = await subscribe.narrowed(visit.authenticated, request)
        wanted = filter_of(request)
        methods = frozenset(method for flag, (method, _) in LIST_CHANGED.items() if wanted.get(flag) is True)
        stream = ListenStream(visit, self._walk.clock, methods, frozenset(wanted.get("resourceSubscriptions", ())))
        try:
            if not request.endpoint.server:
                await subscribe.own(visit.authenticated, request, wanted, stream)
                return
            bound = self._walk.bind(visit.authenticated)
            beside = asyncio.create_task(subscribe.watch(bound, request, wanted, stream))
            try:
                reply = await subscribe.relay(visit.authenticated, request, stream)
            finally:
                beside.cancel()
        except Refusal as refusal:
            if not stream.begun:
                raise
            await stream.conclude(refusal_answer(refusal, visit.era, visit.place, visit))
            return
        await stream.finish(reply)


def _require_single(fields: Fields) -> None:
    if any(name in _ROUTING or name.startswith(PARAMETER_PREFIX) for name in fields.repeated):
        raise refuse(Reason.HEADER_MISMATCH, "a routing header came more than once")


def _require_mirrored(fields: Fields, incoming: Incoming, version: object) -> None:
    """Authority is decided on the body; a header that says otherwise has misled something on the way (G3)."""
    if type(version) is not str or fields.get(VERSION) != version.encode("utf-8", "surrogatepass"):
        raise refuse(Reason.HEADER_MISMATCH, "MCP-Protocol-Version differs from the body's protocolVersion")
    if fields.get(METHOD) != incoming.method.encode("utf-8", "surrogatepass"):
        raise refuse(Reason.HEADER_MISMATCH, "Mcp-Method is missing or differs from the body's method")
    key = NAMED_BY.get(incoming.method)
    if key is not None:
        name: Any = incoming.params.get(key)
        if name is not None and not (type(name) is str and mirrors(fields.get(NAME), name)):
            raise refuse(Reason.HEADER_MISMATCH, f"Mcp-Name is missing or differs from the body's {key}")
