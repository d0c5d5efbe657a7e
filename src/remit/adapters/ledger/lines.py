"""From a record's fields to its line: sequence, time, link and, for the ledger's own records, a signature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from remit.core.chain import Anchor, key_id, seal, sign
from remit.core.errors import refuse
from remit.core.fixed import Fixed
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
        self.signed_seq = 0
        self._counts = dict.fromkeys(_KINDS, 0)
        self.key = key_id(signer.public_key)
        self._signer = signer
        self._clock = clock
        self._record_bytes_max = record_bytes_max
        self._second, self._second_text = -1, ""

    def begin(self, seq: int, link: str) -> None:
        """Go on after this record."""
        self.seq, self.link, self.signed_seq = seq, link, seq
        self._counts = dict.fromkeys(_KINDS, 0)

    def record(
        self,
        kind: RecordKind,
        record_id: str,
        fields: Mapping[str, Any],
        ours: Mapping[str, Any],
        fixed: Fixed | None = None,
    ) -> bytes:
        """The record's line. `ours` are the ledger's own fields. Raises `Outage` before anything has moved."""
        if not _OWN.isdisjoint(fields):
            raise refuse(Reason.LEDGER_UNAVAILABLE, "the record uses a field of the ledger's own")
        # `_value_` is the plain attribute behind `value`, which takes longer to fetch than all of this does.
        head = {"seq": self.seq + 1, "at": self.now(), "kind": kind._value_, "id": record_id}
        try:
            body = orjson.dumps({**head, **fields, **ours})
            if fixed is not None:
                body = body[:-1] + (fixed.encoded or _encode(fixed, fields))
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
        self.signed_seq = seq
        return line

    def take_counts(self) -> dict[str, int]:
        """How many records of each kind were made since the last time this was asked."""
        counted = {kind: count for kind, count in self._counts.items() if count}
        self._counts = dict.fromkeys(_KINDS, 0)
        return counted

    def anchor(self, segment: int) -> Anchor:
        """The chain's end, signed."""
        bare = Anchor(segment, self.seq, self.link, self.now(), self.key)
        signature = self._signer.sign(bare.message()).hex()
        return Anchor(bare.segment, bare.seq, bare.link, bare.at, bare.key, signature)

    def now(self) -> str:
        """Wall-clock time as RFC 3339 in UTC with microseconds. A second's text is made once."""
        now_s = self._clock.now_s()
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%%06dZ")
        return self._second_text % ((now_s - second) * 1e6)

    def _sealed(self, kind: str, body: bytes) -> bytes:
        line, self.link = seal(self.link, body)
        self.seq += 1
        self._counts[kind] += 1
        return line


# What only the ledger itself says.
_OWN = frozenset({"seq", "at", "kind", "id", "args_salt", "args_digest", "link", "signature"})


def _encode(fixed: Fixed, fields: Mapping[str, Any]) -> bytes:
    """The fixed fields as the rest of an object, kept for the next record. Raises `Outage` for a name that is taken."""
    if not fixed.fields or not (_OWN | fields.keys()).isdisjoint(fixed.fields):
        raise refuse(Reason.LEDGER_UNAVAILABLE, "the record's fixed fields are empty or repeat another field")
    fixed.encoded = b"," + orjson.dumps(fixed.fields)[1:]
    return fixed.encoded


_KINDS = tuple(kind.value for kind in RecordKind)
