"""Start: bring the stored grants back to life, and none that should be over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from remit.core.grant import TRANSITIONS, Grant, GrantEvent, GrantState, LiveGrant
from remit.core.grantbook import GrantBook
from remit.core.ledger import RecordKind, grant_fields
from remit.core.stored_grant import from_stored
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store

_EVENT_OF: dict[GrantState, GrantEvent] = {state: event for (_, event), state in TRANSITIONS.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many grants live on, how many were over, and how many were voided because they cannot be believed."""

    live: int
    over: int
    voided: int


@dataclass(frozen=True, slots=True)
class LoadGrants:
    """`calls_used` counts a grant's intents in the ledger: a budget survives a restart because the record does.

    `ledger_sequence` is the highest `store_sequence` the ledger's grant records name, 0 if there are none. A grant
    stored later was never recorded: its process died before, and nobody was given a token for it.
    """

    grants: GrantBook
    store: Store
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    calls_used: Callable[[str], int]
    ledger_sequence: int

    async def load(self) -> Loaded:
        """Raises `Outage` if a row is not authentic or not whole: then nothing may start."""
        rows = await self.store.rows("grant")
        sequence = await self.store.sequence()
        stored = sorted(((*from_stored(row.content), row.sequence) for row in rows), key=lambda of: of[0].created_at_s)
        live = voided = 0
        for grant, state, since in stored:
            unrecorded = state is GrantState.ACTIVE and since > self.ledger_sequence
            why = "voided_unrecorded" if unrecorded else self._void(grant, sequence)
            if not why and self._revived(grant, state):
                live += state is GrantState.ACTIVE
                continue
            voided += bool(why)
            sequence_after = await self.store.remove("grant", grant.id)
            event = {"event": why or _over(state).value, "by": "remit", "store_sequence": sequence_after}
            self.ledger.write(RecordKind.GRANT, self.entropy.id("dec"), grant_fields(grant) | event)
        return Loaded(live, len(stored) - live - voided, voided)

    def _void(self, grant: Grant, sequence: int) -> str:
        """Why the grant may not be believed; empty if it may."""
        if sequence < self.ledger_sequence:
            return "voided_store_behind_ledger"  # the store is an older copy: it may bring back what has been ended
        if self.clock.now_s() < grant.created_at_s:
            return "voided_clock_behind"  # on this clock the grant would live longer than it was given
        if grant.parent and self.grants.find(grant.parent) is None:
            return "voided_parent_gone"
        return ""

    def _revived(self, grant: Grant, state: GrantState) -> bool:
        """Put the grant into the book unless its time is over. One that was taken away comes back as taken away."""
        now_s = self.clock.now_s()
        if now_s >= grant.expires_at_s:
            return False
        live = LiveGrant(
            grant, now_s=now_s, monotonic_s=self.clock.monotonic_s(), calls_used=self.calls_used(grant.id),
            parent=self.grants.find(grant.parent) if grant.parent else None,
        )  # fmt: skip
        if state is not GrantState.ACTIVE:
            live.apply(_EVENT_OF[state])
        self.grants.add(live)
        ancestor = live.parent
        while ancestor is not None:  # what a narrowed grant used, its parents have used too
            ancestor.calls_used += live.calls_used
            ancestor = ancestor.parent
        return True


def _over(state: GrantState) -> GrantState:
    return GrantState.EXPIRED if state is GrantState.ACTIVE else state
