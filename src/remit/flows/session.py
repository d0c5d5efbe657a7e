"""A legacy session's own walks: what a client sends that is no request, the server's standing stream, and the end.

They go through the same door as a call: decided, recorded, with a lent credential.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from remit.core.errors import Refusal, refuse
from remit.core.lease import Leased, conclude_leased
from remit.core.ledger import OutcomeStatus, Recorded
from remit.core.principals import Authenticated
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.flows.tool_call import ReleasedSink, ToolCall, status_of
from remit.ports.upstream import Sink


class OpeningSink(Sink, Protocol):
    def open(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SessionWalk:
    walk: ToolCall

    async def notify(self, authenticated: Authenticated, request: McpRequest, body: Mapping[str, Any]) -> None:
        """Pass a notification, or the answer to a server's request, on to the session's server. Raises `Refusal`."""

        async def send(leased: Leased, _: Recorded) -> None:
            await self.walk.upstreams.notify(leased, body)

        await self._carry(authenticated, request, send, standing=False)

    async def stream(
        self, authenticated: Authenticated, request: McpRequest, last_event_id: str, sink: OpeningSink
    ) -> None:
        """The server's own stream (GET), until the server, the client or the grant ends it. It opens once it is
        permitted, before there is anything to send. Raises `Refusal`.
        """

        async def listen(leased: Leased, recorded: Recorded) -> None:
            await self.walk.release_reply(recorded.position)
            sink.open()
            await self.walk.upstreams.listen(leased, last_event_id, ReleasedSink(sink, self.walk, recorded.position))

        await self._carry(authenticated, request, listen, standing=True)

    async def close(self, authenticated: Authenticated, request: McpRequest) -> None:
        """The client says the session is over (DELETE). On `/mcp` it may have one at each server it can reach."""
        bound = self.walk.bind(authenticated)
        if request.session is None:
            raise refuse(Reason.SESSION_MISSING)
        one, servers = request.endpoint.server, self.walk.catalog().servers.values()
        reached = [one] if one else [server.name for server in servers if bound.grant.tenant in server.tenants]
        for server in reached:
            await self.walk.upstreams.close_session(server, bound.grant.id, request.session)

    async def _carry(
        self,
        authenticated: Authenticated,
        request: McpRequest,
        work: Callable[[Leased, Recorded], Awaitable[None]],
        *,
        standing: bool,
    ) -> None:
        """`standing` work lasts as long as its grant, all else as long as a call may."""
        walk = self.walk
        bound = walk.bind(authenticated)
        recorded = walk.record_intent(await walk.admit(bound, request))
        started_s = walk.clock.monotonic_s()
        status, why, lease = OutcomeStatus.CANCELLED, "", None
        try:
            lease = await walk.credentials.lease(recorded)
            carried = work(conclude_leased(recorded, lease), recorded)
            await walk.calls.run(
                bound.live, carried, deadline_s=bound.live.remaining_s(started_s) if standing else walk.call_s_max
            )
            status = OutcomeStatus.OK
        except Refusal as refusal:
            status, why = status_of(refusal), refusal.reason.value
            refusal.decision_id = recorded.decision_id
            raise
        except Exception:
            status, why = OutcomeStatus.FAILED, Reason.INTERNAL.value  # a bug of ours is no cancellation
            raise
        finally:
            walk.end(recorded, lease, started_s, status, 0, why)
