"""What must survive a restart, as authenticated rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` is `grant` or `pin`; `content` is JSON. Rows that carry authority are MACed over kind, id,
    content and `sequence`, the store's authority counter, which the ledger records too: a store older than its ledger
    is noticed.
    """

    kind: str
    id: str
    content: bytes
    sequence: int


class Store(Protocol):
    async def put(self, kind: str, id: str, content: bytes) -> int:
        """Insert or replace. Returns the new authority sequence. Raises `Outage`."""
        ...

    async def remove(self, kind: str, id: str) -> int: ...

    async def rows(self, kind: str) -> list[Row]:
        """All rows of a kind whose MAC holds. A row whose MAC fails raises `Outage`: the store was tampered with."""
        ...

    async def sequence(self) -> int: ...
