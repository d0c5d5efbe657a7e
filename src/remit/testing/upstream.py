"""Servers that answer what a test tells them to, and remember what reached them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.core.errors import refuse
from remit.core.lease import Leased
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.request import McpRequest, Session
from remit.ports.upstream import Reply, Sink, Survey


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request as its server would see it."""

    server: str
    request: McpRequest
    params: Mapping[str, Any]


Answer = Callable[[Arrived, Sink], Awaitable[Reply]]


@dataclass(slots=True)
class FakeUpstreams:
    """`answers` maps (server, method) to what answers it; without one the result is `{"content":[]}`."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)
    notified: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    listened: list[tuple[str, str]] = field(default_factory=list)
    closed: list[tuple[str, str, Session]] = field(default_factory=list)
    ended_grants: list[str] = field(default_factory=list)
    cancelled: list[Arrived] = field(default_factory=list)
    surveys: dict[str, Survey] = field(default_factory=dict)
    streams: dict[str, Callable[[Sink], Awaitable[None]]] = field(default_factory=dict)

    async def exchange(self, leased: Leased, params: Mapping[str, Any], sink: Sink) -> Reply:
        resolved = leased.recorded.permitted.resolved
        arrived = Arrived(resolved.server.name, resolved.request, params)
        self.arrived.append(arrived)
        answer = self.answers.get((arrived.server, resolved.request.method))
        if answer is None:
            return Reply("result", b'{"content":[]}', OutcomeStatus.OK)
        try:
            return await answer(arrived, sink)
        except asyncio.CancelledError:
            self.cancelled.append(arrived)
            raise

    async def notify(self, leased: Leased, body: Mapping[str, Any]) -> None:
        self.notified.append((leased.recorded.permitted.resolved.server.name, body))

    async def listen(self, leased: Leased, last_event_id: str, sink: Sink) -> None:
        server = leased.recorded.permitted.resolved.server.name
        self.listened.append((server, last_event_id))
        if server in self.streams:
            await self.streams[server](sink)

    async def close_session(self, server: str, grant_id: str, session: Session) -> None:
        self.closed.append((server, grant_id, session))

    def end_grant(self, grant_id: str) -> int:
        self.ended_grants.append(grant_id)
        return 0

    async def survey(self, server: str, deadline_s: float) -> Survey:
        if server not in self.surveys:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, server)
        return self.surveys[server]


def replies(
    value: bytes,
    *,
    member: str = "result",
    status: OutcomeStatus = OutcomeStatus.OK,
    http_status: int = 200,
    session: str = "",
) -> Answer:
    """Always this reply."""

    async def answer(_: Arrived, __: Sink) -> Reply:
        return Reply(member, value, status, http_status, session)

    return answer
