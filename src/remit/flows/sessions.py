"""The sessions of people's browsers: opened when somebody has proved who they are, ended by use, time or somebody.

An account may demand a passkey. Who has shown only a password then sits half-way: known, and let into nothing but the
step that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from remit.core.authentication import Acr
from remit.core.clients import Account
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.rows import from_row, row_id, to_row
from remit.core.secret import Secret
from remit.core.sign_in import SESSIONS_MAX, BrowserSession, SessionLimits
from remit.flows.account_records import AccountRecords
from remit.ports.clock import Clock
from remit.ports.store import Store

SESSION: Final = "session"
COOKIE_BYTES: Final = 32


@dataclass(slots=True)
class Sessions:
    records: AccountRecords
    store: Store
    clock: Clock
    limits: SessionLimits = field(default_factory=SessionLimits)
    _kept: dict[str, BrowserSession] = field(init=False, default_factory=dict)
    _used_at_s: dict[str, float] = field(init=False, default_factory=dict)
    _unremoved: set[str] = field(init=False, default_factory=set)  # forgotten here, not yet in the store

    async def load(self, counts: Callable[[BrowserSession], bool]) -> None:
        """At a start: those that `counts` says may go on. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(SESSION):
            session = from_row(row.content, BrowserSession)
            if counts(session):
                self._kept[row.id] = session
                self._used_at_s[row.id] = self.clock.monotonic_s()
            else:
                self._unremoved.add(row.id)

    async def open(self, account: Account, methods: tuple[str, ...], *, still: Callable[[], bool]) -> Secret:
        """What the browser presents from now on. On record before it is good for anything; `still` says, after every
        wait, whether what was proved has not been taken back meanwhile. Raises `Unauthenticated`, `Outage`.
        """
        mine = [id for id, session in self._kept.items() if session.account == account.id]
        for id in mine[: max(0, len(mine) - SESSIONS_MAX + 1)]:
            await self._drop(id)
        cookie, now_s = Secret(self.records.entropy.bytes(COOKIE_BYTES).hex().encode("ascii")), self.clock.now_s()
        session = BrowserSession(account.id, account.tenant, now_s, now_s + self.limits.max_s, methods)
        await self.records.write(account.id, "signed_in", amr=list(methods))
        await self.store.put(SESSION, row_id(cookie), to_row(session))
        if not still():
            await self._drop(row_id(cookie))
            self.records.ledger.refused(Reason.SIGN_IN_FAILED)
            raise refuse(Reason.SIGN_IN_FAILED)
        self._kept[row_id(cookie)] = session
        self._used_at_s[row_id(cookie)] = self.clock.monotonic_s()
        return cookie

    def entered(self, cookie: Secret | None) -> BrowserSession | None:
        """Who sits at the browser that presents this, and is in; using it keeps it from going idle."""
        found = self._found(cookie)
        return found if found is not None and self.is_entered(found) else None

    def half_way(self, cookie: Secret | None) -> BrowserSession | None:
        """Who has shown their password, at an account that demands a passkey too."""
        found = self._found(cookie)
        return found if found is not None and not self.is_entered(found) else None

    def is_entered(self, session: BrowserSession) -> bool:
        account = self.records.accounts[session.account]
        return not account.passkey_required or session.authentication.acr is Acr.PASSKEY

    def forget(self, accounts: Iterable[str], *, but: Secret | None = None) -> None:
        """At once, here; `remove_forgotten` tells the store."""
        ending, kept = set(accounts), row_id(but) if but is not None else ""
        for id, found in list(self._kept.items()):
            if found.account in ending and id != kept:
                self._forget(id)

    async def sign_out(self, cookie: Secret) -> None:
        """Raises `Outage`: it is over all the same."""
        found = self._kept.get(row_id(cookie))
        if found is not None:
            await self._drop(row_id(cookie))
            await self.records.write(found.account, "signed_out")

    async def replaced(self, cookie: Secret) -> None:
        """Its browser has another one now. Raises `Outage`."""
        if row_id(cookie) in self._kept:
            await self._drop(row_id(cookie))

    async def sweep(self) -> None:
        """Forget what is over. Raises `Outage`."""
        for id, session in list(self._kept.items()):
            if not self._fresh(id, session):
                self._forget(id)
        await self.remove_forgotten()

    async def remove_forgotten(self) -> None:
        """What an outage left in the store would be back after a restart: the sweep tries again."""
        for id in list(self._unremoved):
            await self.store.remove(SESSION, id)
            self._unremoved.discard(id)

    # inside -----------------------------------------------------------------------------------------------------
    def _found(self, cookie: Secret | None) -> BrowserSession | None:
        id = row_id(cookie) if cookie is not None else ""
        found = self._kept.get(id)
        if found is None or not self._fresh(id, found):
            return None
        account = self.records.accounts.get(found.account)
        if account is None or account.tenant != found.tenant:
            return None
        self._used_at_s[id] = self.clock.monotonic_s()
        return found

    def _fresh(self, id: str, session: BrowserSession) -> bool:
        now_s, since_s = self.clock.now_s(), session.signed_in_at_s
        idle_s = self.clock.monotonic_s() - self._used_at_s.get(id, float("-inf"))
        until_s = min(session.expires_at_s, since_s + self.limits.max_s)  # the limit may have been lowered since
        return since_s <= now_s < until_s and idle_s < self.limits.idle_s

    def _forget(self, id: str) -> None:
        self._kept.pop(id, None)
        self._used_at_s.pop(id, None)
        self._unremoved.add(id)

    async def _drop(self, id: str) -> None:
        self._forget(id)
        await self.remove_forgotten()
