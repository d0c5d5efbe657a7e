"""Replies as they leave: whole, or as a stream once the server has something to say before its reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from remit.core.catalog import Era
from remit.core.ledger import OutcomeStatus
from remit.flows.subscribe import ACKNOWLEDGED, RESOURCE_UPDATED
from remit.ports.clock import Clock
from remit.ports.upstream import Message, Reply
from remit.surfaces.mcp.exchange import PRIVATE
from remit.surfaces.mcp.render import Answer
from remit.surfaces.mcp.sessions import SessionLife
from remit.surfaces.mcp.visit import Visit
from remit.wire import jsonrpc, sse
from remit.wire.revisions import META_SUBSCRIPTION, SERVER_REQUESTS, STATUS_OF_ERROR

PROGRESS: Final = "notifications/progress"
PROGRESS_PER_S_MAX: Final = 100
# A server's own trouble with its credential is not the client's: passed on, it would start a sign-in that cannot help.
_NOT_THE_CLIENTS: Final = frozenset({401, 403, 407})


class ReplyStream:
    """A sink for one request, and its end. The stream opens with the first interim message, so that a server that only
    replies is answered in one piece and JSON stays JSON."""

    __slots__ = ("_clock", "_progress", "_second", "_visit", "begun")

    def __init__(self, visit: Visit, clock: Clock) -> None:
        self._visit = visit
        self._clock = clock
        self._second = 0.0
        self._progress = 0
        self.begun = False

    async def interim(self, message: Message) -> None:
        """Passes a notification on, drops what a modern server may not send: a modern stream carries no requests."""
        notification = read_object(message.data)
        if notification is None or "id" in notification or not self.may_pass(notification):
            return
        await self.send(sse.event(self.rewritten(notification, message.data)))

    def may_pass(self, notification: dict[str, Any]) -> bool:
        method = notification.get("method")
        if not isinstance(method, str) or not method.startswith("notifications/"):
            return False
        return method != PROGRESS or self._within_rate()

    def rewritten(self, notification: dict[str, Any], data: bytes) -> bytes:
        return data

    def _within_rate(self) -> bool:
        """Progress may be thinned out: only the latest matters, and a server must not keep a client busy with it
        (G12).
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._second >= 1.0:
            self._second, self._progress = now_s, 0
        self._progress += 1
        return self._progress <= PROGRESS_PER_S_MAX

    async def send(self, data: bytes) -> None:
        self.open()
        await self._visit.responder.send(data)

    def open(self) -> None:
        if not self.begun:
            self.begun = True
            self._visit.responder.begin_stream(PRIVATE)

    def whole(self, reply: Reply) -> None:
        """The server's reply in one piece, under the client's id, its value byte for byte."""
        compose = jsonrpc.result if reply.member == "result" else jsonrpc.error
        self._visit.responder.whole(self._status(reply), compose(self._visit.id, reply.value), PRIVATE)

    def _status(self, reply: Reply) -> int:
        if reply.http_status < 400:
            return status_of_error(reply.value) if reply.member == "error" and self._visit.era is Era.MODERN else 200
        return 502 if reply.http_status in _NOT_THE_CLIENTS else reply.http_status

    async def finish(self, reply: Reply) -> None:
        """The server's reply as the stream's last event, or in one piece if no stream began."""
        await self.conclude(Answer(self._status(reply), reply.member, reply.value), reply.event_id)

    async def conclude(self, answer: Answer, event_id: str = "") -> None:
        compose = jsonrpc.result if answer.member == "result" else jsonrpc.error
        body = compose(self._visit.id, answer.value)
        responder = self._visit.responder
        if self.begun:
            await responder.send(sse.event(body, event_id))
            responder.end_stream()
        else:
            responder.whole(answer.status, body, answer.headers)


class ListenStream(ReplyStream):
    """`subscriptions/listen`: tagged with the client's own request id, and only what its filter asked for (G13)."""

    __slots__ = ("_id", "_methods", "_uris")

    def __init__(self, visit: Visit, clock: Clock, methods: frozenset[str], uris: frozenset[str]) -> None:
        super().__init__(visit, clock)
        self._id = orjson.loads(visit.id)
        self._methods = methods
        self._uris = uris

    def may_pass(self, notification: dict[str, Any]) -> bool:
        method = notification.get("method")
        if method == ACKNOWLEDGED or not self.begun:
            return method == ACKNOWLEDGED and not self.begun  # the first frame, once
        if method == RESOURCE_UPDATED:
            params = notification.get("params")
            return isinstance(params, dict) and params.get("uri") in self._uris
        return method in self._methods

    def rewritten(self, notification: dict[str, Any], data: bytes) -> bytes:
        params = notification.get("params")
        params = dict(params) if isinstance(params, dict) else {}
        meta = params.get("_meta")
        params["_meta"] = (meta if isinstance(meta, dict) else {}) | {META_SUBSCRIPTION: self._id}
        return orjson.dumps(notification | {"params": params})

    async def finish(self, reply: Reply) -> None:
        result = read_object(reply.value) if reply.member == "result" else None
        if result is not None:
            meta = result.get("_meta")
            result["_meta"] = (meta if isinstance(meta, dict) else {}) | {META_SUBSCRIPTION: self._id}
            reply = Reply(reply.member, orjson.dumps(result), reply.status, reply.http_status)
        await super().finish(reply)


class SessionStream(ReplyStream):
    """Legacy: the server may also ask the client something, and its events carry ids to resume from. Ids leave sealed
    to the session, so that nobody can ask for another's events (G14).
    """

    __slots__ = ("_life", "on_open", "unserved")

    def __init__(self, visit: Visit, clock: Clock, life: SessionLife) -> None:
        super().__init__(visit, clock)
        self._life = life
        self.unserved = False
        self.on_open: Callable[[], None] | None = None

    def open(self) -> None:
        first = not self.begun
        super().open()
        if first and self.on_open is not None:
            self.on_open()

    async def interim(self, message: Message) -> None:
        if message.data:
            found = read_object(message.data)
            if found is None or not self._may_reach(found):
                return
        event_id = self._life.seal_event(message.event_id) if message.event_id else ""
        await self.send(sse.event(message.data, event_id, message.retry_ms))

    def _may_reach(self, found: dict[str, Any]) -> bool:
        if "id" not in found:
            return self.may_pass(found)
        if "method" not in found:
            return True  # a resumed stream delivers replies as events
        if found["method"] not in SERVER_REQUESTS:
            return False
        self._life.expect_answer(jsonrpc.id_of(found))
        return True

    async def finish(self, reply: Reply) -> None:
        if reply.status is OutcomeStatus.DETACHED:
            self.open()
            self._visit.responder.end_stream()
            return
        await super().finish(reply)

    async def conclude(self, answer: Answer, event_id: str = "") -> None:
        await super().conclude(answer, self._life.seal_event(event_id) if event_id else "")


def read_object(data: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if type(found) is dict else None


def status_of_error(value: bytes) -> int:
    code = (read_object(value) or {}).get("code")
    return STATUS_OF_ERROR.get(code, 200) if isinstance(code, int) else 200
