"""All registered servers behind the one port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

from remit.adapters.upstream.eras import Channel
from remit.adapters.upstream.http import HttpUpstream
from remit.adapters.upstream.stdio import StdioUpstream
from remit.adapters.upstream.survey import Surveyor
from remit.adapters.upstream.world import World, log
from remit.core.catalog import Era
from remit.core.errors import Refusal, refuse
from remit.core.lease import Lease, Leased
from remit.core.reasons import Reason
from remit.core.registration import Http, ServerConfig, Stdio
from remit.core.request import Session
from remit.ports.upstream import Message, Reply, Sink, Survey

SWEEP_S = 1.0
REPROBE_S = 3600.0  # a server that has learned another era is noticed after this long
Upstream = HttpUpstream | StdioUpstream


def _nobody(server: str) -> None:
    """No one asked to be told."""


class _Overheard:
    """Passes a server's messages on, and tells when one says that its lists changed: a reason to look, never a fact."""

    __slots__ = ("_server", "_sink", "_upstreams")

    def __init__(self, sink: Sink, server: str, upstreams: RegisteredUpstreams) -> None:
        self._sink, self._server, self._upstreams = sink, server, upstreams

    async def interim(self, message: Message) -> None:
        if b"/list_changed" in message.data:
            self._upstreams.on_list_changed(self._server)
        await self._sink.interim(message)


class RegisteredUpstreams:
    """Implements `ports.upstream.Upstreams`. `survey_lease` lends a server's own credential for the catalog.

    A registration that cannot be used (a command that is not there) refuses its own requests and nobody else's.
    """

    def __init__(self, configs: Iterable[ServerConfig], world: World, survey_lease: Callable[[str], Lease]) -> None:
        self._world = world
        self._survey_lease = survey_lease
        self._upstreams: dict[str, Upstream] = {}
        self._unusable: dict[str, Refusal] = {}
        self._surveys: dict[str, tuple[float, Survey | None]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self.on_list_changed: Callable[[str], None] = _nobody
        for config in configs:
            try:
                self._upstreams[config.name] = _upstream(config, world)
            except Refusal as refusal:
                self._unusable[config.name] = refusal
                log.error("server_unusable", extra={"server": config.name, "detail": refusal.detail})

    def start(self) -> None:
        """Begin closing what is idle or overdue. Needs a running loop."""
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def stop(self) -> None:
        """Close every connection and stop every process."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._world.background.stop()
        await asyncio.gather(*(upstream.close() for upstream in self._upstreams.values()))

    # the port: plain functions that hand the coroutine on, one frame less per call -----------------------------
    def exchange(self, leased: Leased, params: Mapping[str, Any], sink: Sink) -> Coroutine[Any, Any, Reply]:
        server = leased.recorded.permitted.access.resolved.server.name
        return self._of(server).exchange(leased, params, _Overheard(sink, server, self))

    def notify(self, leased: Leased, body: Mapping[str, Any]) -> Coroutine[Any, Any, None]:
        return self._of(leased.recorded.permitted.access.resolved.server.name).notify(leased, body)

    def listen(self, leased: Leased, last_event_id: str, sink: Sink) -> Coroutine[Any, Any, None]:
        server = leased.recorded.permitted.access.resolved.server.name
        return self._of(server).listen(leased, last_event_id, _Overheard(sink, server, self))

    async def close_session(self, server: str, grant_id: str, session: Session) -> None:
        upstream = self._upstreams.get(server)
        if upstream is not None:  # at one that cannot be used there is nothing to close
            await upstream.close_session(grant_id, session)

    def end_grant(self, grant_id: str) -> int:
        return sum(upstream.end_grant(grant_id) for upstream in self._upstreams.values())

    async def survey(self, server: str, deadline_s: float) -> Survey:
        upstream = self._of(server)
        lease = self._survey_lease(server)
        now_s = self._world.clock.monotonic_s()
        probed_s, known = self._surveys.pop(server, (0.0, None))
        if now_s - probed_s > REPROBE_S:
            known = None
        survey = await Surveyor(server, partial(_channel, upstream, lease), known).run(deadline_s)
        self._surveys[server] = (probed_s if known is not None else now_s, survey)  # a failure asks for both eras again
        return survey

    # inside ---------------------------------------------------------------------------------------------------
    def _of(self, server: str) -> Upstream:
        upstream = self._upstreams.get(server)
        if upstream is None:
            broken = self._unusable.get(server)
            detail = broken.detail if broken is not None else f"no server {server!r} is registered"
            raise refuse(Reason.UPSTREAM_UNREACHABLE, detail)
        return upstream

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now_s = self._world.clock.monotonic_s()
            for name, upstream in self._upstreams.items():
                try:
                    upstream.sweep(now_s)
                except Exception:  # noqa: BLE001  whatever broke at one server: the others' idle processes must still end
                    log.exception("sweep_failed", extra={"server": name})


async def _channel(upstream: Upstream, lease: Lease, era: Era) -> Channel:
    return await upstream.channel(era, lease)


def _upstream(config: ServerConfig, world: World) -> Upstream:
    match config.transport:
        case Http() as transport:
            return HttpUpstream(config, transport, world)
        case Stdio() as transport:
            return StdioUpstream(config, transport, world)
