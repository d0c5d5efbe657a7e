"""The chain's shape: how a record becomes a line, and how a ledger's lines are checked. Pure: bytes in, findings out.

A line is one JSON object whose last member is its link, `{"seq":7,…,"link":"<64 hex>"}`, and a newline. The link is
taken over the previous link and the object without that member, byte for byte. A signed record has its signature as
the member before: Ed25519 over `DOMAIN` and the object without both. It names the previous link, so it vouches for
everything before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from remit.core.ledger import GENESIS, RecordKind, link

DOMAIN: Final = b"remit-ledger-v1\n"
ANCHOR_DOMAIN: Final = b"remit-anchor-v1\n"
FORMAT: Final = 1
_LINK: Final = b',"link":"'
_LINK_BYTES: Final = len(_LINK) + 64 + 2
_SIGNATURE: Final = b',"signature":"'

SignatureCheck = Callable[[str, bytes, bytes], bool]
"""(key id, message, signature) -> whether a key the verifier was given made the signature. False for other keys."""


def key_id(public_key: bytes) -> str:
    """The name of a raw Ed25519 public key in signed records: the first 16 hex digits of its sha256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def seal(previous: str, body: bytes) -> tuple[bytes, str]:
    """The line for a record's JSON object (newline included), and its link."""
    after = link(previous, body)
    return b"".join((body[:-1], _LINK, after.encode("ascii"), b'"}\n')), after


def unseal(line: bytes) -> tuple[bytes, str]:
    """The object and the link that a line (without its newline) states. Raises `ValueError` if it has none."""
    cut = len(line) - _LINK_BYTES
    if cut < 1 or line[cut : cut + len(_LINK)] != _LINK or line[-2:] != b'"}':
        raise ValueError("no link at its end")
    return line[:cut] + b"}", line[cut + len(_LINK) : -2].decode("ascii")


def sign(body: bytes, make: Callable[[bytes], bytes]) -> bytes:
    """The object with its signature as last member."""
    return body[:-1] + _SIGNATURE + make(DOMAIN + body).hex().encode("ascii") + b'"}'


def signed_part(body: bytes) -> tuple[bytes, bytes]:
    """The message that a signed object's signature is over, and the signature. Raises `ValueError`."""
    part, found, rest = body.rpartition(_SIGNATURE)
    if not found or rest[-2:] != b'"}':
        raise ValueError("no signature")
    return DOMAIN + part + b"}", bytes.fromhex(rest[:-2].decode("ascii"))


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head of the ledger to keep where its writer cannot reach it: what stands up to `seq` cannot vanish unseen."""

    segment: int
    seq: int
    link: str
    at: str
    key: str
    signature: str = ""

    def message(self) -> bytes:
        return ANCHOR_DOMAIN + f"{self.segment} {self.seq} {self.link} {self.at} {self.key}".encode()


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the ledger is not what was written. `line` counts from 1; `seq` is the one due there."""

    segment: int
    line: int
    seq: int
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        place = f"segment {self.segment:08d}, line {self.line}, seq {self.seq}"
        return f"{place}: {self.what}; expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Torn:
    """An unfinished last write: what a killed writer leaves. It holds no record. `named`: the next segment says so."""

    segment: int
    after_seq: int
    torn_bytes: int
    named: bool


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check of a whole ledger found. Records after `signed_seq` are linked, but no signature covers them yet."""

    records: int
    segments: int
    seq: int
    link: str
    signed_seq: int
    torn: tuple[Torn, ...]
    anchor: Anchor | None
    broken: Break | None

    @property
    def verified(self) -> bool:
        return self.broken is None

    def blind_spots(self) -> list[str]:
        """What this check could not see, in sentences for a person."""
        said = []
        if self.anchor is None:
            said.append("no anchor was given: records removed from the end of the ledger cannot be seen")
        elif self.anchor.seq < self.seq:
            said.append(f"records removed from the end after the anchor (seq {self.anchor.seq}) cannot be seen")
        if self.signed_seq < self.seq:
            unsigned = f"records after the last signature (seq {self.signed_seq})"
            said.append(f"{unsigned} could have been rewritten by whoever can write the files")
        return said


class _Broken(Exception):
    """A line does not fit. `at` (segment, line, seq) when the fault lies elsewhere than where it was noticed."""

    def __init__(self, what: str, expected: object, found: object, at: tuple[int, int, int] | None = None) -> None:
        super().__init__(what)
        self.what, self.expected, self.found, self.at = what, str(expected), str(found), at


@dataclass(slots=True)
class _Damage:
    """The bytes of a segment from its first line that does not fit."""

    broken: Break
    at_byte: int
    size: int = 0
    newlines: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, raw: bytes) -> None:
        self.size += len(raw)
        self.newlines += raw.count(b"\n")
        self.digest.update(raw)


@dataclass(frozen=True, slots=True)
class _Before:
    """How the segment before ended: its damage if any, the byte where its valid lines end, their number."""

    damage: _Damage | None
    ended_at_byte: int
    lines: int


class ChainCheck:
    """Feed it every segment in order with `segment`, then ask `report`. Stops at the first break."""

    def __init__(self, signature_holds: SignatureCheck, anchor: Anchor | None = None) -> None:
        self._signature_holds = signature_holds
        self._anchor = anchor
        self._segment = self._line = self._seq = self._signed_seq = self._records = self._byte = 0
        self._link = GENESIS
        self._damage: _Damage | None = None
        self._before = _Before(None, 0, 0)
        self._torn: list[Torn] = []
        self._broken: Break | None = None
        if anchor is not None and not signature_holds(anchor.key, anchor.message(), _unhex(anchor.signature)):
            what, found = "the anchor's signature does not hold", f"key {anchor.key}"
            self._broken = Break(anchor.segment, 0, anchor.seq, what, "a signature by a given key", found)

    def segment(self, number: int, lines: Iterable[bytes]) -> None:
        """Check one segment's lines, newlines included. Does nothing after a break."""
        if self._broken is not None:
            return
        if number != self._segment + 1:
            due = self._segment + 1
            self._broken = Break(due, 1, self._seq + 1, "a segment is missing", f"{due:08d}", f"{number:08d}")
            return
        self._enter(number)
        for raw in lines:
            if self._damage is None:
                self._take(raw)
            else:
                self._damage.take(raw)
        if self._line == 0:
            first = "its signed first record"
            self._broken = Break(number, 1, self._seq + 1, "the segment is empty", first, "no bytes")
        elif self._damage is not None and (self._damage.newlines or self._line == 1):
            self._broken = self._damage.broken

    def report(self) -> ChainReport:
        """What was found. Call it once, after the last segment."""
        if self._damage is not None and self._broken is None:
            self._torn.append(Torn(self._segment, self._seq, self._damage.size, named=False))
        anchor = self._anchor
        if self._broken is None and anchor is not None and anchor.seq > self._seq:
            line = self._line + 1 if self._damage is None else self._line
            what = "the ledger ends before the anchor: it was cut off or rolled back"
            due = f"seq {anchor.seq} of {anchor.at}"
            self._broken = Break(self._segment, line, self._seq + 1, what, due, f"last seq {self._seq}")
        return ChainReport(
            records=self._records,
            segments=self._segment,
            seq=self._seq,
            link=self._link,
            signed_seq=self._signed_seq,
            torn=tuple(self._torn),
            anchor=anchor,
            broken=self._broken,
        )

    def _enter(self, number: int) -> None:
        self._before = _Before(self._damage, self._byte, self._line)
        self._segment, self._line, self._byte, self._damage = number, 0, 0, None

    def _take(self, raw: bytes) -> None:
        """One line; from the first that does not fit, the rest of the segment is damage."""
        self._line += 1
        try:
            self._check_line(*_parsed(raw))
        except _Broken as wrong:
            here = wrong.at or (self._segment, self._line, self._seq + 1)
            self._damage = _Damage(Break(*here, wrong.what, wrong.expected, wrong.found), self._byte)
            self._damage.take(raw)
            return
        self._byte += len(raw)

    def _check_line(self, record: Mapping[str, Any], body: bytes, stated: str) -> None:
        kind = record.get("kind")
        if self._line == 1:
            self._check_first(record, body, stated)
        elif kind == RecordKind.SEGMENT:
            raise _Broken("a segment record stands inside a segment", "any other kind", kind)
        if record.get("seq") != self._seq + 1:
            what = "records are missing, repeated or out of order"
            raise _Broken(what, f"seq {self._seq + 1}", f"seq {record.get('seq')}")
        expected = link(self._link, body)
        if stated != expected:
            raise _Broken("the record or one before it was changed", f"link {expected}", f"link {stated}")
        if kind in (RecordKind.SEGMENT, RecordKind.CHECKPOINT):
            self._check_signed(record, body)
        anchor = self._anchor
        if anchor is not None and anchor.seq == self._seq + 1 and anchor.link != stated:
            raise _Broken("the ledger was rewritten before the anchor", f"link {anchor.link}", f"link {stated}")
        self._seq, self._link, self._records = self._seq + 1, stated, self._records + 1

    def _check_first(self, record: Mapping[str, Any], body: bytes, stated: str) -> None:
        """A segment's first record vouches for exactly what stands in its predecessor, a torn tail included."""
        if record.get("kind") != RecordKind.SEGMENT or record.get("format") != FORMAT:
            found = f"kind {record.get('kind')}, format {record.get('format')}"
            raise _Broken("the segment does not begin with its own record", f"kind segment, format {FORMAT}", found)
        before = self._before
        torn_bytes, torn_sha256 = (before.damage.size, before.damage.digest.hexdigest()) if before.damage else (0, "")
        there = predecessor(self._segment - 1, self._seq, before.ended_at_byte, torn_bytes, torn_sha256)
        named = record.get("predecessor")
        if named == there:
            if before.damage is not None:
                self._torn.append(Torn(self._segment - 1, self._seq, torn_bytes, named=True))
            return
        genuine = stated == link(str(record.get("previous")), body) and record.get("segment") == self._segment
        if not genuine or self._segment == 1 or not isinstance(named, dict):
            raise _Broken("the segment does not follow its predecessor", there, named)
        # This record is as it was written, so what it names was changed.
        if before.damage is not None:
            broken = before.damage.broken
            raise _Broken(broken.what, broken.expected, broken.found, (broken.segment, broken.line, broken.seq))
        due = named.get("seq")
        added = max(0, self._seq - due) if isinstance(due, int) else 0
        at = (self._segment - 1, before.lines + 1 - added, self._seq + 1 - added)
        raise _Broken("the segment's end was cut off or added to", named, there, at)

    def _check_signed(self, record: Mapping[str, Any], body: bytes) -> None:
        if record.get("previous") != self._link or record.get("segment") != self._segment:
            raise _Broken(
                "a signed record vouches for another place",
                f"segment {self._segment} after {self._link}",
                f"{record.get('segment')} after {record.get('previous')}",
            )
        try:
            message, signature = signed_part(body)
        except ValueError as problem:
            raise _Broken("a signed record has no signature", "64 bytes in hex", problem) from problem
        if not self._signature_holds(str(record.get("key")), message, signature):
            raise _Broken("a signature does not hold", "a signature by a given key", f"key {record.get('key')}")
        self._signed_seq = self._seq + 1


def _parsed(raw: bytes) -> tuple[Mapping[str, Any], bytes, str]:
    """A line's record, its bytes without the link, and the link it states."""
    if raw[-1:] != b"\n":
        raise _Broken("the line has no end", "a newline", f"{len(raw)} bytes without one")
    try:
        body, stated = unseal(raw[:-1])
        record = orjson.loads(body)
    except ValueError as problem:
        raise _Broken("the line is not a record", "a JSON object that ends with its link", problem) from problem
    if not isinstance(record, dict):
        raise _Broken("the line is not a record", "a JSON object", type(record).__name__)
    return record, body, stated


def predecessor(segment: int, seq: int, valid_bytes: int, torn_bytes: int, torn_sha256: str) -> dict[str, Any]:
    """What a segment's first record says about the one before it; all zero for the first segment."""
    return {"segment": segment, "seq": seq, "bytes": valid_bytes, "torn_bytes": torn_bytes, "torn_sha256": torn_sha256}


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
