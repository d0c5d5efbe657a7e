"""Reading the segment files while a writer may be at work: the last records, a range, what comes next, the head."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from remit.adapters.ledger.lines import LedgerSigner
from remit.adapters.ledger.segment import lines_of, read_left, segment_numbers, segment_path
from remit.core.chain import Anchor, key_id, unseal


@dataclass(frozen=True, slots=True)
class Line:
    """A complete line and where it stands. `raw` has no newline; `end` is the byte after its newline."""

    segment: int
    start: int
    end: int
    raw: bytes

    @property
    def record(self) -> dict[str, Any]:
        """Raises `ValueError` if the line is damaged."""
        record: dict[str, Any] = orjson.loads(self.raw)
        return record


def lines_after(directory: Path, segment: int, end: int) -> Iterator[Line]:
    """Complete lines from this byte of this segment to the end of the ledger as it is now. Raises `OSError`."""
    for number in segment_numbers(directory):
        if number < segment:
            continue
        with segment_path(directory, number).open("rb") as file:
            start = file.seek(end) if number == segment else 0
            for raw in file:
                if raw.endswith(b"\n"):
                    yield Line(number, start, start + len(raw), raw[:-1])
                start += len(raw)


def tail(directory: Path, count: int) -> list[Line]:
    """The last records, oldest first. Reads back as many segments as it takes."""
    found: deque[Line] = deque()
    for number in reversed(segment_numbers(directory)):
        last: deque[Line] = deque(maxlen=count - len(found))
        start = 0
        for raw in lines_of(directory, number):
            if raw.endswith(b"\n"):
                last.append(Line(number, start, start + len(raw), raw[:-1]))
            start += len(raw)
        found.extendleft(reversed(last))
        if len(found) >= count:
            break
    return list(found)


def follow(directory: Path, wait: Callable[[], bool], *, after: Line | None = None) -> Iterator[Line]:
    """Every record after this one (or from the start), then new ones as they come. `wait` pauses; False ends it."""
    segment, end = (after.segment, after.end) if after is not None else (0, 0)
    while True:
        for line in lines_after(directory, segment, end):
            segment, end = line.segment, line.end
            yield line
        if not wait():
            return


def export(directory: Path, *, first_seq: int = 1, last_seq: int | None = None) -> Iterator[bytes]:
    """The lines of a range of records as they stand, newlines included (NDJSON): links and signatures travel along."""
    for number in segment_numbers(directory):
        for raw in lines_of(directory, number):
            seq = _seq_of(raw)
            if seq is None or seq < first_seq:
                continue
            if last_seq is not None and seq > last_seq:
                return
            yield raw


def read_record(directory: Path, segment: int, start: int, end: int) -> dict[str, Any]:
    """The record that stands there. Raises `OSError`, and `ValueError` if none does."""
    with segment_path(directory, segment).open("rb") as file:
        file.seek(start)
        body, _ = unseal(file.read(end - start)[:-1])
    record: dict[str, Any] = orjson.loads(body)
    return record


def head(directory: Path, signer: LedgerSigner) -> Anchor:
    """An anchor over what stands on the disk, for a ledger that no server writes now. Raises `Outage`, `OSError`.

    Only the last segment is read: verify first, or the anchor vouches for what nobody checked.
    """
    left = read_left(directory)
    at = ""
    for line in tail(directory, 1):
        at = str(line.record.get("at", ""))
    bare = Anchor(left.segment, left.seq, left.link, at, key_id(signer.public_key))
    return Anchor(left.segment, left.seq, left.link, at, bare.key, signer.sign(bare.message()).hex())


def anchor_to_json(anchor: Anchor) -> dict[str, Any]:
    return asdict(anchor)


def anchor_from_json(document: Any) -> Anchor:
    """Raises `ValueError` saying what is wrong."""
    match document:
        case {
            "segment": int(segment),
            "seq": int(seq),
            "link": str(link),
            "at": str(at),
            "key": str(key),
            "signature": str(signature),
        }:
            return Anchor(segment, seq, link, at, key, signature)
        case _:
            raise ValueError(
                "not an anchor: expected segment, seq, link, at, key and signature, as `head` printed them"
            )


def _seq_of(raw: bytes) -> int | None:
    """None for a torn or damaged line."""
    try:
        seq = orjson.loads(raw)["seq"]
    except (ValueError, KeyError, TypeError):
        return None
    return seq if isinstance(seq, int) else None
