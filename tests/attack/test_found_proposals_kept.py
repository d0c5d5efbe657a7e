"""Proposals in the store: a no that it did not take is a no after a restart too, and whoever proposes and withdraws
without end does not fill it.
"""

from __future__ import annotations

import pytest

from remit.core.administration import Act, Administrator, Role
from remit.core.errors import Invalid, Outage
from remit.core.proposal import ProposalEvent
from remit.core.reasons import Reason
from remit.flows.propose import ENDED_PER_ADMINISTRATOR_MAX, Propose
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.store import FakeStore

ACME = frozenset({"acme"})
ALICE = Administrator("alice", {"acme": frozenset(Role)}, 1)
BOB = Administrator("bob", {"acme": frozenset(Role)}, 2)


class Proposals:
    def __init__(self) -> None:
        self.store, self.clock, self.entropy = FakeStore(), FakeClock(), FakeEntropy()
        self.flow = self.started()

    def started(self) -> Propose:
        return Propose(frozenset({Act.SERVER_APPROVE}), 900.0, self.store, self.clock, self.entropy)

    async def restart(self) -> None:
        self.flow = self.started()
        await self.flow.load()

    async def kept(self, by: Administrator = ALICE) -> str:
        id, proposal = self.flow.drafted(by, "server.approve", {"server": "a"}, ACME)
        await self.flow.keep(id, proposal)
        return id


@pytest.mark.parametrize("event", list(ProposalEvent))
async def test_what_ended_in_an_outage_is_over_after_a_restart_too(event: ProposalEvent) -> None:
    proposals = Proposals()
    ended, open_ = await proposals.kept(), await proposals.kept()
    proposals.store.unavailable = True
    with pytest.raises(Outage):
        await proposals.flow.end(ended, event)
    proposals.store.unavailable = False
    await proposals.flow.sweep()
    await proposals.restart()
    with pytest.raises(Invalid) as caught:
        await proposals.flow.end(ended, ProposalEvent.CONFIRM)
    assert caught.value.reason is Reason.CONFLICT
    await proposals.flow.end(open_, ProposalEvent.CONFIRM)


async def test_proposing_and_withdrawing_without_end_fills_nothing() -> None:
    proposals = Proposals()
    waiting, other = await proposals.kept(), await proposals.kept(BOB)
    await proposals.flow.end(other, ProposalEvent.WITHDRAW)
    last = ""
    for _ in range(ENDED_PER_ADMINISTRATOR_MAX + 20):
        proposals.clock.advance(0.5)
        last = await proposals.kept()
        await proposals.flow.end(last, ProposalEvent.WITHDRAW)
    await proposals.flow.sweep()
    assert len(proposals.flow.known) == ENDED_PER_ADMINISTRATOR_MAX + 2
    assert len(await proposals.store.rows("proposal")) == ENDED_PER_ADMINISTRATOR_MAX + 2
    assert {waiting, other, last} <= proposals.flow.known.keys()
