"""A store a test can look into, break and wind back."""

from __future__ import annotations

import asyncio

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.ports.store import Row


class FakeStore:
    """`unavailable` makes every access an outage, `refused` only writes of these kinds; `forged` ids fail as a row with
    a wrong MAC does.
    """

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Row] = {}
        self.at = 0
        self.unavailable = False
        self.refused: set[str] = set()
        self.forged: set[str] = set()

    async def put(self, kind: str, id: str, content: bytes) -> int:
        self._require_available()
        await asyncio.sleep(0)  # a real store lets others run while it writes
        if kind in self.refused:
            raise refuse(Reason.STORE_UNAVAILABLE, "the test says so")
        self.at += 1
        self.kept[kind, id] = Row(kind, id, content, self.at)
        return self.at

    async def remove(self, kind: str, id: str) -> int:
        self._require_available()
        await asyncio.sleep(0)  # as `put`: of two at once the one asked for later stands
        if self.kept.pop((kind, id), None) is not None:
            self.at += 1
        return self.at

    async def rows(self, kind: str) -> list[Row]:
        self._require_available()
        found = sorted((row for row in self.kept.values() if row.kind == kind), key=lambda row: row.sequence)
        for row in found:
            if row.id in self.forged:
                raise refuse(Reason.STORE_UNAVAILABLE, f"row {kind}/{row.id} is not authentic")
        return found

    async def sequence(self) -> int:
        self._require_available()
        return self.at

    def _require_available(self) -> None:
        if self.unavailable:
            raise refuse(Reason.STORE_UNAVAILABLE, "the test says so")
