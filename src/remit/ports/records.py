"""Reading back what the ledger holds: by decision, by grant. An index behind the ledger, rebuilt from it at will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Record = Mapping[str, Any]


class Records(Protocol):
    async def find(self, decision_id: str) -> Sequence[Record]:
        """Every record with this decision id, oldest first: an intent and its outcome, or a denial. Empty when there
        is none.
        """
        ...
