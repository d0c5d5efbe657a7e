"""One segment file: its name, how it comes to be, how bytes are added, and what a dead writer left in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from remit.core.chain import FORMAT, predecessor, unseal
from remit.core.errors import Outage, refuse
from remit.core.ledger import GENESIS, RecordKind, link
from remit.core.reasons import Reason

_NAME: Final = re.compile(r"(\d{8})\.jsonl")


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:08d}.jsonl"


def segment_numbers(directory: Path) -> list[int]:
    """The segments that exist, ascending."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for name in names if (found := _NAME.fullmatch(name)))


def lines_of(directory: Path, number: int) -> Iterator[bytes]:
    """A segment's lines, newlines included; the last one may lack its newline."""
    with segment_path(directory, number).open("rb") as file:
        yield from file


class HeldByAnother(Outage):
    """Another process writes the ledger."""


def claim(directory: Path) -> int:
    """Make the directory if need be and lock it for one writer. The descriptor holds the lock until it is closed.

    Raises `HeldByAnother`. The lock goes with the process, also after kill -9.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        os.close(descriptor)
        raise HeldByAnother(
            Reason.LEDGER_UNAVAILABLE, f"another process writes the ledger in {directory}; stop it first"
        ) from problem
    return descriptor


def create(path: Path, content: bytes, directory: int) -> int:
    """A new file that appears whole and durable, or not at all. Returns its descriptor, for appending.

    A segment therefore never exists without its signed first record, whenever the writer is killed. Raises `OSError`.
    """
    unfinished = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        append(descriptor, content)
        os.fsync(descriptor)
        os.rename(unfinished, path)
        os.fsync(directory)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def append(descriptor: int, data: bytes) -> None:
    """Hand all of `data` to the operating system. Raises `OSError`; a part may then stand at the file's end."""
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)


@dataclass(slots=True)
class Left:
    """What a writer left behind: where the chain stands, and which intents have no outcome (`unfinished`)."""

    segment: int = 0
    seq: int = 0
    link: str = GENESIS
    valid_bytes: int = 0
    torn_bytes: int = 0
    torn_sha256: str = ""
    damaged: bool = False
    unfinished: dict[str, None] = field(default_factory=dict)

    def as_predecessor(self) -> dict[str, Any]:
        return predecessor(self.segment, self.seq, self.valid_bytes, self.torn_bytes, self.torn_sha256)


def read_left(directory: Path) -> Left:
    """Read the last segment to its last valid line. Nothing changes: a torn tail stays, the next segment names it.

    `damaged` says that whole lines follow the first one that does not fit: no killed writer does that.
    Raises `Outage` if the segment does not even begin with its own record, and `OSError`.
    """
    numbers = segment_numbers(directory)
    if not numbers:
        return Left()
    left, torn, digest = Left(segment=numbers[-1]), False, hashlib.sha256()
    for raw in lines_of(directory, left.segment):
        if not torn and _take(left, raw):
            left.valid_bytes += len(raw)
            continue
        torn = True
        left.torn_bytes += len(raw)
        left.damaged = left.damaged or raw.endswith(b"\n")
        digest.update(raw)
    if not left.valid_bytes:
        raise refuse(
            Reason.LEDGER_UNAVAILABLE,
            f"{segment_path(directory, left.segment)} does not begin with a valid segment record; "
            "run `remit audit verify`, then move the ledger directory aside to begin a new one",
        )
    left.torn_sha256 = digest.hexdigest() if torn else ""
    return left


def _take(left: Left, raw: bytes) -> bool:
    """Move `left` over one line. False if the line does not continue the chain."""
    if raw[-1:] != b"\n":
        return False
    try:
        body, stated = unseal(raw[:-1])
        record = orjson.loads(body)
        if left.valid_bytes == 0:
            _begin(left, record)
        if record["seq"] != left.seq + 1 or stated != link(left.link, body):
            return False
    except (ValueError, KeyError, TypeError):
        return False
    left.seq, left.link = record["seq"], stated
    match record:
        case {"kind": RecordKind.INTENT.value, "id": str(decision_id)}:
            left.unfinished[decision_id] = None
        case {"kind": RecordKind.OUTCOME.value, "id": str(decision_id)}:
            left.unfinished.pop(decision_id, None)
        case _:
            pass
    return True


def _begin(left: Left, record: Mapping[str, Any]) -> None:
    """A segment's first record says where the chain stood and which calls were in flight."""
    if record["kind"] != RecordKind.SEGMENT or record["format"] != FORMAT or record["segment"] != left.segment:
        raise ValueError("not a segment record")
    left.seq, left.link = record["seq"] - 1, str(record["previous"])
    left.unfinished = dict.fromkeys(record["in_flight"])
