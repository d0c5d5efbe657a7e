"""Reading the ledger back for `explain`, for budgets after a restart, and for the age of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from remit.adapters.ledger.durable import named
from remit.adapters.ledger.index import LedgerIndex
from remit.adapters.ledger.salts import Proof
from remit.core.errors import refuse
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.ports.records import Record

ACTS_AT_ONCE_MAX: Final = 1000


class IndexedRecords:
    """The records port over the ledger's index. Questions run in a thread: they read files."""

    def __init__(self, index: LedgerIndex) -> None:
        self._index = index

    async def find(self, decision_id: str) -> Sequence[Record]:
        explained = await asyncio.to_thread(self._index.explain, decision_id)
        if explained is None:
            return []
        return [record for record in (explained.record, explained.outcome) if record is not None]

    async def page(self, after: int, count_max: int) -> tuple[list[dict[str, Any]], int]:
        """See `LedgerIndex.page`."""
        return await asyncio.to_thread(self._index.page, after, count_max)

    async def prove(self, decision_id: str, arguments: bytes) -> Proof | None:
        """See `LedgerIndex.prove`. Raises `Outage`."""
        with _salts_readable():
            return await asyncio.to_thread(self._index.prove, decision_id, arguments)

    async def erase(self, decision_id: str) -> bool:
        """See `LedgerIndex.erase`. Raises `Outage`."""
        with _salts_readable():
            return await asyncio.to_thread(self._index.erase, decision_id)


@contextmanager
def _salts_readable() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        found = f"the salts of the record's segment cannot be used: {named(problem)}"
        raise refuse(Reason.LEDGER_UNAVAILABLE, found) from problem


def newest_store_sequence(index: LedgerIndex) -> int:
    """The highest authority sequence of the store that the ledger saw; 0 when it never did. Acts that ran at the same
    time may be recorded in another order than they were stored in.
    """
    newest = index.newest(RecordKind.GRANT, ACTS_AT_ONCE_MAX)
    return max((int(record.get("store_sequence", 0)) for record in newest), default=0)
