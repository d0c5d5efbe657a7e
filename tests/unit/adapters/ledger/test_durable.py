from __future__ import annotations

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from remit.adapters.ledger.durable import DurableThread, Round, covers, named, sync_data
from remit.core.errors import Outage, refuse
from remit.core.ledger import Position
from remit.core.reasons import Reason
from tests.scenes.ledger import Disk


class Written:
    """What a ledger would have written: each `take` hands over everything up to `end`."""

    def __init__(self) -> None:
        self.end = 0
        self.taken: list[int] = []
        self.failures: list[OSError] = []

    def take(self) -> Round:
        self.taken.append(self.end)
        return Round(Position(1, self.end), (0,))

    def thread(self, disk: Disk) -> DurableThread:
        thread = DurableThread(asyncio.get_running_loop(), disk.sync, self.take, self.failures.append)
        return thread


@pytest.mark.parametrize(
    ("reached", "position", "expected"),
    [((1, 5), (1, 5), True), ((1, 5), (1, 6), False), ((2, 0), (1, 9), True), ((1, 9), (2, 0), False)],
)
def test_a_position_is_covered_by_every_later_one(
    reached: tuple[int, int], position: tuple[int, int], expected: bool
) -> None:
    assert covers(Position(*reached), Position(*position)) is expected


async def test_all_who_wait_during_a_sync_share_the_next_one() -> None:
    disk, written = Disk(), Written()
    disk.gate.clear()
    thread = written.thread(disk)
    waiting = []
    for end in range(1, 41):
        written.end = end
        waiting.append(asyncio.ensure_future(thread.durable(Position(1, end))))
        await asyncio.sleep(0)
    disk.gate.set()
    await asyncio.gather(*waiting)
    assert len(written.taken) == disk.synced == 2
    assert written.taken[-1] == 40
    thread.stop()


async def test_all_who_write_in_one_turn_share_one_sync() -> None:
    disk, written = Disk(), Written()
    thread = written.thread(disk)

    async def call(end: int) -> None:
        written.end = end
        await thread.durable(Position(1, end))

    await asyncio.gather(*map(call, range(1, 33)))
    assert written.taken == [32]
    assert disk.synced == 1
    thread.stop()


async def test_a_sync_asked_for_in_the_last_turn_is_not_begun_after_the_end() -> None:
    disk, written = Disk(), Written()
    thread = written.thread(disk)
    written.end = 10
    waiting = asyncio.ensure_future(thread.durable(Position(1, 10)))
    await asyncio.sleep(0)
    thread.stop()
    await waiting
    await asyncio.sleep(0)
    assert disk.synced == 1
    assert written.taken == [10]


class SlowDisk(Disk):
    """Each sync waits for a permit of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.permits = threading.Semaphore(0)

    def sync(self, _descriptor: int) -> None:
        assert self.permits.acquire(timeout=10), "nobody gave a permit"
        self.synced += 1


async def test_what_was_written_after_a_sync_began_waits_for_the_next_one() -> None:
    disk, written = SlowDisk(), Written()
    thread = written.thread(disk)
    written.end = 10
    thread.request()
    written.end = 20
    early = asyncio.ensure_future(thread.durable(Position(1, 10)))
    late = asyncio.ensure_future(thread.durable(Position(1, 20)))
    disk.permits.release()
    await early
    assert thread.reached == Position(1, 10)
    disk.permits.release()
    await late
    assert thread.reached == Position(1, 20)
    disk.permits.release()
    thread.stop()


async def test_stopping_syncs_the_rest_and_wakes_everybody() -> None:
    disk, written = Disk(), Written()
    disk.gate.clear()
    thread = written.thread(disk)
    written.end = 10
    first = asyncio.ensure_future(thread.durable(Position(1, 10)))
    await asyncio.sleep(0)
    written.end = 20
    second = asyncio.ensure_future(thread.durable(Position(1, 20)))
    await asyncio.sleep(0)
    disk.gate.set()
    thread.stop()
    await asyncio.gather(first, second)
    assert thread.reached == Position(1, 20)


async def test_a_sync_that_failed_is_not_repeated_by_stopping() -> None:
    disk, written = Disk(), Written()
    disk.gate.clear()
    thread = written.thread(disk)
    written.end = 10
    thread.request()
    disk.broken = True
    disk.gate.set()
    with pytest.raises(OSError, match="Input/output"):
        thread.stop()
    assert disk.synced == 0
    assert thread.reached == Position(0, 0)


async def test_nobody_waits_for_a_ledger_that_cannot_hand_over_what_it_wrote() -> None:
    def take() -> Round:
        raise refuse(Reason.LEDGER_UNAVAILABLE, "the disk is full")

    thread = DurableThread(asyncio.get_running_loop(), Disk().sync, take, lambda _: None)
    with pytest.raises(Outage, match="full"):
        await thread.durable(Position(1, 1))
    thread.stop()


def test_an_error_is_named_without_a_path() -> None:
    assert named(OSError(errno.ENOSPC, "x", "/srv/secret")) == f"ENOSPC ({os.strerror(errno.ENOSPC)})"


def test_a_real_file_can_be_synced_and_a_closed_one_cannot(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"x")
    sync_data(descriptor)
    os.close(descriptor)
    with pytest.raises(OSError, match="descriptor"):
        sync_data(descriptor)
