"""Ending stops everything at once, is recorded, and is final."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.errors import Outage, Unauthenticated
from remit.core.grant import Calls, GrantEvent, GrantState, LiveGrant, Narrowing, narrow
from remit.core.grantbook import Selector
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from tests.scenes.authority import CLIENTS, RESOURCE, Scene, scopes

ACME = frozenset({"acme"})


@pytest.fixture
def scene() -> Scene:
    return Scene()


def narrowed(scene: Scene, parent: LiveGrant, id: str) -> LiveGrant:
    grant = narrow(parent.grant, Narrowing(scopes("git")), id=id, actor="build", now_s=scene.clock.now_s())
    live = LiveGrant(grant, now_s=scene.clock.now_s(), monotonic_s=scene.clock.monotonic_s(), parent=parent)
    scene.grants.add(live)
    return live


async def call_of(scene: Scene, live: LiveGrant) -> asyncio.Task[object]:
    started = asyncio.Event()

    async def work() -> object:
        started.set()
        return await asyncio.Event().wait()

    task = asyncio.ensure_future(scene.calls.run(live, work(), deadline_s=60))
    await started.wait()
    return task


async def test_ending_stops_calls_and_processes_and_says_how_many(scene: Scene) -> None:
    live, other = await scene.live(), await scene.live()
    tasks = [await call_of(scene, live), await call_of(scene, live)]
    epoch = scene.grants.epoch
    ended = await scene.ending.end(Selector(grant=live.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert (ended.grants, ended.calls, ended.processes) == ((live.grant.id,), 2, 1)
    assert (live.state, other.state) == (GrantState.REVOKED, GrantState.ACTIVE)
    assert scene.grants.epoch > epoch
    assert scene.processes == [live.grant.id]
    for task in tasks:
        with pytest.raises(Unauthenticated) as caught:
            await task
        assert caught.value.reason is Reason.GRANT_ENDED


async def test_each_end_is_recorded_with_who_and_how_and_the_stores_sequence(scene: Scene) -> None:
    live = await scene.live()
    await scene.ending.end(Selector(grant=live.grant.id), GrantEvent.FINISH, tenants=ACME, by="engineer")
    record = scene.ledger.of_kind(RecordKind.GRANT)[-1]
    assert (record["event"], record["by"], record["grant"]) == ("finished", "engineer", live.grant.id)
    assert record["store_sequence"] == await scene.store.sequence() == 2
    assert scene.store.kept == {}


async def test_ending_again_ends_nothing_and_records_nothing(scene: Scene) -> None:
    live = await scene.live()
    selector = Selector(grant=live.grant.id)
    await scene.ending.end(selector, GrantEvent.REVOKE, tenants=ACME, by="alice")
    records = len(scene.ledger.records)
    again = await scene.ending.end(selector, GrantEvent.FINISH, tenants=ACME, by="engineer")
    assert (again.grants, again.calls, again.processes) == ((), 0, 0)
    assert live.state is GrantState.REVOKED
    assert len(scene.ledger.records) == records


async def test_what_was_narrowed_from_a_grant_ends_with_it(scene: Scene) -> None:
    parent = await scene.live()
    child = narrowed(scene, parent, "grt_child")
    grandchild = narrowed(scene, child, "grt_grandchild")
    ended = await scene.ending.end(Selector(grant=parent.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert set(ended.grants) == {parent.grant.id, "grt_child", "grt_grandchild"}
    assert grandchild.state is GrantState.REVOKED


async def test_ending_a_child_leaves_its_parent(scene: Scene) -> None:
    parent = await scene.live()
    narrowed(scene, parent, "grt_child")
    await scene.ending.end(Selector(grant="grt_child"), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert parent.state is GrantState.ACTIVE


async def test_only_grants_of_the_named_tenants_end(scene: Scene) -> None:
    ours = await scene.live()
    theirs = await scene.live(account="analyst", client="globex-cron")
    await scene.ending.end(Selector(everything=True), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert (ours.state, theirs.state) == (GrantState.REVOKED, GrantState.ACTIVE)


async def test_an_empty_selector_ends_nothing(scene: Scene) -> None:
    live = await scene.live()
    assert (await scene.ending.end(Selector(), GrantEvent.REVOKE, tenants=ACME, by="alice")).grants == ()
    assert live.state is GrantState.ACTIVE


async def test_a_grant_is_over_although_the_store_is_down_and_the_end_is_finished_later(scene: Scene) -> None:
    live = await scene.live()
    scene.store.unavailable = True
    with pytest.raises(Outage):
        await scene.ending.end(Selector(grant=live.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert live.state is GrantState.REVOKED
    with pytest.raises(Outage):
        await scene.ending.sweep()
    scene.store.unavailable = False
    await scene.ending.sweep()
    assert scene.store.kept == {}
    assert scene.ledger.of_kind(RecordKind.GRANT)[-1]["by"] == "alice"


async def test_an_end_whose_administrator_leaves_halfway_is_finished_later(scene: Scene) -> None:
    live = await scene.live()
    task = asyncio.ensure_future(
        scene.ending.end(Selector(grant=live.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    )
    put = scene.store.remove

    async def never(kind: str, id: str) -> int:
        await asyncio.Event().wait()
        return 0

    scene.store.remove = never  # type: ignore[method-assign]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert live.state is GrantState.REVOKED
    scene.store.remove = put  # type: ignore[method-assign]
    await scene.ending.sweep()
    assert scene.store.kept == {}
    assert scene.ledger.of_kind(RecordKind.GRANT)[-1]["event"] == "revoked"


async def test_without_a_ledger_the_grant_is_over_all_the_same(scene: Scene) -> None:
    live = await scene.live()
    scene.ledger.fail_writes()
    with pytest.raises(Outage):
        await scene.ending.end(Selector(grant=live.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert live.state is GrantState.REVOKED
    assert scene.processes == [live.grant.id]


@pytest.mark.parametrize(("after_s", "event"), [(899.0, None), (900.0, "expired")])
async def test_sweeping_ends_what_has_expired(scene: Scene, after_s: float, event: str | None) -> None:
    live = await scene.live()
    scene.clock.advance(after_s)
    ended = await scene.ending.sweep()
    assert ended.grants == (() if event is None else (live.grant.id,))
    if event is not None:
        assert scene.ledger.of_kind(RecordKind.GRANT)[-1]["event"] == event


async def test_sweeping_ends_what_nobody_uses_with_its_calls(scene: Scene) -> None:
    granted = await scene.create.for_client(CLIENTS["cron"], RESOURCE, frozenset())
    live = scene.grants.find(granted.grant.id)
    assert live is not None
    object.__setattr__(live.grant, "idle_s_max", 60.0)
    scene.clock.advance(59)
    assert (await scene.ending.sweep()).grants == ()
    scene.clock.advance(1)
    assert (await scene.ending.sweep()).grants == (live.grant.id,)
    assert live.state is GrantState.IDLE


async def test_a_grant_whose_call_still_runs_is_not_idle(scene: Scene) -> None:
    live = await scene.live()
    object.__setattr__(live.grant, "idle_s_max", 60.0)
    task = await call_of(scene, live)
    for _ in range(3):
        scene.clock.advance(59)
        assert (await scene.ending.sweep()).grants == ()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    scene.clock.advance(60)
    assert (await scene.ending.sweep()).grants == (live.grant.id,)


async def test_the_last_call_of_a_budget_is_not_cancelled(scene: Scene) -> None:
    live = await scene.live(budget=Calls(1))
    task = await call_of(scene, live)
    live.charge()
    scene.clock.advance(60)
    assert (await scene.ending.sweep()).grants == ()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    scene.clock.advance(5)
    assert (await scene.ending.sweep()).grants == (live.grant.id,)
    assert live.state is GrantState.EXHAUSTED


async def test_a_last_call_that_is_about_to_begin_is_waited_for(scene: Scene) -> None:
    """Its intent is recorded and counted, its credential not yet leased: no call is in flight."""
    live = await scene.live(budget=Calls(1))
    live.touch(scene.clock.monotonic_s())
    live.charge()
    assert (await scene.ending.sweep()).grants == ()
    scene.clock.advance(5)
    assert (await scene.ending.sweep()).grants == (live.grant.id,)


async def test_an_ended_grant_is_remembered_until_its_tokens_have_expired_and_then_forgotten(scene: Scene) -> None:
    live = await scene.live()
    await scene.ending.end(Selector(grant=live.grant.id), GrantEvent.REVOKE, tenants=ACME, by="alice")
    scene.clock.advance(899)
    await scene.ending.sweep()
    assert scene.grants.find(live.grant.id) is live
    scene.clock.advance(1)
    await scene.ending.sweep()
    assert scene.grants.find(live.grant.id) is None


async def test_a_revoked_client_grant_stays_in_the_store_until_its_time_is_over(scene: Scene) -> None:
    await scene.create.for_client(CLIENTS["cron"], RESOURCE, frozenset())
    await scene.ending.end(Selector(client="cron"), GrantEvent.REVOKE, tenants=ACME, by="alice")
    assert len(scene.store.kept) == 1
    scene.clock.advance(3600)
    await scene.ending.sweep()
    assert scene.store.kept == {}
