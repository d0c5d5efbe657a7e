"""The ledger on a local disk: chained lines in segment files, written by the loop itself, synced by a thread.

One file per process start, and another whenever one is full. What is written is in the operating system when `write`
returns. The methods belong to one thread, the loop's. A ledger that failed once writes nothing more; after a restart
a new segment names what the failed one left.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import Any

from remit.adapters.ledger.durable import DurableThread, Round, Sync, covers, named, sync_data
from remit.adapters.ledger.lines import LedgerSigner, Lines
from remit.adapters.ledger.salts import BLOCK_SALTS, BLOCK_SALTS_COMMAND, SaltFile, digest
from remit.adapters.ledger.segment import Left, append, claim, create, read_left, segment_path
from remit.core.chain import FORMAT, Anchor
from remit.core.errors import Refusal, refuse
from remit.core.fixed import Fixed
from remit.core.ledger import Position, RecordKind
from remit.core.reasons import Reason
from remit.ports.clock import Clock, Entropy


@dataclass(frozen=True, slots=True)
class LedgerOptions:
    """Limits and intervals. `sync_each_turn` starts a sync with the intent, so that it overlaps with the call; without
    it a sync starts when somebody waits for one, and at every interval. `sync` is replaced to measure and to break."""

    segment_bytes_max: int = 64 * 1024 * 1024
    record_bytes_max: int = 64 * 1024
    checkpoint_records_max: int = 1024
    heartbeat_s: float = 60.0
    refusals_s: float = 10.0
    sync_each_turn: bool = True
    block_salts: int = BLOCK_SALTS
    sync: Sync = sync_data


def _nobody(_why: str) -> None:
    """No one asked to be told of a failure."""


class FileLedger:
    """Implements `remit.ports.ledger.Ledger`. Without a loop (a command) nothing is buffered and `durable` blocks.

    `on_failure` is told once, in a safe sentence, when the ledger stops being writable: readiness goes off.
    """

    def __init__(
        self,
        directory: Path,
        signer: LedgerSigner,
        clock: Clock,
        entropy: Entropy,
        *,
        loop: asyncio.AbstractEventLoop | None,
        options: LedgerOptions = LedgerOptions(),
        on_failure: Callable[[str], None] = _nobody,
    ) -> None:
        """Lock the directory and begin a segment after what the last writer left. Raises `Outage`.

        `left` keeps what was found: intents without an outcome, a torn tail, damage.
        """
        self._directory, self._clock, self._entropy = directory, clock, entropy
        self._loop, self._options, self._on_failure = loop, options, on_failure
        self._lines = Lines(signer, clock, options.record_bytes_max)
        self._failure = ""
        self._owner = 0
        self._refusals: Counter[Reason] = Counter()
        self._in_flight: dict[str, None] = {}
        self._pending: list[bytes] = []
        self._retired: list[int] = []
        self._turn: asyncio.Handle | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._thread: DurableThread | None = None
        try:
            self._lock = claim(directory)
            try:
                self._begin()
            except (OSError, Refusal):
                os.close(self._lock)
                raise
        except OSError as problem:
            raise self._fail("opened", problem) from problem

    # the port ---------------------------------------------------------------------------------------------------
    def write(
        self,
        kind: RecordKind,
        decision_id: str,
        fields: Mapping[str, Any],
        *,
        fixed: Fixed | None = None,
        arguments: bytes = b"",
    ) -> Position:
        """See the port. An outcome waits in memory for the next write or the end of the loop's turn, whichever is
        first: a process killed before leaves it `unknown`."""
        if self._failure or self._owner != get_ident():
            self._require_writable()
        if self._lines.seq - self._lines.signed_seq >= self._options.checkpoint_records_max:
            self.checkpoint("records")
        if self._end >= self._options.segment_bytes_max:
            self._rotate()
        salted = self._salted(arguments) if arguments else _NO_ARGUMENTS
        line = self._lines.record(kind, decision_id, fields, salted, fixed)
        self._end += len(line)
        if kind is _OUTCOME:
            self._in_flight.pop(decision_id, None)
            if self._loop is not None:
                self._pending.append(line)
                self._schedule()
                return Position(self._segment, self._end)
        elif kind is _INTENT:
            self._in_flight[decision_id] = None
            if self._options.sync_each_turn:
                self._schedule()
        self._write_out(line)
        return Position(self._segment, self._end)

    def refused(self, reason: Reason) -> None:
        self._refusals[reason] += 1

    def is_durable(self, position: Position) -> bool:
        return covers(self._reached if self._thread is None else self._thread.reached, position)

    async def durable(self, position: Position) -> None:
        if self._thread is not None:
            await self._thread.durable(position)
        elif not self.is_durable(position):
            self.sync()

    # for the composition root -------------------------------------------------------------------------------------
    @property
    def failure(self) -> str:
        """Why nothing can be written, in a safe sentence; empty while all is well. For readiness."""
        return self._failure

    @property
    def segment(self) -> int:
        return self._segment

    @property
    def seq(self) -> int:
        """Of the last record."""
        return self._lines.seq

    def head(self) -> Anchor:
        """A signed anchor over everything written so far. Raises `Outage`."""
        self.checkpoint("head")
        return self._lines.anchor(self._segment)

    async def durable_head(self) -> Anchor:
        """The same, once power loss can no longer take what it vouches for: an anchor to hand out. Raises `Outage`."""
        anchor = self.head()
        await self.durable(Position(self._segment, self._end))
        return anchor

    def checkpoint(self, why: str) -> None:
        """Write the counts of refusals, then a signed record that vouches for everything before it. Raises `Outage`."""
        self.flush_refusals()
        fields = {"why": why, "counts": self._lines.take_counts(), "in_flight": len(self._in_flight)}
        line = self._lines.signed(RecordKind.CHECKPOINT, self._segment, fields)
        self._end += len(line)
        self._write_out(line)

    def flush_refusals(self) -> None:
        """One record for all refusals without a principal since the last. Raises `Outage`."""
        self._require_writable()
        if self._refusals:
            counts = {reason.value: count for reason, count in sorted(self._refusals.items())}
            self._refusals.clear()
            record_id = f"refusals-{self._lines.seq + 1}"
            line = self._lines.record(RecordKind.REFUSALS, record_id, {"counts": counts}, _NO_ARGUMENTS)
            self._end += len(line)
            self._write_out(line)

    def sync(self) -> None:
        """Block until everything written is durable: for a process without a loop. Raises `Outage`."""
        self._require_writable()
        taken = self._take()
        try:
            for descriptor in taken.descriptors:
                self._options.sync(descriptor)
        except OSError as problem:
            raise self._fail("synced", problem) from problem
        finally:
            for descriptor in taken.retired:
                os.close(descriptor)
        self._reached = taken.position

    def close(self) -> None:
        """The orderly end: counts, a last checkpoint, everything durable, the lock given back. Raises `Outage`."""
        try:
            if not self._failure:
                self.checkpoint("shutdown")
            self._end_work()
        finally:
            os.close(self._lock)
            self._failure = self._failure or "the ledger is closed"

    # files --------------------------------------------------------------------------------------------------------
    def _begin(self) -> None:
        """Begin a segment after what stands on the disk. Raises `OSError`, `Outage`."""
        self.left = left = read_left(self._directory)
        self._lines.begin(left.seq, left.link)
        self._open_segment(left, unknown=list(left.unfinished))
        self._reached = Position(self._segment, self._end)
        self._checkpoint_at_s = self._clock.monotonic_s()
        if self._loop is not None:
            self._thread = DurableThread(self._loop, self._options.sync, self._take, self._sync_problem)
            self._thread.reached = self._reached
            self._tick = self._loop.call_later(self._options.refusals_s, self._on_tick)

    def _open_segment(self, left: Left, unknown: list[str]) -> None:
        number = left.segment + 1
        block_salts = self._options.block_salts if self._loop is not None else BLOCK_SALTS_COMMAND
        salts = SaltFile(self._directory, self._lock, number, self._entropy, block_salts)
        fields = {
            "format": FORMAT,
            "predecessor": left.as_predecessor(),
            "unknown": unknown,
            "in_flight": list(self._in_flight),
            "pid": os.getpid(),
        }
        line = self._lines.signed(RecordKind.SEGMENT, number, fields)
        try:
            self._descriptor = create(segment_path(self._directory, number), line, self._lock)
        except OSError:
            os.close(salts.descriptor)
            raise
        self._segment, self._end, self._salts = number, len(line), salts
        self._inode = os.fstat(self._descriptor).st_ino

    def _rotate(self) -> None:
        """Go on in a new file. Costs the loop a few small syncs, once per `segment_bytes_max`. Raises `Outage`."""
        self.checkpoint("rotation")
        self._require_in_place()  # the last look at this file
        full, salts = self._descriptor, self._salts.descriptor
        left = Left(segment=self._segment, seq=self._lines.seq, link=self._lines.link, valid_bytes=self._end)
        try:
            self._open_segment(left, unknown=[])
        except OSError as problem:
            raise self._fail("written", problem) from problem
        self._retired += [full, salts]

    def _salted(self, arguments: bytes) -> Mapping[str, Any]:
        try:
            index, salt = self._salts.next()
        except OSError as problem:
            raise self._fail("written", problem) from problem
        return {"args_salt": index, "args_digest": digest(salt, arguments)}

    def _write_out(self, line: bytes = b"") -> None:
        """Hand the pending lines and this one to the operating system, in order. Raises `Outage`."""
        if self._pending:
            line = b"".join((*self._pending, line))
            self._pending.clear()
        try:
            if line and (written := os.write(self._descriptor, line)) != len(line):
                append(self._descriptor, line[written:])
        except OSError as problem:
            raise self._fail("written", problem) from problem

    def _take(self) -> Round:
        """What is to be synced now, everything pending included. Raises `Outage`."""
        self._write_out()
        self._require_in_place()
        descriptors = [*self._retired, self._descriptor]
        if self._salts.unsynced:
            self._salts.unsynced = False
            descriptors.append(self._salts.descriptor)
        retired, self._retired = tuple(self._retired), []
        return Round(Position(self._segment, self._end), tuple(descriptors), retired)

    def _require_in_place(self) -> None:
        """The file by its name is the one written to, and as long. One that was moved, replaced by an editor or cut
        would take records to where nobody reads them, without an error. Raises `Outage`."""
        path = segment_path(self._directory, self._segment)
        try:
            found = os.stat(path)
        except OSError as problem:
            raise self._fail("found", problem) from problem
        if (found.st_ino, found.st_size) != (self._inode, self._end):
            raise self._stop(f"{path.name} was replaced, cut or written to by something else; records may be lost")

    def _end_work(self) -> None:
        """Stop timers and thread, sync unless something failed, close the files. Raises `Outage`."""
        for handle in (self._turn, self._tick):
            if handle is not None:
                handle.cancel()
        self._turn = self._tick = None
        thread, self._thread = self._thread, None
        try:
            if thread is not None:
                thread.stop()
                self._reached = thread.reached
            elif not self._failure:
                self.sync()
        except OSError as problem:
            raise self._fail("synced", problem) from problem
        finally:
            for descriptor in (self._descriptor, self._salts.descriptor, *self._retired):
                if descriptor >= 0:
                    os.close(descriptor)
            self._descriptor = self._salts.descriptor = -1
            self._retired.clear()

    # the loop's turn ------------------------------------------------------------------------------------------------
    def _schedule(self) -> None:
        if self._turn is None and self._loop is not None:
            self._turn = self._loop.call_soon(self._end_of_turn)

    def _end_of_turn(self) -> None:
        self._turn = None
        if self._failure or self._thread is None:
            return
        try:
            self._write_out()
        except Refusal:
            return  # nobody waits for an outcome's record; `_fail` has told whom it concerns
        if self._options.sync_each_turn:
            self._thread.request()

    def _on_tick(self) -> None:
        if self._loop is None or self._thread is None or self._failure:
            return
        self._tick = self._loop.call_later(self._options.refusals_s, self._on_tick)
        try:
            self.flush_refusals()
            now_s = self._clock.monotonic_s()
            if now_s - self._checkpoint_at_s >= self._options.heartbeat_s:
                self._checkpoint_at_s = now_s
                self.checkpoint("heartbeat")
        except Refusal:
            return  # `_fail` has told whom it concerns
        self._thread.request()

    # failure --------------------------------------------------------------------------------------------------------
    def _require_writable(self) -> None:
        if self._failure:
            raise refuse(Reason.LEDGER_UNAVAILABLE, self._failure)
        if self._owner not in (0, get_ident()):
            raise RuntimeError("the ledger belongs to the thread that wrote first; hand this record over to it")
        self._owner = get_ident()

    def _sync_problem(self, problem: OSError) -> None:
        self._fail("synced", problem)

    def _fail(self, what: str, problem: OSError) -> Refusal:
        return self._stop(f"the ledger could not be {what}: {named(problem)}")

    def _stop(self, detail: str) -> Refusal:
        """From here on nothing is written. The refusal to raise."""
        refusal = refuse(Reason.LEDGER_UNAVAILABLE, detail)
        first, self._failure = not self._failure, self._failure or refusal.detail
        if self._thread is not None:
            self._thread.refuse_waiters(refusal)
        if first:
            self._on_failure(refusal.detail)
        return refusal


_NO_ARGUMENTS: Mapping[str, Any] = {}
_INTENT, _OUTCOME = (
    RecordKind.INTENT,
    RecordKind.OUTCOME,
)  # fetching a member from its class costs more than comparing it
