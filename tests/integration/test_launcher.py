"""Ending a stdio server ends what it started, also what moved to a session of its own."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from remit.adapters.launcher.family import Member, descendants, kill
from remit.adapters.launcher.local import LocalLauncher
from remit.ports.launcher import Command

ESCAPE = """
import subprocess, sys, time
stray = subprocess.Popen(["sleep", "300"], start_new_session=True)
print(stray.pid, flush=True)
time.sleep(300)
"""


class Told(asyncio.SubprocessProtocol):
    """Keeps the child's first line and notices its end."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.line: asyncio.Future[bytes] = loop.create_future()
        self.pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self.pid = transport.get_pid()
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if not self.line.done():
            self.line.set_result(data)


def runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> bool:
    for _ in range(100):
        if not runs(pid):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize("how", ["stop", "close"])
async def test_a_child_that_moved_to_its_own_session_ends_with_its_server(how: str) -> None:
    launcher = LocalLauncher(os.environ["PATH"])
    told = await launcher.launch(Told, Command((sys.executable, "-c", ESCAPE), {"PATH": os.environ["PATH"]}, ""))
    stray = int(await asyncio.wait_for(told.line, 10))
    assert runs(stray)
    launcher.stop(told.pid, grace_s=0.1 if how == "stop" else 3600)
    if how == "close":
        launcher.close()
    assert await gone(stray)
    assert await gone(told.pid)
    told.transport.close()


async def test_a_process_that_merely_has_the_id_of_one_that_ended_is_left_alone() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "300")
    kill([Member(process.pid, "another start")])
    assert runs(process.pid)
    assert process.pid in {member.pid for member in descendants(os.getpid())}
    process.kill()
    await process.wait()
