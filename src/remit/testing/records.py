"""Records read back from a list."""

from __future__ import annotations

from collections.abc import Sequence

from remit.ports.records import Record


class FakeRecords:
    """Implements the records port over whatever the test appends to `all`."""

    def __init__(self, records: Sequence[Record] = ()) -> None:
        self.all = list(records)

    async def find(self, decision_id: str) -> Sequence[Record]:
        return [record for record in self.all if record.get("id") == decision_id]
