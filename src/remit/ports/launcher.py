"""Starting the processes of stdio servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from remit.core.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Command:
    """`arguments` with the executable's absolute path first, as `resolve` returned it."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str | Secret]
    directory: str


class Launcher(Protocol):
    def resolve(self, executable: str) -> str:
        """The absolute path an executable's name stands for on the operator's search path. Raises `Outage`."""
        ...

    async def launch(self, make: Callable[[], T], command: Command) -> T:
        """Start the command in a session of its own with exactly this environment, and return the protocol `make`
        built.

        The process dies with this one. Raises `Outage` (`upstream_unreachable`) if it cannot be started.
        """
        ...

    def stop(self, pid: int, *, grace_s: float) -> None:
        """End the process group now: TERM, then KILL after `grace_s`. Returns at once."""
        ...
