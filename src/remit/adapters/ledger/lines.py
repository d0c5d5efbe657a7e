"""From a record's fields to its line: sequence, time, link and, for the ledger's own records, a signature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from remit.core.chain import Anchor, key_id, seal, sign
from remit.core.errors import refuse
from remit.core.ledger import GENESIS, RecordKind
from remit.core.reasons import Reason
from remit.ports.clock import Clock


class LedgerSigner(Protocol):
    """The ledger's own Ed25519 key. `public_key` is its 32 raw bytes."""

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class Lines:
    """The chain's moving end. Every line made here must reach the file, in this order, or the ledger has failed."""

    def __init__(self, signer: LedgerSigner, clock: Clock, record_bytes_max: int) -> None:
        self.seq = 0
        self.link = GENESIS
        self.counts: Counter[str] = Counter()
        self.since_signed = 0
        self.key = key_id(signer.public_key)
        self._signer = signer
        self._clock = clock
        self._record_bytes_max = record_bytes_max
        self._second, self._second_text = -1, ""

    def begin(self, seq: int, link: str) -> None:
        """Go on after this record."""
        self.seq, self.link, self.since_signed = seq, link, 0
        self.counts.clear()

    def record(self, kind: RecordKind, record_id: str, fields: Mapping[str, Any], ours: Mapping[str, Any]) -> bytes:
        """The record's line. `ours` are the ledger's own fields. Raises `Outage` before anything has moved."""
        # `_value_` is the plain attribute behind `value`, which takes longer to fetch than the record's merge does.
        record = {"seq": self.seq + 1, "at": self.now(), "kind": kind._value_, "id": record_id, **fields, **ours}
        if len(record) != 4 + len(fields) + len(ours) or "link" in record or "signature" in record:
            raise refuse(Reason.LEDGER_UNAVAILABLE, "the record uses a field of the ledger's own")
        try:
            body = orjson.dumps(record)
        except TypeError as problem:
            raise refuse(Reason.LEDGER_UNAVAILABLE, f"the record cannot be written as JSON: {problem}") from problem
        if len(body) > self._record_bytes_max:
            found = f"the record has {len(body)} bytes, at most {self._record_bytes_max} fit"
            raise refuse(Reason.LEDGER_UNAVAILABLE, found)
        return self._sealed(kind._value_, body)

    def signed(self, kind: RecordKind, segment: int, fields: Mapping[str, Any]) -> bytes:
        """A record that vouches for everything before it."""
        seq = self.seq + 1
        head = {"seq": seq, "at": self.now(), "kind": kind.value, "id": f"{kind.value}-{seq}"}
        record = {**head, "segment": segment, "previous": self.link, **fields, "key": self.key}
        line = self._sealed(kind.value, sign(orjson.dumps(record), self._signer.sign))
        self.since_signed = 0
        return line

    def anchor(self, segment: int) -> Anchor:
        """The chain's end, signed."""
        bare = Anchor(segment, self.seq, self.link, self.now(), self.key)
        signature = self._signer.sign(bare.message()).hex()
        return Anchor(bare.segment, bare.seq, bare.link, bare.at, bare.key, signature)

    def now(self) -> str:
        """Wall-clock time as RFC 3339 in UTC with microseconds. A second's text is made once."""
        second, micro = divmod(int(self._clock.now_s() * 1e6), 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._second_text}{micro:06}Z"

    def _sealed(self, kind: str, body: bytes) -> bytes:
        line, self.link = seal(self.link, body)
        self.seq += 1
        self.since_signed += 1
        self.counts[kind] += 1
        return line
