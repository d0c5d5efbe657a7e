"""From an HTTP response to a JSON-RPC reply: what counts as an answer, and what a failure is called."""

from __future__ import annotations

from typing import Any

import orjson

from remit.adapters.upstream.connection import Answer
from remit.adapters.upstream.http_heads import SESSION_ID
from remit.adapters.upstream.messages import (
    Received,
    invalid,
    is_reply,
    own_id,
    parse,
    reply_of,
)
from remit.core.catalog import Era
from remit.core.errors import Refusal, refuse
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.ports.upstream import Message, Reply, Sink
from remit.wire.events import Event, EventReader, EventTooLarge
from remit.wire.response import JSON, Response
from remit.wire.revisions import META_SUBSCRIPTION


def whole_reply(response: Response, id: int, *, in_session: bool) -> Reply:
    """The reply a complete response holds. Raises `Outage`, or `Invalid` when the session is not known there."""
    body = response.take()
    if response.content_type == JSON:
        message = parse_if(body, must=response.status < 300)
        if message is not None and (response.status < 300 or own_id(message) == id):
            return reply_of(message, id, http_status=response.status, session=session_of(response))
    raise failure(response, in_session=in_session)


def parse_if(body: bytes, *, must: bool) -> Received | None:
    """The message in an error response, if there is one; in a success there has to be."""
    try:
        return parse(body)
    except Refusal:
        if must:
            raise
        return None


def failure(response: Response, *, in_session: bool) -> Refusal:
    status = response.status
    if status == 404 and in_session:
        return refuse(Reason.SESSION_UNKNOWN, "the server has ended this session")
    if status == 405:
        return refuse(Reason.METHOD_NOT_ALLOWED, "the server does not offer this")
    if status in (401, 403):
        return refuse(Reason.UPSTREAM_UNREACHABLE, f"the server refused the credential it was shown (HTTP {status})")
    if status >= 400:
        return refuse(
            Reason.UPSTREAM_UNREACHABLE, f"the server answered HTTP {status} without an answer to the request"
        )
    if status >= 300:
        return invalid(f"the server answered HTTP {status}; redirects are not followed")
    return invalid(f"the server answered HTTP {status} with neither JSON nor an event stream")


def session_of(response: Response) -> str:
    """The session id a response assigns, visible ASCII only (G15), empty when it assigns none."""
    found = response.headers.get(b"mcp-session-id")
    if found is None:
        return ""
    session = found.decode("latin-1")
    if not SESSION_ID.match(session):
        raise invalid("the server's Mcp-Session-Id is not visible ASCII of at most 1024 characters")
    return session


class EventPump:
    """Reads one response's event stream until the request's reply, handing what comes before to the sink."""

    def __init__(self, request: McpRequest, id: int, sink: Sink, *, message_bytes_max: int) -> None:
        self._request = request
        self._id = id
        self._sink = sink
        self._reader = EventReader(message_bytes_max)
        self._resumable = False

    async def run(self, answer: Answer, response: Response) -> Reply:
        """Raises `Outage` when the stream ends without a reply that could still come on another."""
        chunks = answer.chunks
        if chunks is None:
            raise RuntimeError("the response does not stream")
        session = session_of(response)
        while chunk := await chunks.get():
            for event in events_of(self._reader, chunk):
                reply = await self._event(event, session)
                if reply is not None:
                    return reply
        if self._resumable:
            return Reply("result", b"", OutcomeStatus.DETACHED, response.status, session)
        raise invalid("the server's stream ended without the answer")

    async def _event(self, event: Event, session: str) -> Reply | None:
        event_id = event.event_id or ""
        legacy = self._request.era is Era.LEGACY
        self._resumable = self._resumable or (legacy and bool(event_id))
        if not event.data:
            if legacy:
                await self._sink.interim(Message(b"", event_id, event.retry_ms))
            return None
        message = parse(event.data)
        if is_reply(message):
            reply = reply_of(message, self._id, session=session, event_id=event_id)
            return untagged(reply, self._request)
        if not message.method:
            raise invalid("the server sent a message that is neither a request, a notification nor an answer")
        if legacy or not message.id:  # a modern server may not send requests
            await self._sink.interim(Message(tagged(event.data, self._request), event_id, event.retry_ms))
        return None


def events_of(reader: EventReader, chunk: bytes) -> list[Event]:
    try:
        return reader.feed(chunk)
    except EventTooLarge:
        raise refuse(Reason.UPSTREAM_TOO_LARGE, "one message of the stream is larger than reply_bytes_max") from None


def tagged(data: bytes, request: McpRequest) -> bytes:
    """A subscription's message with the client's request id for its tag, since ours means nothing to it (G13)."""
    if request.method != "subscriptions/listen":
        return data
    message = _object(data)
    client_id = orjson.loads(request.id)
    params = message.get("params")
    if not isinstance(params, dict):
        params = message["params"] = {}
    if message.get("method") == "notifications/cancelled":
        params["requestId"] = client_id
    meta = params.get("_meta")
    params["_meta"] = {**(meta if isinstance(meta, dict) else {}), META_SUBSCRIPTION: client_id}
    return orjson.dumps(message)


def untagged(reply: Reply, request: McpRequest) -> Reply:
    """A subscription's final result, tagged like its messages."""
    if request.method != "subscriptions/listen" or reply.member != "result":
        return reply
    result = _object(reply.value)
    meta = result.get("_meta")
    if isinstance(meta, dict) and META_SUBSCRIPTION in meta:
        meta[META_SUBSCRIPTION] = orjson.loads(request.id)
    value = orjson.dumps(result)
    return Reply(reply.member, value, reply.status, reply.http_status, reply.session, reply.event_id)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise invalid("the server sent something that is not a JSON object")
    return found
