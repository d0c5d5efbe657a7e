"""A store that forgets everything with the process: for tests, and for running without a disk."""

from __future__ import annotations

from remit.adapters.store.seal import Seal
from remit.core.secret import Secret
from remit.ports.store import Row


class MemoryStore:
    """Authenticated like the store on disk, so that both are held to the same suite."""

    def __init__(self, key: Secret) -> None:
        self._seal = Seal(key)
        self._rows: dict[tuple[str, str], tuple[Row, bytes]] = {}
        self._sequence = 0

    async def put(self, kind: str, id: str, content: bytes) -> int:
        self._sequence += 1
        row = Row(kind, id, content, self._sequence)
        self._rows[kind, id] = (row, self._seal.row_mac(row))
        return self._sequence

    async def remove(self, kind: str, id: str) -> int:
        if self._rows.pop((kind, id), None) is not None:
            self._sequence += 1
        return self._sequence

    async def rows(self, kind: str) -> list[Row]:
        found = [(row, mac) for row, mac in self._rows.values() if row.kind == kind]
        for row, mac in found:
            self._seal.require_row(row, mac)
        return sorted((row for row, _ in found), key=lambda row: row.sequence)

    async def sequence(self) -> int:
        return self._sequence
