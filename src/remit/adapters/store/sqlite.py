"""The store on disk: one SQLite file in WAL mode, synchronous commits, readable by its owner alone, one writer.

The standard library's driver in a worker thread: the store has two tables, and an object mapper would be two thirds of
the time Remit takes to start (docs/decisions).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from remit.adapters.store.seal import Seal, tampered
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.store import Row

T = TypeVar("T")
# `authority` has one row: where the authority counter stands, and the MAC over it and the set of all rows.
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS authority_rows (
         kind TEXT NOT NULL, id TEXT NOT NULL, content BLOB NOT NULL, sequence BIGINT NOT NULL, mac BLOB NOT NULL,
         PRIMARY KEY (kind, id))""",
    """CREATE TABLE IF NOT EXISTS authority (
         "only" INTEGER PRIMARY KEY, sequence BIGINT NOT NULL, set_mac BLOB NOT NULL)""",
)
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000")


class SqliteStore:
    """Made by `open`. Operations run one by one on one thread, in the order they were asked for, and each to its
    end, whoever still waits for it: of two writes to one row the later stands.
    """

    def __init__(self, database: sqlite3.Connection, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remit-store")
        self._sequence = 0
        self._members = 0
        self._stale = True  # whether the two above may differ from the file

    @classmethod
    async def open(cls, path: Path, key: Secret) -> SqliteStore:
        """Make or check the file. Raises `Outage` if it cannot be used, others can reach it, or somebody changed it."""
        store = await asyncio.to_thread(cls._opened, path, key)
        try:
            await store.sequence()
        except Refusal:
            await store.close()
            raise
        return store

    @classmethod
    def _opened(cls, path: Path, key: Secret) -> SqliteStore:
        _require_private(path)
        try:
            database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                for statement in (*(f"PRAGMA {pragma}" for pragma in _PRAGMAS), *_TABLES):
                    database.execute(statement)
            except sqlite3.Error:
                database.close()
                raise
        except sqlite3.Error as error:
            raise _unavailable(error) from error
        return cls(database, Seal(key))

    async def close(self) -> None:
        try:
            await self._on_worker(self._database.close)
        finally:
            self._worker.shutdown(wait=False)

    async def put(self, kind: str, id: str, content: bytes) -> int:
        return await self._transacted(lambda: self._put(kind, id, content))

    async def remove(self, kind: str, id: str) -> int:
        return await self._transacted(lambda: self._remove(kind, id))

    async def rows(self, kind: str) -> list[Row]:
        return await self._transacted(lambda: self._authentic("WHERE kind = ?", kind))

    async def sequence(self) -> int:
        return await self._transacted(lambda: self._sequence)

    async def _transacted(self, work: Callable[[], T]) -> T:
        try:
            return await self._on_worker(lambda: self._transaction(work))
        except RuntimeError as error:  # the worker takes nothing more: the store was closed
            raise refuse(Reason.STORE_UNAVAILABLE, "the store is closed") from error

    async def _on_worker(self, work: Callable[[], T]) -> T:
        """Whoever asked may leave: what was queued is done all the same, and what became of it is nobody's any more."""
        done = asyncio.wrap_future(self._worker.submit(work))
        done.add_done_callback(lambda each: each.cancelled() or each.exception())
        return await asyncio.shield(done)

    # on the worker ---------------------------------------------------------------------------------------------------
    def _transaction(self, work: Callable[[], T]) -> T:
        """All of `work` or none of it, over a counter and a sum that agree with the file."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                if self._stale:
                    self._load()
                self._stale = True  # until the commit is known to have happened
                result = work()
                self._database.execute("COMMIT")
                self._stale = False
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _unavailable(error) from error
        return result

    def _put(self, kind: str, id: str, content: bytes) -> int:
        row = Row(kind, id, content, self._sequence + 1)
        members = self._members - self._member(kind, id) + self._seal.member(row)
        values = (kind, id, content, row.sequence, self._seal.row_mac(row))
        self._database.execute("INSERT OR REPLACE INTO authority_rows VALUES (?, ?, ?, ?, ?)", values)
        self._count(row.sequence, members)
        return row.sequence

    def _remove(self, kind: str, id: str) -> int:
        member = self._member(kind, id)
        if member:
            self._database.execute("DELETE FROM authority_rows WHERE kind = ? AND id = ?", (kind, id))
            self._count(self._sequence + 1, self._members - member)
        return self._sequence

    def _load(self) -> None:
        """Read everything and hold it against its MACs."""
        found = self._database.execute("SELECT sequence, set_mac FROM authority").fetchone()
        rows = self._authentic("")
        if found is None:
            if rows:
                raise tampered("the authority counter is gone")
            self._database.execute("INSERT INTO authority VALUES (1, 0, ?)", (self._seal.set_mac(0, 0),))
            self._sequence, self._members = 0, 0
            return
        sequence, set_mac = found
        if not _is_count(sequence) or not isinstance(set_mac, bytes):
            raise tampered("the authority counter")
        members = sum(self._seal.member(row) for row in rows)
        self._seal.require_set(sequence, members, set_mac)
        self._sequence, self._members = sequence, members

    def _authentic(self, where: str, *values: str) -> list[Row]:
        """`where` is one of our own literals."""
        query = f"SELECT kind, id, content, sequence, mac FROM authority_rows {where} ORDER BY sequence"  # noqa: S608
        rows: list[Row] = []
        for kind, id, content, sequence, mac in self._database.execute(query, values):
            if not (isinstance(content, bytes) and isinstance(mac, bytes) and _is_count(sequence)):
                raise tampered(f"row {kind}/{id}")  # SQLite keeps whatever type somebody put there
            row = Row(kind, id, content, sequence)
            self._seal.require_row(row, mac)
            rows.append(row)
        return rows

    def _member(self, kind: str, id: str) -> int:
        """The share of the row as it stands; 0 if there is none."""
        return sum(self._seal.member(row) for row in self._authentic("WHERE kind = ? AND id = ?", kind, id))

    def _count(self, sequence: int, members: int) -> None:
        self._database.execute(
            "UPDATE authority SET sequence = ?, set_mac = ?", (sequence, self._seal.set_mac(sequence, members))
        )
        self._sequence, self._members = sequence, members


def _unavailable(error: sqlite3.Error) -> Refusal:
    return refuse(Reason.STORE_UNAVAILABLE, type(error).__name__)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63


def _require_private(path: Path) -> None:
    """Make the file 0600 before SQLite would make it wider; refuse one that others can reach."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refuse(Reason.STORE_UNAVAILABLE, f"{path}: {error.strerror}") from error
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)
    if mode & 0o077:
        raise refuse(Reason.STORE_UNAVAILABLE, f"{path}: found permissions {mode:04o}, expected 0600; chmod 600 {path}")
