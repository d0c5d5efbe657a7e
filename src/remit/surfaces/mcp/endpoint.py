"""`/mcp` and `/mcp/{server}`: from an HTTP request to a walk, in this order.

    path  Host, Origin  HTTP method  token  Content-Type, Accept  body  headers against body  the walk  the answer

The token is looked at before the body is parsed, and nothing past it sees the token.
"""

from __future__ import annotations

from typing import Final

from remit.core.catalog import Era
from remit.core.errors import Refusal, refuse
from remit.core.principals import Authenticated
from remit.core.reasons import Kind, Reason
from remit.core.secret import Secret
from remit.flows.tool_call import ToolCall
from remit.ports.changes import Changes
from remit.ports.sealer import Sealer
from remit.surfaces.mcp.exchange import HttpRequest, Responder
from remit.surfaces.mcp.legacy import LegacyEra
from remit.surfaces.mcp.modern import ModernEra
from remit.surfaces.mcp.place import Place, Places
from remit.surfaces.mcp.render import refusal_answer
from remit.surfaces.mcp.visit import Visit
from remit.surfaces.mcp.walks import EndpointSettings, make_walks
from remit.wire import jsonrpc
from remit.wire.headers import (
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    EVENTS,
    JSON,
    VERSION,
    Fields,
    accepts,
    is_json,
    scan,
)
from remit.wire.revisions import is_modern

_LEGACY_VERBS: Final = frozenset({b"GET", b"POST", b"DELETE"})
_BOTH: Final = (JSON, EVENTS)


class McpEndpoint:
    """The handler of `/mcp` and everything below it. It answers exactly once and lets cancellation through."""

    def __init__(self, walk: ToolCall, sealer: Sealer, changes: Changes, settings: EndpointSettings) -> None:
        self._walk = walk
        self._places = Places(settings.public_url, origins=settings.origins)
        walks = make_walks(walk, sealer, changes, settings)
        self._modern = ModernEra(walks)
        self._legacy = LegacyEra(walks)

    async def __call__(self, http: HttpRequest, responder: Responder) -> None:
        fields = scan(http.headers)
        era = Era.MODERN if is_modern(fields.get(VERSION)) else Era.LEGACY
        place: Place | None = None
        try:
            place = self._places.find(http.path)
            self._places.guard(fields)
            if http.method != b"POST" and (era is Era.MODERN or http.method not in _LEGACY_VERBS):
                raise refuse(Reason.METHOD_NOT_ALLOWED)
            authenticated = self._authenticate(fields, place)
            _require_types(http.method, fields)
        except Refusal as refusal:
            self._count(refusal)
            answer = refusal_answer(refusal, era, place)
            responder.whole(answer.status, jsonrpc.error(b"null", answer.value), answer.headers)
            return
        visit = Visit(place, fields, http.method, http.body, responder, authenticated, era)
        try:
            if era is Era.MODERN:
                await self._modern.serve(visit)
            else:
                await self._legacy.serve(visit)
        except Refusal as refusal:
            self._count(refusal)
            answer = refusal_answer(refusal, era, place, visit)
            compose = jsonrpc.result if answer.member == "result" else jsonrpc.error
            responder.whole(answer.status, compose(visit.id, answer.value), answer.headers)

    def _authenticate(self, fields: Fields, place: Place) -> Authenticated:
        presented = fields.pop(AUTHORIZATION, None)
        if AUTHORIZATION in fields.repeated:
            self._walk.ledger.refused(Reason.TOKEN_MALFORMED)
            raise refuse(Reason.TOKEN_MALFORMED, "Authorization came more than once")
        return self._walk.authenticate(None if presented is None else Secret(presented), place.endpoint)

    def _count(self, refusal: Refusal) -> None:
        """What the walk refused is on record; a message refused before it is counted."""
        if refusal.decision_id is None and refusal.kind is Kind.INVALID:
            self._walk.ledger.refused(refusal.reason)


def _require_types(verb: bytes, fields: Fields) -> None:
    if verb == b"POST":
        if CONTENT_TYPE in fields.repeated or not is_json(fields.get(CONTENT_TYPE)):
            raise refuse(Reason.UNSUPPORTED_MEDIA_TYPE)
        if not accepts(fields.get(ACCEPT), _BOTH):
            raise refuse(Reason.NOT_ACCEPTABLE)
    elif verb == b"GET" and not accepts(fields.get(ACCEPT), (EVENTS,)):
        raise refuse(Reason.NOT_ACCEPTABLE)
