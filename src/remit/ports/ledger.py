"""The tamper-evident record. No record, no call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from remit.core.fixed import Fixed
from remit.core.ledger import Position, RecordKind
from remit.core.reasons import Reason


class Ledger(Protocol):
    def write(
        self,
        kind: RecordKind,
        decision_id: str,
        fields: Mapping[str, Any],
        *,
        fixed: Fixed | None = None,
        arguments: bytes = b"",
    ) -> Position:
        """Write one record to the operating system before returning: it survives the death of this process.

        `fixed` are fields beside `fields` that other records share; no name may be in both. `arguments` (canonical
        JSON) is recorded as a digest with a salt of its own that can be erased; empty means none. Raises `Outage`
        (`ledger_unavailable`) if anything keeps it from being written; then nothing may run.
        """
        ...

    def refused(self, reason: Reason) -> None:
        """Count a refusal that has no principal. Counts are written once per interval, so that a flood cannot fill
        the disk.
        """
        ...

    def is_durable(self, position: Position) -> bool: ...

    async def durable(self, position: Position) -> None:
        """Return once the record has survived power loss (fdatasync). Raises `Outage` if it never will: the reply is
        withheld.
        """
        ...
