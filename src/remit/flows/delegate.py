"""Delegations between administrators: kept, and held against what the delegator holds whenever they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from remit.core.administration import Administrator
from remit.core.clients import Account
from remit.core.delegation import Delegation, delegated
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.rows import from_row, to_row
from remit.ports.clock import Clock
from remit.ports.store import Store

DELEGATION: Final = "delegation"
DELEGATIONS_MAX: Final = 1_000


@dataclass(slots=True)
class Delegate:
    """`configured` are the administrators of the configuration: only they delegate, to `accounts` of theirs.
    Records are written by `flows.administer`, before anything here is kept.
    """

    configured: tuple[Administrator, ...]
    accounts: Mapping[str, Account]
    store: Store
    clock: Clock
    known: dict[str, Delegation] = field(init=False, default_factory=dict)

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(DELEGATION):
            self.known[row.id] = from_row(row.content, Delegation)

    def administrators(self) -> tuple[Administrator, ...]:
        """Those who are let administer now. An account of the configuration is what that says and nothing else."""
        return tuple(found for id in self.known if (found := self.administrator(id)) is not None)

    def administrator(self, id: str) -> Administrator | None:
        """None: the delegation is not known, its delegator or account is gone, or the account is configured."""
        delegation = self.known.get(id)
        if delegation is None or any(each.account == delegation.account for each in self.configured):
            return None
        account = self.accounts.get(delegation.account)
        delegators = [each for each in self.configured if each.name == delegation.by]
        if account is None or not delegators or account.tenant not in delegators[0].tenants:
            return None
        return delegated(delegation, delegators[0], now_s=self.clock.now_s())

    async def keep(self, id: str, delegation: Delegation) -> None:
        """Raises `Invalid` (`conflict`) for an account that administers already, so that one account is one
        administrator, and `Outage`: then it is not kept.
        """
        taken = {each.account for each in self.configured} | {each.account for each in self.known.values()}
        if delegation.account in taken:
            raise refuse(Reason.CONFLICT, f"{delegation.account} administers already; end that first")
        if len(self.known) >= DELEGATIONS_MAX:
            raise refuse(Reason.LIMIT_RATE, f"there are {DELEGATIONS_MAX} delegations; end some first")
        self.known[id] = delegation  # before the first await: of two for one account, one is kept
        try:
            await self.store.put(DELEGATION, id, to_row(delegation))
        except BaseException:
            self.known.pop(id, None)
            raise

    async def end(self, id: str) -> None:
        """It is over here at once. Raises `Outage`, and then `sweep` tries again to have it stored."""
        ended = self.known.pop(id, None)
        try:
            await self.store.remove(DELEGATION, id)
        except BaseException:
            if ended is not None:
                self.known[id] = _over(ended)
            raise

    async def sweep(self) -> None:
        """Forget what is over, and what was delegated to an account that left: whoever has its name next is somebody
        else. Raises `Outage`.
        """
        for id, delegation in list(self.known.items()):
            if self.clock.now_s() >= delegation.expires_at_s or self.administrator(id) is None:
                await self.end(id)


def _over(delegation: Delegation) -> Delegation:
    """Kept in memory so that the sweep tries again, and good for nothing."""
    return Delegation(delegation.by, delegation.account, (), (), delegation.delegated_at_s, 0.0)
