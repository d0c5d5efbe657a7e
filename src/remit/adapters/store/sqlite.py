"""The store on disk: one SQLite file in WAL mode, synchronous commits, readable by its owner alone, one writer."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from remit.adapters.store.seal import Seal, tampered
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.store import Row

_tables: Final = sa.MetaData()
_rows: Final = sa.Table(
    "authority_rows",
    _tables,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("mac", sa.LargeBinary, nullable=False),
)
# One row: where the authority counter stands, and the MAC over it and the set of all rows.
_authority: Final = sa.Table(
    "authority",
    _tables,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("set_mac", sa.LargeBinary, nullable=False),
)


class SqliteStore:
    """Made by `open`. Every method is called on the loop it was opened on."""

    def __init__(self, engine: AsyncEngine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal
        self._turn = asyncio.Lock()
        self._sequence = 0
        self._members = 0
        self._stale = True  # whether the two above may differ from the file

    @classmethod
    async def open(cls, path: Path, key: Secret) -> SqliteStore:
        """Make or check the file. Raises `Outage` if it cannot be used, others can reach it, or somebody changed it."""
        _require_private(path)
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}", poolclass=StaticPool)
        sa.event.listen(engine.sync_engine, "connect", _set_pragmas)
        store = cls(engine, Seal(key))
        try:
            await store.sequence()
        except BaseException:
            await engine.dispose()
            raise
        return store

    async def close(self) -> None:
        await self._engine.dispose()

    async def put(self, kind: str, id: str, content: bytes) -> int:
        async with self._transaction() as connection:
            row = Row(kind, id, content, self._sequence + 1)
            members = self._members - await self._member(connection, kind, id) + self._seal.member(row)
            values = {"content": content, "sequence": row.sequence, "mac": self._seal.row_mac(row)}
            await connection.execute(sa.delete(_rows).where(_rows.c.kind == kind, _rows.c.id == id))
            await connection.execute(sa.insert(_rows).values(kind=kind, id=id, **values))
            await self._count(connection, row.sequence, members)
        return row.sequence

    async def remove(self, kind: str, id: str) -> int:
        async with self._transaction() as connection:
            member = await self._member(connection, kind, id)
            if member:
                await connection.execute(sa.delete(_rows).where(_rows.c.kind == kind, _rows.c.id == id))
                await self._count(connection, self._sequence + 1, self._members - member)
        return self._sequence

    async def rows(self, kind: str) -> list[Row]:
        async with self._transaction() as connection:
            return await self._authentic(connection, _rows.c.kind == kind)

    async def sequence(self) -> int:
        async with self._transaction():
            return self._sequence

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction at a time, over a counter and a sum that agree with the file."""
        try:
            async with self._turn, self._engine.begin() as connection:
                if self._stale:
                    await self._load(connection)
                self._stale = True  # until the commit is known to have happened: a cancelled one may or may not have
                yield connection
                await connection.commit()
                self._stale = False
        except (SQLAlchemyError, OSError) as error:
            raise refuse(Reason.STORE_UNAVAILABLE, type(error).__name__) from error

    async def _load(self, connection: AsyncConnection) -> None:
        """Read everything and hold it against its MACs."""
        await connection.run_sync(_tables.create_all)
        found = (await connection.execute(sa.select(_authority.c.sequence, _authority.c.set_mac))).one_or_none()
        rows = await self._authentic(connection, sa.true())
        members = sum(self._seal.member(row) for row in rows)
        if found is None:
            if rows:
                raise tampered("the authority counter is gone")
            empty = {"only": 1, "sequence": 0, "set_mac": self._seal.set_mac(0, 0)}
            await connection.execute(sa.insert(_authority).values(**empty))
            self._sequence, self._members = 0, 0
            return
        if not _is_count(found.sequence) or not isinstance(found.set_mac, bytes):
            raise tampered("the authority counter")
        self._seal.require_set(found.sequence, members, found.set_mac)
        self._sequence, self._members = found.sequence, members

    async def _authentic(self, connection: AsyncConnection, where: sa.ColumnElement[bool]) -> list[Row]:
        chosen = sa.select(_rows).where(where).order_by(_rows.c.sequence)
        rows: list[Row] = []
        for found in await connection.execute(chosen):
            if not (isinstance(found.content, bytes) and isinstance(found.mac, bytes) and _is_count(found.sequence)):
                raise tampered(f"row {found.kind}/{found.id}")  # SQLite keeps whatever type somebody put there
            row = Row(found.kind, found.id, found.content, found.sequence)
            self._seal.require_row(row, found.mac)
            rows.append(row)
        return rows

    async def _member(self, connection: AsyncConnection, kind: str, id: str) -> int:
        """The share of the row as it stands; 0 if there is none."""
        rows = await self._authentic(connection, sa.and_(_rows.c.kind == kind, _rows.c.id == id))
        return sum(self._seal.member(row) for row in rows)

    async def _count(self, connection: AsyncConnection, sequence: int, members: int) -> None:
        values = {"sequence": sequence, "set_mac": self._seal.set_mac(sequence, members)}
        await connection.execute(sa.update(_authority).values(**values))
        self._sequence, self._members = sequence, members


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**63


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


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
