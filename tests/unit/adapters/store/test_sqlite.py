"""The file survives restarts and interruptions, and nobody but its owner reads it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from remit.adapters.store.sqlite import SqliteStore
from remit.core.errors import Outage
from remit.core.secret import Secret

KEY = Secret(b"k" * 32)


async def test_rows_and_sequence_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    store = await SqliteStore.open(path, KEY)
    await store.put("grant", "a", b"one")
    await store.put("grant", "b", b"two")
    await store.remove("grant", "a")
    await store.close()
    again = await SqliteStore.open(path, KEY)
    assert await again.sequence() == 3
    assert [row.content for row in await again.rows("grant")] == [b"two"]
    await again.close()


async def test_every_file_of_the_store_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = await SqliteStore.open(tmp_path / "store.sqlite3", KEY)
        await store.put("grant", "a", b"one")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    await store.close()
    assert modes["store.sqlite3"] == 0o600
    assert set(modes.values()) == {0o600}


async def test_a_file_others_can_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.touch(mode=0o644)
    path.chmod(0o644)
    with pytest.raises(Outage, match="found permissions 0644, expected 0600; chmod 600"):
        await SqliteStore.open(path, KEY)


async def test_a_file_that_is_no_database_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.touch(mode=0o600)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Outage):
        await SqliteStore.open(path, KEY)


async def test_an_operation_that_fails_leaves_the_store_as_it_was_and_usable(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    store = await SqliteStore.open(path, KEY)
    await store.put("grant", "a", b"one")

    def written(content: bytes) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE authority_rows SET content = ?", (content,))
            other.commit()

    written(b"two")
    for _ in range(2):
        with pytest.raises(Outage, match="row grant/a"):
            await store.put("grant", "a", b"three")
    written(b"one")
    assert await store.sequence() == 1
    assert await store.put("grant", "a", b"three") == 2
    await store.close()


async def test_a_store_leaves_no_file_open_whether_it_opened_or_not(tmp_path: Path) -> None:
    good, wide, broken = (tmp_path / name for name in ("good", "wide", "broken"))
    await (await SqliteStore.open(good, KEY)).close()
    wide.touch()
    wide.chmod(0o644)
    broken.touch(mode=0o600)
    broken.write_bytes(b"not a database" * 100)
    before = len(os.listdir("/dev/fd"))
    await (await SqliteStore.open(good, KEY)).close()
    for path, key in ((wide, KEY), (broken, KEY), (good, Secret(b"x" * 32))):
        with pytest.raises(Outage):
            await SqliteStore.open(path, key)
    assert len(os.listdir("/dev/fd")) <= before


async def test_writes_at_the_same_time_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    store = await SqliteStore.open(path, KEY)
    sequences = await asyncio.gather(*(store.put("grant", f"g{number}", b"x") for number in range(20)))
    await store.close()
    assert sorted(sequences) == list(range(1, 21))
    again = await SqliteStore.open(path, KEY)
    assert len(await again.rows("grant")) == 20
    await again.close()


async def test_a_write_nobody_waits_for_any_more_still_ends_and_leaves_a_store_that_opens(tmp_path: Path) -> None:
    """Each may have happened or not, before or after a later one, and whoever wrote it was never told: what counts is
    that the MACs hold."""
    path = tmp_path / "store.sqlite3"
    store = await SqliteStore.open(path, KEY)
    for number in range(20):
        write = asyncio.create_task(store.put("grant", f"g{number}", b"x"))
        await asyncio.sleep(0)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
    last = await store.put("grant", "last", b"two")
    await store.close()
    again = await SqliteStore.open(path, KEY)
    rows = await again.rows("grant")
    assert [row.id for row in rows if row.sequence == last] == ["last"]
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    await again.close()


@pytest.mark.parametrize("turns", range(12))
async def test_a_write_that_is_cancelled_at_any_await_leaves_a_store_that_opens(tmp_path: Path, turns: int) -> None:
    path = tmp_path / "store.sqlite3"
    store = await SqliteStore.open(path, KEY)
    task = asyncio.ensure_future(store.put("grant", "a", b"one"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await store.put("grant", "b", b"two")
    await store.close()
    again = await SqliteStore.open(path, KEY)
    assert b"two" in [row.content for row in await again.rows("grant")]
    await again.close()
