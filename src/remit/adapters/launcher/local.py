"""Starting a stdio server as a child of this process."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable
from typing import TypeVar, cast

from remit.adapters.launcher.family import Member, descendants, kill
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.launcher import Command

T = TypeVar("T")
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class LocalLauncher:
    """Implements `ports.launcher.Launcher`. Executables are found once on `search_path`; no child inherits it.

    Each child leads its own session and process group, so that ending it ends what it started; those that left it are
    found by descent. On Linux the kernel kills the child if this process dies first, however it dies.
    """

    def __init__(self, search_path: str) -> None:
        self._search_path = search_path
        # Told to end, not yet made to: process group -> who descends from it.
        self._ending: dict[int, list[Member]] = {}

    def resolve(self, executable: str) -> str:
        if os.path.isabs(executable):
            if os.access(executable, os.X_OK) and os.path.isfile(executable):
                return executable
            raise refuse(Reason.UPSTREAM_UNREACHABLE, f"{executable} is not an executable file")
        found = shutil.which(executable, path=self._search_path) if "/" not in executable else None
        if found is None:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, f"{executable} is not on the search path; give its absolute path")
        return os.path.abspath(found)

    async def launch(self, make: Callable[[], T], command: Command) -> T:
        environment = {
            name: value.expose().decode("utf-8", "surrogateescape") if isinstance(value, Secret) else value
            for name, value in command.environment.items()
        }
        parent = os.getpid()
        try:
            _, protocol = await asyncio.get_running_loop().subprocess_exec(
                cast("Callable[[], asyncio.SubprocessProtocol]", make),
                *command.arguments,
                env=environment,
                cwd=command.directory or "/",
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )
        except (OSError, ValueError) as error:
            why = (error.strerror or "refused") if isinstance(error, OSError) else "a NUL in its command or environment"
            if isinstance(error, FileNotFoundError):
                why += "; is the interpreter in its first line installed, and its directory there?"
            raise refuse(Reason.UPSTREAM_UNREACHABLE, f"{command.arguments[0]} cannot be started: {why}") from None
        return cast("T", protocol)

    def stop(self, pid: int, *, grace_s: float) -> None:
        self._ending[pid] = descendants(pid)
        _signal_group(pid, signal.SIGTERM)
        asyncio.get_running_loop().call_later(grace_s, self._end, pid)

    def _end(self, pid: int) -> None:
        family = self._ending.pop(pid, None)
        if family is not None:
            _signal_group(pid, signal.SIGKILL)
            kill(family)

    def close(self) -> None:
        """Remit itself ends: nobody is left to wait for the grace of those who were told to."""
        for pid in list(self._ending):
            self._end(pid)


def _die_with(parent: int) -> None:
    """Runs in the child between fork and exec, so it only makes system calls."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)


def _signal_group(pid: int, number: signal.Signals) -> bool:
    """The group outlives its leader while any member lives, and its id is not given to another meanwhile."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
