"""`requestState` in and out: what a server gave one request comes back only with that request (G18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from msgspec.structs import replace

from remit.core import request_state
from remit.core.errors import Refusal, refuse
from remit.core.ledger import OutcomeStatus
from remit.core.principals import Authenticated
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.flows.target import find_target
from remit.flows.tool_call import ToolCall
from remit.ports.sealer import Sealer, Unsealed
from remit.ports.upstream import Reply
from remit.surfaces.mcp.streams import read_object
from remit.wire.revisions import MAY_REQUIRE_INPUT


@dataclass(frozen=True, slots=True)
class RequestStates:
    walk: ToolCall
    sealer: Sealer
    ttl_s: int

    def opened(self, authenticated: Authenticated, request: McpRequest) -> McpRequest:
        """The request with the server's own state in it. Raises `Invalid` for a state of another grant, method, server
        or params, for one that expired, and for one we never sealed.
        """
        if "requestState" not in request.params:
            return request
        sealed = request.params["requestState"]
        if not isinstance(sealed, str) or request.method not in MAY_REQUIRE_INPUT:
            raise refuse(Reason.INVALID_REQUEST_STATE)
        try:
            content = self.sealer.open(request_state.PURPOSE, sealed, bound_to=self._binding(authenticated, request))
        except Unsealed:
            raise refuse(Reason.INVALID_REQUEST_STATE) from None
        state = request_state.unwrap(content, self.walk.clock.now_s())
        return replace(request, params=dict(request.params) | {"requestState": state})

    def sealed(self, authenticated: Authenticated, request: McpRequest, reply: Reply) -> Reply:
        """The reply with its state sealed. Whatever is not `input_required`, or has no state, keeps its bytes."""
        if reply.status is not OutcomeStatus.INPUT_REQUIRED or reply.member != "result":
            return reply
        if request.method not in MAY_REQUIRE_INPUT:
            raise refuse(Reason.UPSTREAM_INVALID, f"{request.method} cannot require input")
        result = read_object(reply.value)
        if result is None or not isinstance(state := result.get("requestState"), str):
            return reply
        content = request_state.wrap(state, int(self.walk.clock.now_s()) + self.ttl_s)
        sealed = self.sealer.seal(request_state.PURPOSE, content, bound_to=self._binding(authenticated, request))
        return replace(reply, value=_with_state(reply.value, result, state, sealed))

    def _binding(self, authenticated: Authenticated, request: McpRequest) -> bytes:
        parties = (authenticated.claims.grant_id, request.endpoint.resource, self._server(authenticated, request))
        return request_state.bound_to(parties, request.method, request.params, self.walk.canonical)

    def _server(self, authenticated: Authenticated, request: McpRequest) -> str:
        """On `/mcp` a name's owner may change between two requests. Where nobody owns it the walk refuses, and says
        why.
        """
        live = self.walk.grants.find(authenticated.claims.grant_id)
        if request.endpoint.server or live is None:
            return request.endpoint.server
        try:
            return find_target(self.walk.catalog(), live.grant, request)[0].name
        except Refusal:
            return ""


def _with_state(value: bytes, result: Mapping[str, Any], state: str, sealed: str) -> bytes:
    """Only the state's own bytes change where they can be told apart, so that the server's schemas stay as they are."""
    before = orjson.dumps(state)
    if value.count(b'"requestState"') == 1 and value.count(before) == 1:
        return value.replace(before, orjson.dumps(sealed))
    return orjson.dumps({**result, "requestState": sealed})
