"""A SQLite index over the ledger, behind it and never on the path: what it holds can be thrown away and read again.

It keeps where each record stands and the few columns questions are asked by; answers are read from the ledger itself.
Every question first catches up with what was written since, so that no thread has to run for answers to be current.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from remit.adapters.ledger.reader import Line, lines_after, read_record
from remit.adapters.ledger.salts import Proof, erase, prove
from remit.adapters.ledger.segment import segment_path
from remit.core.access import TargetKind
from remit.core.ledger import RecordKind

# Opening a session is an intent about the server as such, and free: `ToolCall.record_intent` charges all others.
_CHARGED: Final = f"kind = '{RecordKind.INTENT.value}' AND target_kind IS NOT '{TargetKind.SERVER.value}'"
UNKNOWN: Final = "unknown"
_VERSION: Final = 4
_SCHEMA: Final = """
CREATE TABLE record (
  seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
  kind TEXT NOT NULL, id TEXT NOT NULL, "grant" TEXT, target_kind TEXT, server TEXT
) WITHOUT ROWID;
CREATE INDEX record_id ON record (id);
CREATE INDEX record_catalog ON record (server) WHERE kind = 'catalog';
CREATE TABLE reached (segment INTEGER NOT NULL, "end" INTEGER NOT NULL, start INTEGER NOT NULL, link TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision as the ledger has it. `outcome` is None for a denial, and for an intent that has none: `unknown`."""

    record: Mapping[str, Any]
    outcome: Mapping[str, Any] | None
    status: str
    segment: int


class LedgerIndex:
    """Several processes may share the file: each takes SQLite's write lock to catch up. Any thread may ask."""

    def __init__(self, path: Path, ledger: Path) -> None:
        self._ledger = ledger
        self._guard = threading.RLock()
        self._db = _opened(path)
        with self._transaction():
            if self._db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                self._reset()

    def close(self) -> None:
        with self._guard:
            self._db.close()

    def catch_up(self) -> int:
        """Read what was written since. Starts over by itself when the ledger is not the one that was indexed."""
        with self._transaction():
            if not self._continues():
                self._reset()
            return self._catch_up()

    def explain(self, decision_id: str) -> Explained | None:
        """The decision's intent or denial and its outcome. A missing outcome reads `unknown`: it may be running, or its
        process died; it never means that the tool did not run."""
        self.catch_up()
        query = 'SELECT kind, segment, start, "end" FROM record WHERE id = ? ORDER BY seq'
        with self._guard:
            rows = self._db.execute(query, (decision_id,)).fetchall()
        found = {row[0]: (read_record(self._ledger, *row[1:]), row[1]) for row in rows}
        outcome, _ = found.pop(RecordKind.OUTCOME.value, (None, 0))
        if not found:
            return None
        record, segment = next(iter(found.values()))
        if record["kind"] == RecordKind.INTENT:
            return Explained(record, outcome, str(outcome["status"]) if outcome else UNKNOWN, segment)
        return Explained(record, None, str(record["kind"]), segment)

    def newest(self, kind: RecordKind, count_max: int = 1) -> list[dict[str, Any]]:
        """The last records of this kind, newest first, as they stand in the ledger."""
        self.catch_up()
        query = 'SELECT segment, start, "end" FROM record WHERE kind = ? ORDER BY seq DESC LIMIT ?'
        with self._guard:
            rows = self._db.execute(query, (kind.value, count_max)).fetchall()
        return [read_record(self._ledger, *row) for row in rows]

    def page(self, after: int, count_max: int) -> tuple[list[dict[str, Any]], int]:
        """Records by sequence number, those after `after`, oldest first, and the number of the last one read. A damaged
        line is passed over: `verify` names it."""
        self.catch_up()
        query = 'SELECT segment, "end" FROM record WHERE seq <= ? ORDER BY seq DESC LIMIT 1'
        with self._guard:
            segment, end = self._db.execute(query, (after,)).fetchone() or (0, 0)
        found: list[dict[str, Any]] = []
        for line in islice(lines_after(self._ledger, segment, end), count_max):
            try:
                found.append(line.record)
            except ValueError:
                continue
        return found, max((int(record["seq"]) for record in found), default=after)

    def calls_by_grant(self) -> dict[str, int]:
        """Intents charged to each grant's budget, all but those about a server as such: what was used before a restart.

        A call counts even if its outcome is unknown. Grants narrowed from another count for themselves only.
        """
        self.catch_up()
        grants = '"grant" IS NOT NULL AND'
        query = f'SELECT "grant", count(*) FROM record WHERE {grants} {_CHARGED} GROUP BY "grant"'  # noqa: S608 - our own words
        with self._guard:
            return dict(self._db.execute(query).fetchall())

    def servers_pinned(self) -> frozenset[str]:
        """The servers whose definitions were pinned at some time: only of those is there a record of the catalog."""
        self.catch_up()
        query = "SELECT DISTINCT server FROM record WHERE kind = 'catalog' AND server IS NOT NULL"
        with self._guard:
            return frozenset(row[0] for row in self._db.execute(query))

    def prove(self, decision_id: str, arguments: bytes) -> Proof | None:
        """Whether the decision was about exactly these arguments (canonical JSON). None: there is no such decision."""
        explained = self.explain(decision_id)
        return None if explained is None else prove(self._ledger, explained.segment, explained.record, arguments)

    def erase(self, decision_id: str) -> bool:
        """Make the decision's argument digest meaningless for good. False if there is nothing to erase."""
        explained = self.explain(decision_id)
        return explained is not None and erase(self._ledger, explained.segment, explained.record)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guard:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:  # rolled back and raised again, whatever it was
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _reset(self) -> None:
        self._db.execute("DROP TABLE IF EXISTS record")
        self._db.execute("DROP TABLE IF EXISTS reached")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _reached(self) -> tuple[int, int, int, str] | None:
        row = self._db.execute('SELECT segment, start, "end", link FROM reached').fetchone()
        return None if row is None else (row[0], row[1], row[2], row[3])

    def _continues(self) -> bool:
        """Whether the last record that was indexed still stands where it stood."""
        reached = self._reached()
        if reached is None:
            return True
        segment, start, end, link = reached
        try:
            with segment_path(self._ledger, segment).open("rb") as file:
                file.seek(start)
                return _link_of(file.read(end - start)) == link
        except FileNotFoundError:
            return False

    def _catch_up(self) -> int:
        reached = self._reached()
        segment, end = (reached[0], reached[2]) if reached is not None else (0, 0)
        count, last = 0, None

        def rows() -> Iterator[tuple[Any, ...]]:
            nonlocal count, last
            for line in lines_after(self._ledger, segment, end):
                try:
                    yield _row(line)
                except (ValueError, KeyError, TypeError):
                    continue  # a damaged line: `verify` names it, nothing can be asked about it
                count, last = count + 1, line

        self._db.executemany("INSERT OR REPLACE INTO record VALUES (?,?,?,?,?,?,?,?,?)", rows())
        if last is not None:
            self._db.execute("DELETE FROM reached")
            place = (last.segment, last.end, last.start, _link_of(last.raw + b"\n"))
            self._db.execute("INSERT INTO reached VALUES (?,?,?,?)", place)
        return count


def _opened(path: Path) -> sqlite3.Connection:
    """What is no database is thrown away. Raises `sqlite3.OperationalError` for what another start may mend."""
    for _ in range(2):
        db = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        except sqlite3.DatabaseError as problem:
            db.close()
            if isinstance(problem, sqlite3.OperationalError):
                raise
            path.unlink()
        else:
            return db
    raise sqlite3.OperationalError(f"{path} cannot be made")


def _row(line: Line) -> tuple[Any, ...]:
    record = line.record
    place = (record["seq"], line.segment, line.start, line.end, record["kind"], record["id"])
    return (*place, *(_text(record.get(name)) for name in ("grant", "target_kind", "server")))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _link_of(raw: bytes) -> str:
    """The link as it stands at the line's end; not checked here."""
    return raw[-67:-3].decode("ascii", errors="replace")
