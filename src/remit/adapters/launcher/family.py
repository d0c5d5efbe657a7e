"""Who descends from a process, so that ending it also ends those that left its process group."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Member(NamedTuple):
    """A process id means nothing without when it started: ids are given out again."""

    pid: int
    started: str


def descendants(pid: int) -> list[Member]:
    """Everything the process started and everything those started, whatever group or session they moved to.

    A child whose own parent has already exited is not found: it belongs to nobody any more. Empty where there is no
    `/proc`.
    """
    children: dict[int, list[Member]] = {}
    for entry in _PROC.glob("[0-9]*") if _PROC.is_dir() else ():
        found = _parent(entry)
        if found is not None:
            parent, member = found
            children.setdefault(parent, []).append(member)
    family: list[Member] = []
    waiting = [pid]
    while waiting:
        for member in children.get(waiting.pop(), ()):
            family.append(member)
            waiting.append(member.pid)
    return family


def kill(family: list[Member]) -> None:
    """End those that are still the processes they were."""
    for member in family:
        found = _parent(_PROC / str(member.pid))
        if found is not None and found[1] == member:
            try:
                os.kill(member.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue


def _parent(entry: Path) -> tuple[int, Member] | None:
    """From `/proc/PID/stat` (proc(5)): the fields after the name, which is in parentheses and may hold anything."""
    try:
        fields = (entry / "stat").read_text("latin-1").rpartition(")")[2].split()
        return int(fields[1]), Member(int(entry.name), fields[19])
    except (OSError, IndexError, ValueError):
        return None
