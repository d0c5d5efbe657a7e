"""Ending grants: new calls stop at once, calls in flight are cancelled, child processes go, and each end is recorded.

Everything that stops something happens before the first await, so that nothing slips in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from remit.core.errors import Refusal
from remit.core.grant import BY_CLIENT_CREDENTIALS, ENDED_REASON, GrantEvent, GrantState, LiveGrant
from remit.core.grantbook import GrantBook, Selector
from remit.core.ledger import RecordKind, grant_fields
from remit.core.stored_grant import to_stored
from remit.ports.calls import Calls
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store

# How long an exhausted grant is left alone after its last use, so that a call about to start is under way by then.
EXHAUST_GRACE_S: Final = 5.0
# A client's grant that ended early is remembered until it would have expired: it was taken away, or it has spent from
# the budget the client's next grant shares (`create_grant`).
REMEMBERED: Final = (GrantState.REVOKED, GrantState.EXHAUSTED, GrantState.IDLE, GrantState.FINISHED)


@dataclass(frozen=True, slots=True)
class Ended:
    """What one act ended. A second act on the same grants ends nothing and says so with empty figures."""

    grants: tuple[str, ...]
    calls: int
    processes: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A grant that has ended here and whose end is not yet stored and recorded."""

    live: LiveGrant
    by: str
    calls: int
    processes: int


@dataclass(slots=True)
class EndGrant:
    """`end_processes` stops a grant's child processes and drops its sessions: `Upstreams.end_grant`."""

    grants: GrantBook
    store: Store
    ledger: Ledger
    calls: Calls
    end_processes: Callable[[str], int]
    clock: Clock
    entropy: Entropy
    _unfinished: dict[str, _Unfinished] = field(init=False, default_factory=dict)

    async def end(self, selector: Selector, event: GrantEvent, *, tenants: frozenset[str], by: str) -> Ended:
        """End the active grants the selector names within these tenants, and all that were narrowed from them.

        `by` says who or what ended them. Raises `Outage` if an end could not be stored or recorded: the grants are over
        all the same, and `sweep` tries again.
        """
        started_s = self.clock.monotonic_s()
        chosen = [live for live in self.grants.select(selector) if live.grant.tenant in tenants]
        stopped = self._stop(chosen, event, by)
        await self._finish([end.live.grant.id for end in stopped])
        return self._summary(stopped, started_s)

    async def sweep(self) -> Ended:
        """End what time, idleness or use has ended, finish what could not be finished, forget what is long over.

        Called every second or so. Raises `Outage` like `end`.
        """
        started_s = self.clock.monotonic_s()
        stopped: list[_Unfinished] = []
        for live in self.grants:
            if self.calls.in_flight(live.grant.id):
                live.touch(started_s)  # a long call is use: its grant is not idle
            event = live.due(started_s)
            if event is not None and not (event is GrantEvent.EXHAUST and self._still_in_use(live, started_s)):
                family = self.grants.select(Selector(grant=live.grant.id))
                stopped += self._stop(family, event, by="remit")
        await self._finish(list(self._unfinished))
        await self._forget(started_s)
        return self._summary(stopped, started_s)

    def _still_in_use(self, live: LiveGrant, monotonic_s: float) -> bool:
        """Whether the last call the budget paid for may still be running: it is not cancelled."""
        family = self.grants.select(Selector(grant=live.grant.id))
        running = any(self.calls.in_flight(member.grant.id) for member in family)
        return running or monotonic_s - live.used_at_s < EXHAUST_GRACE_S

    def _stop(self, chosen: Iterable[LiveGrant], event: GrantEvent, by: str) -> list[_Unfinished]:
        over = [live for live in chosen if live.apply(event)]
        if over:
            self.grants.epoch += 1
        stopped: list[_Unfinished] = []
        for live in over:
            calls = self.calls.end(live.grant.id, ENDED_REASON[live.state])
            end = _Unfinished(live, by, calls, self.end_processes(live.grant.id))
            self._unfinished[live.grant.id] = end
            stopped.append(end)
        return stopped

    async def _finish(self, ids: list[str]) -> None:
        """Store and record each end. One that fails stays unfinished and does not hold up the others."""
        failure: Refusal | None = None
        for grant_id in ids:
            end = self._unfinished.get(grant_id)
            if end is None:
                continue
            try:
                sequence = await self._stored(end.live)
                self.ledger.write(RecordKind.GRANT, self.entropy.id("dec"), ended_fields(end, sequence))
            except Refusal as refusal:
                failure = refusal
            else:
                self._unfinished.pop(grant_id, None)
        if failure is not None:
            raise failure

    async def _stored(self, live: LiveGrant) -> int:
        grant = live.grant
        if live.state in REMEMBERED and grant.origin.how == BY_CLIENT_CREDENTIALS:
            return await self.store.put("grant", grant.id, to_stored(grant, live.state))
        return await self.store.remove("grant", grant.id)

    async def _forget(self, monotonic_s: float) -> None:
        """Until a grant's own expiry its tokens are told how it ended; after that they have expired themselves."""
        for live in self.grants:
            over = live.state is not GrantState.ACTIVE and monotonic_s >= live.deadline_s
            if over and live.grant.id not in self._unfinished:
                await self.store.remove("grant", live.grant.id)
                self.grants.remove(live.grant.id)

    def _summary(self, stopped: list[_Unfinished], started_s: float) -> Ended:
        return Ended(
            grants=tuple(end.live.grant.id for end in stopped),
            calls=sum(end.calls for end in stopped),
            processes=sum(end.processes for end in stopped),
            elapsed_s=self.clock.monotonic_s() - started_s,
        )


def ended_fields(end: _Unfinished, sequence: int) -> dict[str, object]:
    return grant_fields(end.live.grant) | {
        "event": end.live.state.value,
        "by": end.by,
        "calls_used": end.live.calls_used,
        "calls_stopped": end.calls,
        "processes_stopped": end.processes,
        "store_sequence": sequence,
    }
