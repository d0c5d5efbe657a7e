"""Delegations outlive a restart and an outage, and one account is one administrator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.administration import Administrator, Role
from remit.core.clients import Account
from remit.core.delegation import Delegation
from remit.core.errors import Invalid, Outage
from remit.core.reasons import Reason
from remit.flows.delegate import Delegate
from remit.testing.clock import FakeClock
from remit.testing.store import FakeStore

ALICE = Administrator("alice", {"acme": frozenset(Role)}, 1, "alice")


def flow(store: FakeStore, clock: FakeClock, *configured: Administrator) -> Delegate:
    accounts = {name: Account(name, "acme", frozenset()) for name in ("alice", "bob", "carol")}
    return Delegate(configured or (ALICE,), accounts, store, clock)


def given(clock: FakeClock, account: str = "bob") -> Delegation:
    return Delegation("alice", account, (Role.KEY,), ("acme",), clock.now_s(), clock.now_s() + 600)


async def test_what_was_delegated_is_there_after_a_restart_and_what_was_ended_is_not() -> None:
    store, clock = FakeStore(), FakeClock()
    first = flow(store, clock)
    await first.keep("dlg_1", given(clock))
    second = flow(store, clock)
    await second.load()
    assert [each.account for each in second.administrators()] == ["bob"]
    await second.end("dlg_1")
    third = flow(store, clock)
    await third.load()
    assert third.administrators() == ()


async def test_it_is_worth_what_its_delegator_is_now() -> None:
    store, clock = FakeStore(), FakeClock()
    await flow(store, clock).keep("dlg_1", given(clock))
    for configured in (
        (replace(ALICE, name="somebody"),),
        (ALICE, replace(ALICE, name="bob", account="bob")),
        (replace(ALICE, roles={"acme": frozenset({Role.AUDIT})}),),
    ):
        later = flow(store, clock, *configured)
        await later.load()
        assert [each.tenants for each in later.administrators()] in ([], [frozenset()])


async def test_an_account_that_administers_already_is_given_nothing_more() -> None:
    store, clock = FakeStore(), FakeClock()
    delegate = flow(store, clock)
    await delegate.keep("dlg_1", given(clock))
    for account in ("alice", "bob"):
        with pytest.raises(Invalid) as caught:
            await delegate.keep("dlg_2", given(clock, account))
        assert caught.value.reason is Reason.CONFLICT
    await delegate.keep("dlg_3", given(clock, "carol"))
    assert len(delegate.administrators()) == 2


async def test_in_an_outage_nothing_is_given_and_what_is_ended_is_over() -> None:
    store, clock = FakeStore(), FakeClock()
    delegate = flow(store, clock)
    await delegate.keep("dlg_1", given(clock))
    store.unavailable = True
    with pytest.raises(Outage):
        await delegate.keep("dlg_2", given(clock, "carol"))
    with pytest.raises(Outage):
        await delegate.end("dlg_1")
    assert [each.tenants for each in delegate.administrators()] == [frozenset()]
    store.unavailable = False
    await delegate.sweep()
    assert (delegate.known, await store.rows("delegation")) == ({}, [])


async def test_what_is_too_old_is_forgotten() -> None:
    store, clock = FakeStore(), FakeClock()
    delegate = flow(store, clock)
    await delegate.keep("dlg_1", given(clock))
    clock.advance(599)
    await delegate.sweep()
    assert delegate.administrators()[0].tenants
    clock.advance(1)
    assert not delegate.administrators()[0].tenants
    await delegate.sweep()
    assert await store.rows("delegation") == []
