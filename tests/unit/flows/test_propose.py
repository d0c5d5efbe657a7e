"""Proposals outlive a restart, are kept within bounds, and end once even when two confirm at the same moment."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.administration import Act, Administrator, Role
from remit.core.errors import Denied, Invalid, Outage
from remit.core.proposal import ProposalEvent
from remit.core.reasons import Reason
from remit.flows.propose import OPEN_PER_ADMINISTRATOR_MAX, Propose
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.store import FakeStore

ACME = frozenset({"acme"})
ALICE = Administrator("alice", {"acme": frozenset(Role)}, 1)


def flow(store: FakeStore, clock: FakeClock) -> Propose:
    return Propose(frozenset({Act.SERVER_APPROVE}), 900.0, store, clock, FakeEntropy())


async def kept(propose: Propose) -> str:
    id, proposal = propose.drafted(ALICE, "server.approve", {"server": "a"}, ACME)
    await propose.keep(id, proposal)
    return id


async def test_what_is_kept_is_there_after_a_restart_and_so_is_its_end() -> None:
    store, clock = FakeStore(), FakeClock()
    propose = flow(store, clock)
    id = await kept(propose)
    again = flow(store, clock)
    await again.load()
    assert again.known == propose.known
    await again.end(id, ProposalEvent.CONFIRM)
    third = flow(store, clock)
    await third.load()
    with pytest.raises(Invalid) as caught:
        await third.end(id, ProposalEvent.CONFIRM)
    assert caught.value.reason is Reason.CONFLICT


async def test_of_two_who_confirm_at_once_one_does() -> None:
    propose = flow(FakeStore(), FakeClock())
    id = await kept(propose)
    ends = await asyncio.gather(*(propose.end(id, ProposalEvent.CONFIRM) for _ in range(2)), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Invalid", "Proposal"]


async def test_what_could_not_be_stored_is_not_there_and_what_ended_stays_ended() -> None:
    store = FakeStore()
    propose = flow(store, FakeClock())
    id = await kept(propose)
    store.unavailable = True
    with pytest.raises(Outage):
        await kept(propose)
    assert list(propose.known) == [id]
    with pytest.raises(Outage):
        await propose.end(id, ProposalEvent.CONFIRM)
    with pytest.raises(Invalid):
        await propose.end(id, ProposalEvent.CONFIRM)


async def test_what_is_too_old_is_forgotten() -> None:
    store, clock = FakeStore(), FakeClock()
    propose = flow(store, clock)
    id = await kept(propose)
    clock.advance(899)
    await propose.sweep()
    assert id in propose.known
    clock.advance(1)
    with pytest.raises(Invalid):
        await propose.end(id, ProposalEvent.CONFIRM)
    await propose.sweep()
    assert (propose.known, await store.rows("proposal")) == ({}, [])


async def test_nobody_fills_the_store_with_proposals() -> None:
    clock = FakeClock()
    propose = flow(FakeStore(), clock)
    ids = [await kept(propose) for _ in range(OPEN_PER_ADMINISTRATOR_MAX)]
    with pytest.raises(Denied) as caught:
        await kept(propose)
    assert caught.value.reason is Reason.LIMIT_RATE
    await propose.end(ids[0], ProposalEvent.WITHDRAW)
    assert await kept(propose)
