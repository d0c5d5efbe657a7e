"""What every upstream needs from outside, and the little work they do on their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from remit.adapters.upstream.connection import Deadlines
from remit.adapters.upstream.messages import IdCounter
from remit.core.errors import Refusal
from remit.ports.clock import Clock
from remit.ports.dialler import Dialler
from remit.ports.launcher import Launcher

log = logging.getLogger("remit.upstream")
GOODBYE_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Bounds per server. `reply_bytes_max` holds for one message, streamed or not; `start_s` for a process to answer
    its handshake; `process_idle_s` is how long an unused process lives."""

    reply_bytes_max: int = 16_777_216
    connections_max: int = 256
    sessions_max: int = 4_096
    session_ttl_s: float = 3_600.0
    processes_max: int = 64
    processes_per_grant_max: int = 16
    process_idle_s: float = 600.0
    start_s: float = 30.0
    stop_grace_s: float = 2.0
    deadlines: Deadlines = field(default_factory=Deadlines)


class Background:
    """Short work that nobody waits for: goodbyes to servers. It never outlives `stop`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], event: str, server: str) -> None:
        task = asyncio.get_running_loop().create_task(self._run(work, event, server))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Coroutine[Any, Any, None], event: str, server: str) -> None:
        try:
            await asyncio.wait_for(work, GOODBYE_S_MAX)
        except (Refusal, TimeoutError) as error:
            reason = error.reason.value if isinstance(error, Refusal) else "timeout"
            log.info(event, extra={"server": server, "reason": reason})

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class World:
    dialler: Dialler
    launcher: Launcher
    clock: Clock
    limits: UpstreamLimits = field(default_factory=UpstreamLimits)
    ids: IdCounter = field(default_factory=IdCounter)
    background: Background = field(default_factory=Background)
