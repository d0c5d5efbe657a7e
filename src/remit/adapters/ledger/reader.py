"""Reading the segment files while a writer may be at work: the last records, and what comes after one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from remit.adapters.ledger.segment import lines_of, segment_numbers, segment_path
from remit.core.chain import Anchor, unseal


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


def read_record(directory: Path, segment: int, start: int, end: int) -> dict[str, Any]:
    """The record that stands there. Raises `OSError`, and `ValueError` if none does."""
    with segment_path(directory, segment).open("rb") as file:
        file.seek(start)
        body, _ = unseal(file.read(end - start)[:-1])
    record: dict[str, Any] = orjson.loads(body)
    return record


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
