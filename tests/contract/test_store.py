"""What every store does, the fake included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from remit.adapters.store.sqlite import SqliteStore
from remit.core.secret import Secret
from remit.ports.store import Row, Store
from remit.testing.store import FakeStore

KEY = Secret(b"k" * 32)


@pytest.fixture(params=["fake", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        opened = await SqliteStore.open(tmp_path / "store.sqlite3", KEY)
        yield opened
        await opened.close()
    else:
        yield FakeStore()


async def test_what_was_put_is_found_with_its_sequence(store: Store) -> None:
    first = await store.put("grant", "a", b"one")
    second = await store.put("grant", "b", b"two")
    assert await store.rows("grant") == [Row("grant", "a", b"one", first), Row("grant", "b", b"two", second)]


async def test_a_kind_holds_only_its_own_rows(store: Store) -> None:
    await store.put("grant", "a", b"one")
    await store.put("pin", "a", b"two")
    assert [row.content for row in await store.rows("pin")] == [b"two"]


async def test_putting_again_replaces(store: Store) -> None:
    await store.put("grant", "a", b"one")
    sequence = await store.put("grant", "a", b"two")
    assert await store.rows("grant") == [Row("grant", "a", b"two", sequence)]


async def test_every_change_moves_the_sequence_up(store: Store) -> None:
    assert await store.sequence() == 0
    seen = [await store.put("grant", "a", b"1"), await store.put("grant", "a", b"1"), await store.remove("grant", "a")]
    assert seen == [1, 2, 3]
    assert await store.sequence() == 3


async def test_removing_what_is_not_there_changes_nothing(store: Store) -> None:
    await store.put("grant", "a", b"one")
    assert await store.remove("grant", "b") == 1
    assert len(await store.rows("grant")) == 1


async def test_what_was_removed_is_gone(store: Store) -> None:
    await store.put("grant", "a", b"one")
    await store.remove("grant", "a")
    assert await store.rows("grant") == []


async def test_of_many_writes_to_one_row_at_once_the_last_that_was_asked_for_stands(store: Store) -> None:
    await asyncio.gather(*(store.put("grant", "one", str(number).encode()) for number in range(100)))
    (row,) = await store.rows("grant")
    assert row.content == b"99"
    await asyncio.gather(store.put("grant", "one", b"again"), store.remove("grant", "one"))
    assert await store.rows("grant") == []
