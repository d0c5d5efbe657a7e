"""A file ledger in a folder of its own, and how a test reads it back."""

from __future__ import annotations

import asyncio
import errno
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from remit.adapters.ledger.file import FileLedger, LedgerOptions
from remit.adapters.ledger.segment import lines_of, segment_numbers
from remit.adapters.ledger.verify import verify
from remit.core.chain import Anchor, ChainReport
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.ledger import FakeLedgerKey

FIELDS = {"subject": "human:engineer", "client": "demo", "tenant": "acme", "grant": "grt_1", "action": "git/git_log"}


def opened() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass
class Disk:
    """Stands for fdatasync: counts, waits while `gate` is shut, fails once it is broken."""

    synced: int = 0
    broken: bool = False
    gate: threading.Event = field(default_factory=opened)

    def sync(self, _descriptor: int) -> None:
        assert self.gate.wait(10), "nobody opened the gate"
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        self.synced += 1


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the loop turn until this holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")


@dataclass
class Scene:
    """`open` begins a ledger as a process start does; only one is open at a time."""

    directory: Path
    options: LedgerOptions = field(default_factory=LedgerOptions)
    clock: FakeClock = field(default_factory=FakeClock)
    entropy: FakeEntropy = field(default_factory=FakeEntropy)
    key: FakeLedgerKey = field(default_factory=FakeLedgerKey)
    failures: list[str] = field(default_factory=list)

    def open(self, loop: asyncio.AbstractEventLoop | None = None, **options: Any) -> FileLedger:
        return FileLedger(
            self.directory,
            self.key,
            self.clock,
            self.entropy,
            loop=loop,
            options=replace(self.options, **options),
            on_failure=self.failures.append,
        )

    def records(self) -> list[dict[str, Any]]:
        """Every whole line of every segment."""
        numbers = segment_numbers(self.directory)
        return [orjson.loads(raw) for n in numbers for raw in lines_of(self.directory, n) if raw.endswith(b"\n")]

    def kinds(self) -> list[str]:
        return [record["kind"] for record in self.records()]

    def verify(self, anchor: Anchor | None = None) -> ChainReport:
        return verify(self.directory, [self.key.public_key], anchor)

    def as_killed(self, to: Path) -> Scene:
        """The files as they stand now, in another folder: what kill -9 at this instant would have left."""
        return replace(self, directory=Path(shutil.copytree(self.directory, to)), failures=[])

    def rewrite(self, change: Callable[[bytes], bytes], segment: int = 1) -> None:
        """What somebody with access to the files does."""
        path = self.directory / f"{segment:08d}.jsonl"
        path.write_bytes(change(path.read_bytes()))
