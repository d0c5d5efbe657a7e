"""Acts that wait for a second person: kept as they were asked, and confirmed once or never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from remit.core.administration import Act, Administrator
from remit.core.errors import refuse
from remit.core.proposal import Proposal, ProposalEvent, ProposalState, after, digest_of
from remit.core.reasons import Reason
from remit.core.rows import from_row, to_row
from remit.ports.clock import Clock, Entropy
from remit.ports.store import Store

PROPOSAL: Final = "proposal"
OPEN_PER_ADMINISTRATOR_MAX: Final = 100
ENDED_PER_ADMINISTRATOR_MAX: Final = 100


@dataclass(slots=True)
class Propose:
    """`acts` are those that wait; `ttl_s` is for how long. Records are written by `flows.administer`, before anything
    here is kept.
    """

    acts: frozenset[Act]
    ttl_s: float
    store: Store
    clock: Clock
    entropy: Entropy
    known: dict[str, Proposal] = field(init=False, default_factory=dict)
    _unstored: set[str] = field(init=False, default_factory=set)  # over here, and perhaps not yet in the store

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(PROPOSAL):
            self.known[row.id] = from_row(row.content, Proposal)

    def drafted(
        self, administrator: Administrator, act: str, arguments: Mapping[str, Any], tenants: frozenset[str]
    ) -> tuple[str, Proposal]:
        """Not yet kept. Raises `Invalid`, and `Denied` for somebody with too many open ones."""
        now_s = self.clock.now_s()
        own = [each for each in self.known.values() if each.by == administrator.name and _open(each, now_s)]
        if len(own) >= OPEN_PER_ADMINISTRATOR_MAX:
            raise refuse(Reason.LIMIT_RATE, f"{administrator.name} has {len(own)} open proposals; withdraw some")
        return self.entropy.id("prp"), Proposal(
            act=act, arguments=dict(arguments), digest=digest_of(act, arguments, tenants), by=administrator.name,
            origin=administrator.origin, tenants=tuple(sorted(tenants)), proposed_at_s=now_s,
            expires_at_s=now_s + self.ttl_s,
        )  # fmt: skip

    async def keep(self, id: str, proposal: Proposal) -> None:
        """Raises `Outage`: then there is none."""
        await self.store.put(PROPOSAL, id, to_row(proposal))
        self.known[id] = proposal

    async def end(self, id: str, event: ProposalEvent) -> Proposal:
        """It is over here before the first await: of two who confirm at once, one does. Raises `Invalid` (`conflict`),
        and `Outage`; then it is over all the same, nothing was done, and `sweep` tries again to have it stored.
        """
        ended = self.known[id] = after(self.known[id], event, now_s=self.clock.now_s())
        self._unstored.add(id)
        await self._store(id)
        return ended

    async def sweep(self) -> None:
        """Store what could not be; forget what is too old, confirmed or not, and of what is over the oldest beyond what
        is kept. Raises `Outage`.
        """
        for id in list(self._unstored & self.known.keys()):
            await self._store(id)
        for id in self._outdated():
            await self.store.remove(PROPOSAL, id)
            self.known.pop(id, None)
            self._unstored.discard(id)

    async def _store(self, id: str) -> None:
        await self.store.put(PROPOSAL, id, to_row(self.known[id]))
        self._unstored.discard(id)

    def _outdated(self) -> list[str]:
        now_s, ended = self.clock.now_s(), Counter[str]()
        found: list[str] = []
        for id, proposal in sorted(self.known.items(), key=lambda each: each[1].proposed_at_s, reverse=True):
            over = proposal.state != ProposalState.OPEN.value
            ended[proposal.by] += over
            if now_s >= proposal.expires_at_s or (over and ended[proposal.by] > ENDED_PER_ADMINISTRATOR_MAX):
                found.append(id)
        return found


def _open(proposal: Proposal, now_s: float) -> bool:
    return proposal.state == ProposalState.OPEN.value and now_s < proposal.expires_at_s
