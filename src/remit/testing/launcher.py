"""Processes that are never started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.ports.launcher import Command

T = TypeVar("T")


class FakeLauncher:
    """Remembers what it was told to start and to stop. `missing` executables do not resolve."""

    def __init__(self, missing: frozenset[str] = frozenset()) -> None:
        self._missing = missing
        self.launched: list[Command] = []
        self.stopped: list[int] = []

    def resolve(self, executable: str) -> str:
        if executable in self._missing:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, executable)
        return f"/usr/bin/{executable}"

    async def launch(self, make: Callable[[], T], command: Command) -> T:
        self.launched.append(command)
        return make()

    def stop(self, pid: int, *, grace_s: float) -> None:
        self.stopped.append(pid)
