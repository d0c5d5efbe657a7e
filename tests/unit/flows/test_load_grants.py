"""A restart brings back exactly the grants that should still live."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.errors import Denied, Outage, Refusal
from remit.core.grant import Calls, GrantEvent, GrantState, LiveGrant, Narrowing, narrow
from remit.core.grantbook import Selector
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.stored_grant import to_stored
from remit.flows.load_grants import Loaded
from tests.scenes.authority import CLIENTS, RESOURCE, Scene, scopes

ACME = frozenset({"acme"})
ACTIVE = GrantState.ACTIVE


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_live_grant_comes_back_with_what_is_left_of_its_time_and_budget(scene: Scene) -> None:
    before = await scene.live(budget=Calls(3))
    scene.clock.advance(600)
    load, book = scene.loading(ledger_sequence=1, calls_used=2)
    assert await load.load() == Loaded(live=1, over=0, voided=0)
    (after,) = book
    assert after.grant == before.grant
    assert after.calls_used == 2
    assert after.deadline_s - scene.clock.monotonic_s() == 300


async def test_an_ended_grant_does_not_come_back(scene: Scene) -> None:
    live = await scene.live()
    await scene.ending.end(Selector(grant=live.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    load, book = scene.loading(ledger_sequence=2)
    assert await load.load() == Loaded(live=0, over=0, voided=0)
    assert len(book) == 0


async def test_a_grant_whose_time_is_over_is_removed_and_recorded(scene: Scene) -> None:
    await scene.live()
    scene.clock.advance(900)
    load, book = scene.loading(ledger_sequence=1)
    assert await load.load() == Loaded(live=0, over=1, voided=0)
    assert (len(book), scene.store.kept) == (0, {})
    assert scene.ledger.of_kind(RecordKind.GRANT)[-1]["event"] == "expired"


async def test_a_grant_that_was_stored_and_never_recorded_is_voided(scene: Scene) -> None:
    """The process died between the two: no record, no grant. Nobody has a token for it."""
    recorded = await scene.live()
    await scene.store.put("grant", "grt_unrecorded", to_stored(replace(recorded.grant, id="grt_unrecorded"), ACTIVE))
    load, book = scene.loading()
    assert await load.load() == Loaded(live=1, over=0, voided=1)
    assert [live.grant.id for live in book] == [recorded.grant.id]
    assert scene.ledger.of_kind(RecordKind.GRANT)[-1]["event"] == "voided_unrecorded"


async def test_an_end_that_was_stored_and_never_recorded_stands(scene: Scene) -> None:
    """A crash before the record must not turn a revoked grant into one that nobody remembers."""
    live = await scene.live()
    await scene.store.put("grant", live.grant.id, to_stored(live.grant, GrantState.REVOKED))
    load, book = scene.loading()
    assert await load.load() == Loaded(live=0, over=1, voided=0)
    (after,) = book
    assert after.state is GrantState.REVOKED


async def test_a_store_older_than_its_ledger_has_its_grants_voided(scene: Scene) -> None:
    """Somebody put yesterday's file back, in which a revoked grant still lives."""
    await scene.live()
    load, book = scene.loading(ledger_sequence=2)
    assert await load.load() == Loaded(live=0, over=0, voided=1)
    assert (len(book), scene.store.kept) == (0, {})
    record = scene.ledger.of_kind(RecordKind.GRANT)[-1]
    assert record["event"] == "voided_store_behind_ledger"
    assert record["store_sequence"] == 2


async def test_a_grant_from_the_future_is_voided(scene: Scene) -> None:
    await scene.live()
    scene.clock.step_wall(-60)
    load, _ = scene.loading(ledger_sequence=1)
    assert await load.load() == Loaded(live=0, over=0, voided=1)


async def test_a_narrowed_grant_comes_back_under_its_parent_and_not_without_it(scene: Scene) -> None:
    parent = await scene.live()
    scene.clock.advance(1)
    child = narrow(parent.grant, Narrowing(scopes("git")), id="grt_child", actor="b", now_s=scene.clock.now_s())
    stored = await scene.store.put("grant", child.id, to_stored(child, GrantState.ACTIVE))
    load, book = scene.loading(ledger_sequence=stored)
    await load.load()
    found = book.find("grt_child")
    assert isinstance(found, LiveGrant)
    assert found.parent is book.find(parent.grant.id)
    await scene.store.remove("grant", parent.grant.id)
    load, book = scene.loading(ledger_sequence=stored)
    assert await load.load() == Loaded(live=0, over=0, voided=1)


async def test_a_client_stays_without_a_grant_it_was_deprived_of_before_the_restart(scene: Scene) -> None:
    await scene.create.for_client(CLIENTS["cron"], RESOURCE, frozenset())
    await scene.ending.end(Selector(client="cron"), GrantEvent.REVOKE, tenants=ACME, by="alice")
    load, book = scene.loading(ledger_sequence=2)
    assert await load.load() == Loaded(live=0, over=1, voided=0)
    scene.create.grants = book
    with pytest.raises(Refusal) as caught:
        await scene.create.for_client(CLIENTS["cron"], RESOURCE, frozenset())
    assert caught.value.reason is Reason.GRANT_ENDED


async def test_a_forged_row_stops_the_start(scene: Scene) -> None:
    live = await scene.live()
    scene.store.forged.add(live.grant.id)
    load, book = scene.loading()
    with pytest.raises(Outage):
        await load.load()
    assert len(book) == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": "remit.grant/2"}', b"\xff"])
async def test_a_row_that_is_no_grant_stops_the_start(scene: Scene, content: bytes) -> None:
    await scene.store.put("grant", "grt_x", content)
    load, _ = scene.loading()
    with pytest.raises(Outage, match="cannot be read"):
        await load.load()


async def test_without_a_ledger_nothing_is_voided_silently(scene: Scene) -> None:
    await scene.live()
    scene.ledger.fail_writes()
    load, _ = scene.loading(ledger_sequence=9)
    with pytest.raises(Outage) as caught:
        await load.load()
    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    assert not isinstance(caught.value, Denied)
