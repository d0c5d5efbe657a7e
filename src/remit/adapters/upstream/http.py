"""A server over Streamable HTTP, both eras: 2026-07-28 without sessions, up to 2025-11-25 with them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from remit.adapters.upstream.eras import MODERN_VERSION
from remit.adapters.upstream.http_heads import SESSION_ID
from remit.adapters.upstream.http_replies import events_of, failure
from remit.adapters.upstream.http_sessions import Opened, Owner
from remit.adapters.upstream.lane import Lane, NoSink
from remit.adapters.upstream.messages import (
    is_reply,
    own_id,
    parse,
    request_body,
    routing_headers,
)
from remit.adapters.upstream.world import World
from remit.core.access import Resolved
from remit.core.catalog import Era, Tool
from remit.core.errors import Invalid, refuse
from remit.core.lease import Lease, Leased
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.registration import Http, ServerConfig
from remit.core.request import Endpoint, McpRequest, Session
from remit.ports.upstream import Message, Reply, Sink
from remit.wire.events import EventReader
from remit.wire.jsonrpc import one_line

# Lanes are per tenant and credential identity, both from the operator's configuration; the bound is against mistakes.
LANES_MAX = 1024
INITIALIZED = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'


class HttpUpstream:
    """One registered server. Sessions at it are the client's own on `/mcp/{server}`, and opened here on `/mcp`."""

    def __init__(self, config: ServerConfig, transport: Http, world: World) -> None:
        self._name = config.name
        self._transport = transport
        self._world = world
        self._lanes: dict[tuple[str, str, str], Lane] = {}
        self._opening: dict[Owner, asyncio.Task[Opened]] = {}
        Lane(transport, world)  # a URL or header that cannot be used is said at registration, not at the first call

    def lane(self, tenant: str, lease: Lease) -> Lane:
        key = (tenant, lease.source, lease.upstream_identity)
        lane = self._lanes.get(key)
        if lane is None:
            if len(self._lanes) >= LANES_MAX:
                raise refuse(
                    Reason.UPSTREAM_UNREACHABLE, f"more than {LANES_MAX} tenants and credentials for one server"
                )
            lane = self._lanes[key] = Lane(self._transport, self._world)
        lane.credential = lease.credential
        return lane

    # the port -------------------------------------------------------------------------------------------------
    async def exchange(self, leased: Leased, params: Mapping[str, Any], sink: Sink) -> Reply:
        resolved = leased.recorded.permitted.access.resolved
        request = resolved.request
        lane = self.lane(_grant(resolved).tenant, leased.lease)
        id = self._world.ids.take()
        if request.era is Era.LEGACY:
            return await self._legacy(lane, resolved, params, sink, id)
        tool = resolved.item if isinstance(resolved.item, Tool) else None
        body = request_body(id, request.method, params)
        routing = routing_headers(request, request.method, params, tool)
        head = lane.heads.post(lane.credential, request.version, "", routing, len(body))
        return await lane.carry(head + body, request, id, sink)

    async def notify(self, leased: Leased, body: Mapping[str, Any]) -> None:
        resolved = leased.recorded.permitted.access.resolved
        grant, request = _grant(resolved), resolved.request
        lane = self.lane(grant.tenant, leased.lease)
        found = self._session(lane, grant.id, request)
        if found is None:
            return  # nothing was opened there yet, so there is nothing to tell
        message = self._with_our_id(lane, _owner(grant.id, request), body)
        if message is not None:
            await lane.post(orjson.dumps(message), lane.credential, found.version, found.id)

    async def listen(self, leased: Leased, last_event_id: str, sink: Sink) -> None:
        resolved = leased.recorded.permitted.access.resolved
        grant, request = _grant(resolved), resolved.request
        lane = self.lane(grant.tenant, leased.lease)
        if last_event_id and not SESSION_ID.match(last_event_id):
            raise refuse(Reason.INVALID_MESSAGE, "Last-Event-ID is not visible ASCII of at most 1024 characters")
        found = self._session(lane, grant.id, request) or await self._open(lane, grant.id, request)
        head = lane.heads.bare(b"GET", lane.credential, found.version, found.id, last_event_id)
        limit = self._world.limits.reply_bytes_max
        connection, answer = await lane.send(head, body_bytes_max=limit, lasting=True)
        try:
            response = await answer.head
            if answer.chunks is None or response.status != 200:
                raise failure(response, in_session=bool(found.id))
            reader = EventReader(limit)
            while chunk := await answer.chunks.get():
                for event in events_of(reader, chunk):
                    data = self._to_client(lane, _owner(grant.id, request), event.data)
                    if data is not None:
                        await sink.interim(Message(data, event.event_id or "", event.retry_ms))
        finally:
            connection.abandon(answer)

    async def close_session(self, grant_id: str, session: Session) -> None:
        for lane in self._lanes.values():
            gone = [
                lane.sessions.drop((grant_id, session.nonce)),
                lane.sessions.drop((grant_id, _direct(session.upstream))),
            ]
            lane.goodbye([opened for opened in gone if opened is not None], self._name)

    def end_grant(self, grant_id: str) -> int:
        """The calls in flight are cancelled by whoever runs them; this ends the sessions. No process to stop."""
        for lane in self._lanes.values():
            lane.goodbye(lane.sessions.drop_grant(grant_id), self._name)
        return 0

    async def channel(self, era: Era, lease: Lease) -> HttpChannel:
        """A conversation for a survey, of the server's own credential and no tenant's."""
        return HttpChannel(era, self.lane("", lease), self._name)

    def sweep(self, now_s: float) -> None:
        for lane in self._lanes.values():
            lane.pool.sweep(now_s)
            lane.goodbye(lane.sessions.expired(now_s), self._name)

    async def close(self) -> None:
        for lane in self._lanes.values():
            lane.pool.close()

    # legacy ---------------------------------------------------------------------------------------------------
    async def _legacy(self, lane: Lane, resolved: Resolved, params: Mapping[str, Any], sink: Sink, id: int) -> Reply:
        grant, request = _grant(resolved), resolved.request
        if request.method == "initialize":
            return await self._initialize(lane, grant.id, request, params, sink, id)
        found = self._session(lane, grant.id, request) or await self._open(lane, grant.id, request)
        owner = _owner(grant.id, request)
        body = request_body(id, request.method, params)
        head = lane.heads.post(lane.credential, found.version, found.id, b"", len(body))
        lane.flights.begin(owner, request.id, id)
        detached = False
        try:
            reply = await lane.carry(head + body, request, id, sink, in_session=bool(found.id))
            detached = reply.status is OutcomeStatus.DETACHED
            return reply
        except Invalid:  # the server has ended the session: the next request opens another, this one is told
            lane.sessions.drop(owner)
            raise
        except asyncio.CancelledError:
            # Up to 2025-11-25 a closed connection cancels nothing; only this notification does (G11).
            cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}
            farewell = lane.post(orjson.dumps(cancelled), lane.credential, found.version, found.id)
            self._world.background.start(farewell, "cancel_failed", self._name)
            raise
        finally:
            if detached:
                lane.flights.detach(id)
            else:
                lane.flights.end(id)

    async def _initialize(
        self, lane: Lane, grant_id: str, request: McpRequest, params: Mapping[str, Any], sink: Sink, id: int
    ) -> Reply:
        body = request_body(id, "initialize", params)
        head = lane.heads.post(lane.credential, "", "", b"", len(body))
        reply = await lane.carry(head + body, request, id, sink)
        if reply.member == "result" and reply.session:
            opened = (grant_id, _direct(reply.session))
            lane.goodbye(lane.sessions.add(opened, reply.session, _version(reply.value)), self._name)
        return reply

    def _session(self, lane: Lane, grant_id: str, request: McpRequest) -> Opened | None:
        """The session this request belongs to: the one its client opened itself, or the one opened for it."""
        session = request.session
        if session is None:
            raise refuse(Reason.SESSION_MISSING, "a legacy request needs a session")
        if not request.endpoint.server:
            return lane.sessions.find((grant_id, session.nonce))
        known = lane.sessions.find((grant_id, _direct(session.upstream)))
        return known or Opened(session.upstream, request.version, 0.0)

    async def _open(self, lane: Lane, grant_id: str, request: McpRequest) -> Opened:
        """Open the session for this client's session once, however many of its requests wait for it."""
        session = request.session
        if session is None:
            raise refuse(Reason.SESSION_MISSING, "a legacy request needs a session")
        owner = (grant_id, session.nonce)
        task = self._opening.get(owner)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._handshake(lane, owner, session, request))
            self._opening[owner] = task
            task.add_done_callback(lambda done: self._opened(owner, done))
        return await asyncio.shield(task)

    def _opened(self, owner: Owner, task: asyncio.Task[Opened]) -> None:
        self._opening.pop(owner, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it; if they all left, nobody needs it

    async def _handshake(self, lane: Lane, owner: Owner, session: Session, request: McpRequest) -> Opened:
        id = self._world.ids.take()
        reply = await self._initialize_as(lane, session, request, id)
        if reply.member != "result":
            raise refuse(Reason.UPSTREAM_UNREACHABLE, "the server refused to open a session")
        version = _version(reply.value)
        await lane.post(INITIALIZED, lane.credential, version, reply.session)
        lane.goodbye(lane.sessions.add(owner, reply.session, version), self._name)
        return lane.sessions.find(owner) or Opened(reply.session, version, 0.0)

    async def _initialize_as(self, lane: Lane, session: Session, request: McpRequest, id: int) -> Reply:
        body = request_body(id, "initialize", session.client)
        head = lane.heads.post(lane.credential, "", "", b"", len(body))
        return await lane.carry(head + body, request, id, NoSink())

    def _with_our_id(self, lane: Lane, owner: Owner, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A client's message as the server knows the request it is about; None for a request that is over."""
        if body.get("method") != "notifications/cancelled":
            return body
        params = body.get("params")
        if not isinstance(params, Mapping):
            return None
        id = lane.flights.ours(owner, orjson.dumps(params.get("requestId")))
        return None if id is None else {**body, "params": {**params, "requestId": id}}

    def _to_client(self, lane: Lane, owner: Owner, data: bytes) -> bytes | None:
        """A message of the session's stream for its client: a late reply gets the client's id, others are dropped."""
        if not data:
            return data
        message = parse(data)
        if message.method:
            return data
        id = own_id(message)
        theirs = None if id is None else lane.flights.theirs(owner, id)
        if id is None or theirs is None or not is_reply(message):
            return None
        lane.flights.end(id)
        member, value = (b"error", message.error) if message.error else (b"result", message.result)
        return b'{"jsonrpc":"2.0","id":%b,"%b":%b}' % (theirs, member, one_line(bytes(value)))


class HttpChannel:
    """One era's conversation with the server on its own behalf, for the catalog."""

    def __init__(self, era: Era, lane: Lane, server: str) -> None:
        self._era = era
        self._lane = lane
        self._server = server
        self._version = MODERN_VERSION if era is Era.MODERN else ""
        self._session = ""

    async def request(self, method: str, params: Mapping[str, Any]) -> Reply:
        lane, id = self._lane, self._lane.ids.take()
        endpoint = Endpoint(self._server, "")
        request = McpRequest(b"0", method, params, self._era, self._version, endpoint)
        body = request_body(id, method, params)
        routing = routing_headers(request, method, params, None) if self._era is Era.MODERN else b""
        head = lane.heads.post(lane.credential, self._version, self._session, routing, len(body))
        return await lane.carry(head + body, request, id, NoSink(), in_session=bool(self._session))

    async def initialized(self, version: str, session: str) -> None:
        self._version, self._session = version, session
        await self._lane.post(INITIALIZED, self._lane.credential, version, session)

    def close(self) -> None:
        self._lane.goodbye([Opened(self._session, self._version, 0.0)], self._server)


def _grant(resolved: Resolved) -> Any:
    return resolved.consented.bound.live.grant


def _owner(grant_id: str, request: McpRequest) -> Owner:
    session = request.session
    return grant_id, session.nonce if session is not None else ""


def _direct(upstream: str) -> str:
    """A key no nonce can equal: a session the client opened at the server itself."""
    return f"={upstream}"


def _version(result: bytes) -> str:
    """The version a handshake settled on."""
    version = orjson.loads(result).get("protocolVersion")
    return version if isinstance(version, str) and len(version) <= 32 else ""
