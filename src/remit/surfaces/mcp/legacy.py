"""Revisions up to 2025-11-25: `initialize` opens a session, whose handle is checked against the grant on every request.

The grant is the authority; the handle only says which conversation this is. A client that disconnects has not cancelled
(G11): requests run on, and only `notifications/cancelled` stops them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson

from remit.core.catalog import Era
from remit.core.errors import Refusal, refuse
from remit.core.handle import said_by_client
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.request import McpRequest, Session
from remit.flows.subscribe import LIST_CHANGED
from remit.ports.upstream import Message, Reply
from remit.surfaces.mcp.exchange import PRIVATE
from remit.surfaces.mcp.listed import listed
from remit.surfaces.mcp.meta import outgoing, trace_of
from remit.surfaces.mcp.render import Answer, refusal_answer
from remit.surfaces.mcp.streams import ReplyStream, SessionStream, read_object
from remit.surfaces.mcp.visit import Visit
from remit.surfaces.mcp.walks import Walks
from remit.wire import jsonrpc
from remit.wire.headers import LAST_EVENT_ID, METHOD, SESSION, VERSION
from remit.wire.jsonrpc import Incoming, MessageKind
from remit.wire.revisions import (
    LEGACY_LATEST,
    LEGACY_METHODS,
    LEGACY_NOTIFICATIONS,
    LEGACY_SERVED,
    LEGACY_VERSIONS,
    LISTS,
    META_VERSION,
    without_tasks,
)

_ONCE: Final = frozenset({SESSION, VERSION, METHOD, LAST_EVENT_ID})
# On /mcp several servers are behind one session: a question from one could be answered to another, so none is invited.
_UNSHARED: Final = frozenset({"sampling", "elicitation", "roots"})
_EVERY_LIST: Final = dict.fromkeys(LIST_CHANGED, True)


class LegacyEra:
    def __init__(self, walks: Walks) -> None:
        self._walks = walks
        self._walk = walks.call
        self._sessions = walks.sessions

    async def serve(self, visit: Visit) -> None:
        """Raises `Refusal` as long as no stream has begun."""
        if not visit.fields.repeated.isdisjoint(_ONCE):
            raise refuse(Reason.INVALID_MESSAGE, "a session header came more than once")
        if visit.verb == b"POST":
            visit.responder.detach()
            await self._post(visit)
        elif visit.verb == b"GET":
            await self._get(visit)
        else:
            await self._delete(visit)

    async def _post(self, visit: Visit) -> None:
        message = jsonrpc.decode(visit.body)
        visit.id = jsonrpc.id_of(message)
        incoming = jsonrpc.read(message)
        visit.method = incoming.method
        mirrored = visit.fields.get(METHOD)
        if mirrored is not None and mirrored != incoming.method.encode("utf-8", "surrogatepass"):
            raise refuse(Reason.HEADER_MISMATCH, "Mcp-Method differs from the body's method")
        if incoming.method == "initialize" and incoming.kind is MessageKind.REQUEST:
            await self._initialize(visit, incoming)
            return
        _refuse_modern_body(visit, incoming)
        session = self._session(visit)
        match incoming.kind:
            case MessageKind.REQUEST:
                await self._request(visit, incoming, session)
            case MessageKind.NOTIFICATION:
                await self._notification(visit, incoming, session)
            case MessageKind.RESPONSE:
                await self._answer(visit, incoming, session)

    def _session(self, visit: Visit) -> Session:
        session = self._sessions.require(visit.fields.get(SESSION), visit.authenticated, visit.place.endpoint.resource)
        visit.version = session.version
        version = visit.fields.get(VERSION)
        if version is not None and version != session.version.encode("ascii"):
            raise refuse(
                Reason.UNSUPPORTED_VERSION,
                "MCP-Protocol-Version is not the session's",
                data={"supported": [session.version]},
            )
        return session

    def _mcp_request(
        self, visit: Visit, session: Session, method: str, params: Mapping[str, Any], id: bytes = b""
    ) -> McpRequest:
        meta = params.get("_meta")
        return McpRequest(
            id=id,
            method=method,
            params=params,
            era=Era.LEGACY,
            version=session.version,
            endpoint=visit.place.endpoint,
            session=session,
            capabilities=session.client.get("capabilities", {}),
            trace=trace_of(meta) if type(meta) is dict else "",
        )

    # requests -----------------------------------------------------------------------------------------------------
    async def _request(self, visit: Visit, incoming: Incoming, session: Session) -> None:
        method, params = incoming.method, incoming.params
        if method not in LEGACY_METHODS:
            raise refuse(Reason.UNKNOWN_METHOD)
        if "arguments" in params and type(params["arguments"]) is not dict:
            raise refuse(Reason.INVALID_PARAMS, "arguments must be an object")
        if "task" in params:
            raise refuse(Reason.INVALID_PARAMS, "tasks are not offered here")
        request = self._mcp_request(visit, session, method, outgoing(params, Era.LEGACY), visit.id)
        if method == "ping":
            self._walk.bind(visit.authenticated)
            visit.responder.whole(200, jsonrpc.result(visit.id, b"{}"), PRIVATE)
        elif method in LISTS:
            page = await self._walks.listing.page(visit.authenticated, request)
            stream = ReplyStream(visit, self._walk.clock)
            stream.open()  # as the servers of this era answer
            await stream.conclude(Answer(200, "result", listed(method, page, ttl_ms=None)))
        else:
            await self._call(visit, request, session)

    async def _call(self, visit: Visit, request: McpRequest, session: Session) -> None:
        stream = SessionStream(visit, self._walk.clock, self._sessions.life(session))
        call = self._sessions.start(session, visit.id)
        try:
            reply = await self._walk.call(visit.authenticated, request, stream)
        except asyncio.CancelledError:
            if not call.cancelled:
                raise
            call.task.uncancel()
            stream.open()  # a cancelled request gets no reply; its stream just ends
            visit.responder.end_stream()
            return
        except Refusal as refusal:
            if not stream.begun:
                raise
            await stream.conclude(refusal_answer(refusal, visit.era, visit.place, visit))
            return
        finally:
            self._sessions.finish(session, visit.id)
        if stream.begun or reply.status is OutcomeStatus.DETACHED:
            await stream.finish(reply)
        else:
            stream.whole(reply)

    # messages that get no reply -----------------------------------------------------------------------------------
    async def _notification(self, visit: Visit, incoming: Incoming, session: Session) -> None:
        method, params = incoming.method, incoming.params
        if method == "notifications/cancelled":
            self._walk.bind(visit.authenticated)
            self._sessions.cancel(session, jsonrpc.id_of({"id": params.get("requestId")}))
        elif method in LEGACY_NOTIFICATIONS and visit.place.endpoint.server:
            params = outgoing(params, Era.LEGACY)
            body = {"jsonrpc": "2.0", "method": method} | ({"params": params} if "params" in incoming.body else {})
            request = self._mcp_request(visit, session, method, params)
            await self._walks.session.notify(visit.authenticated, request, body)
        else:
            self._walk.bind(visit.authenticated)  # unknown, or nobody's on a shared endpoint: acknowledged and dropped
        visit.responder.whole(202, b"")

    async def _answer(self, visit: Visit, incoming: Incoming, session: Session) -> None:
        """An answer to what a server asked on one of this session's streams, and to nothing else."""
        visit.id = b"null"
        self._walk.bind(visit.authenticated)
        self._sessions.take_answer(session, incoming.id)
        member = "result" if "result" in incoming.body else "error"
        body = {"jsonrpc": "2.0", "id": incoming.body["id"], member: incoming.body[member]}
        await self._walks.session.notify(
            visit.authenticated, self._mcp_request(visit, session, "session/answer", {}), body
        )
        visit.responder.whole(202, b"")

    # the session itself -------------------------------------------------------------------------------------------
    async def _initialize(self, visit: Visit, incoming: Incoming) -> None:
        params = incoming.params
        visit.version = asked = params.get("protocolVersion", "")
        if (
            not isinstance(asked, str)
            or type(params.get("capabilities", {})) is not dict
            or type(params.get("clientInfo", {})) is not dict
        ):
            visit.version = ""
            raise refuse(Reason.INVALID_PARAMS, "initialize needs protocolVersion, capabilities and clientInfo")
        endpoint = visit.place.endpoint
        unshared = frozenset() if endpoint.server else _UNSHARED
        capabilities = {
            key: value for key, value in without_tasks(params.get("capabilities", {})).items() if key not in unshared
        }
        params = outgoing({**params, "capabilities": capabilities}, Era.LEGACY)
        version = asked if endpoint.server or asked in LEGACY_SERVED else LEGACY_LATEST
        session = Session(self._sessions.new_nonce(), version, said_by_client(params))
        # Refuses what is too long before anything runs.
        self._sessions.mint(visit.authenticated, endpoint.resource, session)
        request = self._mcp_request(visit, session, "initialize", params, visit.id)
        if endpoint.server:
            reply = await self._walk.call(visit.authenticated, request, _Quiet())
            await self._welcome(visit, session, reply)
        else:
            found = await self._walks.discovery.initialize(visit.authenticated, request)
            handle = self._sessions.mint(visit.authenticated, endpoint.resource, session)
            visit.responder.whole(
                200, jsonrpc.result(visit.id, orjson.dumps(found)), (*PRIVATE, (b"mcp-session-id", handle))
            )

    async def _welcome(self, visit: Visit, session: Session, reply: Reply) -> None:
        """The server's own answer, and the handle that stands for its session and what was agreed in it."""
        stream = ReplyStream(visit, self._walk.clock)
        if reply.member != "result":
            await stream.finish(reply)
            return
        result = read_object(reply.value) or {}
        agreed = result.get("protocolVersion")
        if agreed not in LEGACY_VERSIONS:
            raise refuse(Reason.UPSTREAM_INVALID, "the server agreed to no protocol version this era has")
        opened = Session(session.nonce, agreed, session.client, reply.session)
        handle = self._sessions.mint(visit.authenticated, visit.place.endpoint.resource, opened)
        offered = result.get("capabilities")
        value = reply.value
        if type(offered) is dict and (kept := without_tasks(offered)) != offered:
            value = orjson.dumps(result | {"capabilities": kept})
        await stream.conclude(Answer(200, "result", value, (*PRIVATE, (b"mcp-session-id", handle))))

    async def _get(self, visit: Visit) -> None:
        session = self._session(visit)
        life = self._sessions.life(session)
        resume = visit.fields.get(LAST_EVENT_ID)
        last_event_id = life.open_event(resume) if resume is not None else ""
        stream = SessionStream(visit, self._walk.clock, life)
        request = self._mcp_request(visit, session, "session/stream", {})
        server = visit.place.endpoint.server
        try:
            if server:
                await self._server_stream(visit, request, last_event_id, stream)
            if not server or (stream.begun and stream.unserved):
                stream.open()
                await self._walks.subscribe.own(visit.authenticated, request, _EVERY_LIST, stream)
        except Refusal:
            if not stream.begun:
                raise
            # The grant ended or the server was lost: the stream ends, and the next request is told why.
        visit.responder.end_stream()

    async def _server_stream(
        self, visit: Visit, request: McpRequest, last_event_id: str, stream: SessionStream
    ) -> None:
        """The server's stream with news of our own lists beside it, from when it is permitted; a resumed stream is the
        server's alone.
        """
        beside: list[asyncio.Task[None]] = []

        def watch() -> None:
            bound = self._walk.bind(visit.authenticated)
            beside.append(asyncio.create_task(self._walks.subscribe.watch(bound, request, _EVERY_LIST, stream)))

        if not last_event_id:
            stream.on_open = watch
        try:
            await self._walks.session.stream(visit.authenticated, request, last_event_id, stream)
        except Refusal as refusal:
            if refusal.reason is not Reason.METHOD_NOT_ALLOWED or last_event_id:
                raise
            stream.unserved = True  # a server without a standing stream; ours goes on alone
        finally:
            for task in beside:
                task.cancel()

    async def _delete(self, visit: Visit) -> None:
        session = self._session(visit)
        presented = visit.fields.get(SESSION)
        if presented is not None:
            self._sessions.end(presented)
        await self._walks.session.close(visit.authenticated, self._mcp_request(visit, session, "session/stream", {}))
        visit.responder.whole(200, b"")


class _Quiet:
    """Nothing is told before initialize is answered: its stream cannot be resumed, since it has no session yet."""

    async def interim(self, message: Message) -> None:
        return None


def _refuse_modern_body(visit: Visit, incoming: Incoming) -> None:
    """A modern body under a legacy header, or under none, is not a legacy request: what went by the header saw another
    era than the server would (G3)."""
    meta = incoming.params.get("_meta")
    if type(meta) is dict and META_VERSION in meta and meta[META_VERSION] not in LEGACY_VERSIONS:
        raise refuse(Reason.HEADER_MISMATCH, "params._meta names a protocol version that MCP-Protocol-Version does not")
