"""Somebody who can write to the store's file tries to gain or regain authority."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from remit.adapters.store.sqlite import SqliteStore
from remit.core.errors import Outage
from remit.core.secret import Secret

KEY = Secret(b"k" * 32)


async def a_store(path: Path) -> None:
    """Two grants were made and the first was ended again."""
    store = await SqliteStore.open(path, KEY)
    await store.put("grant", "ended", b"much authority")
    await store.put("grant", "live", b"some authority")
    await store.close()
    shutil.copy(path, path.with_suffix(".before"))
    store = await SqliteStore.open(path, KEY)
    await store.remove("grant", "ended")
    await store.close()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS old", (str(path.with_suffix(".before")),))
        for statement in statements:
            connection.execute(statement)
        connection.commit()


ATTACKS: dict[str, str] = {
    "more authority in a row": "UPDATE authority_rows SET content = CAST('all authority' AS BLOB)",
    "text where bytes were": "UPDATE authority_rows SET content = 'all authority'",
    "a sequence that is no number": "UPDATE authority_rows SET sequence = 'x'",
    "a negative sequence": "UPDATE authority_rows SET sequence = -1",
    "a mac that is no mac": "UPDATE authority_rows SET mac = 'x'",
    "a counter that is no number": "UPDATE authority SET sequence = 'x'",
    "a row of another id": "UPDATE authority_rows SET id = 'other'",
    "a row of another kind": "UPDATE authority_rows SET kind = 'pin'",
    "a row of another moment": "UPDATE authority_rows SET sequence = 7",
    "an ended grant brought back": "INSERT INTO authority_rows SELECT * FROM old.authority_rows WHERE id = 'ended'",
    "a row removed": "DELETE FROM authority_rows",
    "an older counter": "UPDATE authority SET sequence = 2",
    "an older counter with its mac": "REPLACE INTO authority SELECT * FROM old.authority",
    "no counter": "DELETE FROM authority",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_changed_store_is_refused(tmp_path: Path, attack: str) -> None:
    path = tmp_path / "store.sqlite3"
    await a_store(path)
    change(path, ATTACKS[attack])
    with pytest.raises(Outage, match="changed by somebody else"):
        await SqliteStore.open(path, KEY)


async def test_an_untouched_store_opens(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await a_store(path)
    change(path)
    store = await SqliteStore.open(path, KEY)
    assert [row.id for row in await store.rows("grant")] == ["live"]
    await store.close()


async def test_a_row_changed_while_remit_runs_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await a_store(path)
    store = await SqliteStore.open(path, KEY)
    change(path, ATTACKS["more authority in a row"])
    with pytest.raises(Outage, match="row grant/live"):
        await store.rows("grant")
    await store.close()


async def test_a_store_of_another_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    await a_store(path)
    with pytest.raises(Outage):
        await SqliteStore.open(path, Secret(b"x" * 32))


async def test_an_older_copy_of_the_whole_file_shows_an_older_sequence(tmp_path: Path) -> None:
    """The file alone cannot tell; its sequence is held against the ledger's when grants are loaded."""
    path = tmp_path / "store.sqlite3"
    await a_store(path)
    shutil.copy(path.with_suffix(".before"), path)
    store = await SqliteStore.open(path, KEY)
    assert await store.sequence() == 2
    await store.close()
