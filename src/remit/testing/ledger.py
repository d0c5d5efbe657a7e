"""A ledger in memory with a real chain, whose disk a test can hold still, fill up or break."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.core.chain import seal
from remit.core.errors import refuse
from remit.core.fixed import Fixed
from remit.core.ledger import GENESIS, Position, RecordKind
from remit.core.reasons import Reason
from remit.ports.clock import Clock, Entropy
from remit.testing.clock import FakeClock, FakeEntropy


class FakeLedgerKey:
    """The ledger's signing key, the same in every run. Another seed is another key."""

    def __init__(self, seed: bytes = b"remit") -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class FakeLedger:
    """Durable at once, until `hold_sync`. `lines` are the bytes a file would hold; `records` is what they say."""

    def __init__(self, clock: Clock | None = None, entropy: Entropy | None = None) -> None:
        self.lines: list[bytes] = []
        self.refusals: Counter[Reason] = Counter()
        self._clock = clock or FakeClock()
        self._entropy = entropy or FakeEntropy()
        self._link = GENESIS
        self._end = self._durable_end = 0
        self._held = False
        self._failure = ""
        self._waiting: list[tuple[Position, asyncio.Future[None]]] = []

    @property
    def records(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.lines]

    def of_kind(self, kind: RecordKind) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]

    def write(
        self,
        kind: RecordKind,
        decision_id: str,
        fields: Mapping[str, Any],
        *,
        fixed: Fixed | None = None,
        arguments: bytes = b"",
    ) -> Position:
        if self._failure:
            raise refuse(Reason.LEDGER_UNAVAILABLE, self._failure)
        record = {"seq": len(self.lines) + 1, "at": self._clock.now_s(), "kind": kind.value, "id": decision_id}
        fields = _joined(fields, fixed)
        if not record.keys().isdisjoint(fields):
            raise refuse(Reason.LEDGER_UNAVAILABLE, "the record uses a field of the ledger's own")
        record |= fields
        if arguments:
            record["args_digest"] = hashlib.sha256(self._entropy.bytes(16) + arguments).hexdigest()
        try:
            line, self._link = seal(self._link, orjson.dumps(record))
        except TypeError as problem:
            raise refuse(Reason.LEDGER_UNAVAILABLE, f"the record cannot be written as JSON: {problem}") from problem
        self.lines.append(line)
        self._end += len(line)
        if not self._held:
            self._durable_end = self._end
        return Position(1, self._end)

    def refused(self, reason: Reason) -> None:
        self.refusals[reason] += 1

    def flush_refusals(self) -> None:
        """What the interval's end does: one record for all refusals since the last."""
        if self.refusals:
            counts = {reason.value: count for reason, count in sorted(self.refusals.items())}
            self.refusals.clear()
            self.write(RecordKind.REFUSALS, f"refusals-{len(self.lines) + 1}", {"counts": counts})

    def is_durable(self, position: Position) -> bool:
        return position.end <= self._durable_end

    async def durable(self, position: Position) -> None:
        if self.is_durable(position):
            return
        if self._failure:
            raise refuse(Reason.LEDGER_UNAVAILABLE, self._failure)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, future))
        await future

    def hold_sync(self) -> None:
        """From now on nothing becomes durable until `release_sync`."""
        self._held = True

    def release_sync(self) -> None:
        self._held = False
        self._durable_end = self._end
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_result(None)

    def fail_writes(self, why: str = "the disk is full") -> None:
        """From now on every write is refused."""
        self._failure = why

    def fail_sync(self, why: str = "fdatasync failed") -> None:
        """What is not durable now never will be: its waiters get the outage, and nothing more is written."""
        self._failure = why
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            if not future.done():
                future.set_exception(refuse(Reason.LEDGER_UNAVAILABLE, why))


def _joined(fields: Mapping[str, Any], fixed: Fixed | None) -> Mapping[str, Any]:
    """Both parts of a record. Raises `Outage` for a name in both: the real ledger would repeat a key."""
    if fixed is None:
        return fields
    if not fields.keys().isdisjoint(fixed.fields):
        raise refuse(Reason.LEDGER_UNAVAILABLE, "the record's fixed fields repeat another field")
    return {**fields, **fixed.fields}
