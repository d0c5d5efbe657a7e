"""People with an account here: an administrator's link to set a password, and signing in with it.

Wrong passwords are counted, not itemised. What lets somebody in is on record, durably, before it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from remit.core.attempts import Attempts
from remit.core.authentication import PASSWORD as BY_PASSWORD
from remit.core.clients import Account
from remit.core.errors import refuse
from remit.core.passwords import checked_password, normalized
from remit.core.reasons import Reason
from remit.core.rows import from_row, row_id, to_row
from remit.core.secret import Secret
from remit.core.sign_in import (
    INVITATION_S,
    WRONG_MAX,
    BrowserSession,
    Invitation,
    KeptPassword,
)
from remit.flows.account_records import AccountRecords
from remit.flows.sessions import Sessions
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.passwords import Passwords
from remit.ports.store import Store

PASSWORD: Final = "password"
INVITATION: Final = "invitation"
TOKEN_BYTES: Final = 32


@dataclass(slots=True)
class SignIn:
    """The walk and its ports. Guesses are limited per peer, per account, and per both together: a stranger elsewhere
    slows an account's own person down as little as can be.
    """

    accounts: Mapping[str, Account]
    passwords: Passwords
    sessions: Sessions
    store: Store
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    peers: Attempts = field(default_factory=lambda: Attempts(burst=60, per_minute=60))
    names: Attempts = field(default_factory=lambda: Attempts(burst=50, per_minute=5))
    pairs: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=2))
    _kept: dict[str, KeptPassword] = field(init=False, default_factory=dict)
    _invited: dict[str, Invitation] = field(init=False, default_factory=dict)
    _in_use: dict[str, Invitation] = field(init=False, default_factory=dict)  # its password is not set yet
    _wrong: Counter[str] = field(init=False, default_factory=Counter)
    _unremoved: set[tuple[str, str]] = field(init=False, default_factory=set)  # forgotten here, not yet in the store
    _records: AccountRecords = field(init=False)

    def __post_init__(self) -> None:
        self._records = self.sessions.records

    async def load(self) -> None:
        """At a start. What belongs to an account that is gone from the configuration, or is over, counts no more; nor
        do links and sessions from before the password was set, which a crash may have left. Raises `Outage` if a row
        is not whole.
        """
        for row in await self.store.rows(PASSWORD):
            self._kept[row.id] = from_row(row.content, KeptPassword)
        for row in await self.store.rows(INVITATION):
            invitation = from_row(row.content, Invitation)
            if self._since_password(invitation.account, invitation.expires_at_s - INVITATION_S):
                self._invited[row.id] = invitation
            else:
                self._unremoved.add((INVITATION, row.id))
        await self.sessions.load(lambda session: self._since_password(session.account, session.signed_in_at_s))

    def _since_password(self, account: str, at_s: float) -> bool:
        kept = self._kept.get(account)
        return kept is None or at_s >= kept.set_at_s

    # links ------------------------------------------------------------------------------------------------------
    async def invite(self, account: str, *, by: str, first: bool = False) -> Secret:
        """What goes into the one link with which this account's password can be set, once, within a day. An earlier
        link stops working; a `first` one also does when anybody of the tenant has a password. Raises `Invalid`,
        `Outage`.
        """
        if account not in self.accounts:
            raise refuse(Reason.INVALID_PARAMS, f"no account {account[:80]!r} is registered")
        for id, earlier in self._links():
            if earlier.account == account or (first and earlier.first and self._share_tenant(earlier.account, account)):
                await self._drop(id)
        token = Secret(self.entropy.bytes(TOKEN_BYTES).hex().encode("ascii"))
        invitation = Invitation(account, by, self.clock.now_s() + INVITATION_S, first)
        await self._records.write(account, "invited", by=by)
        await self.store.put(INVITATION, row_id(token), to_row(invitation))
        self._invited[row_id(token)] = invitation
        return token

    def invited(self, token: Secret) -> str:
        """Whose link this is. Raises `Invalid` when it is used up, too old or not one of ours: nobody is told which."""
        found = self._invited.get(row_id(token))
        if (
            found is None
            or not 0 < found.expires_at_s - self.clock.now_s() <= INVITATION_S  # else the clock was set back
            or found.account not in self.accounts
            or (found.first and self.anybody_in(self.accounts[found.account].tenant))
        ):
            self.ledger.refused(Reason.INVITATION_INVALID)
            raise refuse(Reason.INVITATION_INVALID)
        return found.account

    async def set_password(self, token: Secret, typed: str) -> str:
        """Use the link up. Every session of the account ends, since whoever holds one may be why the link was asked
        for. Raises `Invalid` (then the link still works), `Outage`.
        """
        account = self.invited(token)
        password = checked_password(typed, account)
        id = row_id(token)
        invitation = self._in_use[id] = self._invited.pop(id)  # before the first await: of two at once, one uses it
        try:
            kept = KeptPassword(account, await self.passwords.hashed(password), self.clock.now_s(), locked=False)
            self._require_in_use(id)
            await self._records.write(account, "password_set", by=invitation.by)
            await self.store.put(PASSWORD, account, to_row(kept))
            if id not in self._in_use:
                await self._follow_memory(account)
            self._require_in_use(id)
        except BaseException:
            if self._in_use.pop(id, None) is not None:
                self._invited[id] = invitation
            raise
        del self._in_use[id]
        self._kept[account] = kept
        self._wrong.pop(account, None)
        self._unremoved.add((INVITATION, id))
        self._forget_links(account)
        self.sessions.forget([account])
        await self.remove_forgotten()
        return account

    def anybody_in(self, tenant: str) -> bool:
        """Whether somebody of the tenant has a password, and so may be in."""
        return any(self.is_in(name) for name, account in self.accounts.items() if account.tenant == tenant)

    def is_in(self, account: str) -> bool:
        """Whether the account has a password."""
        return account in self._kept

    def forget_password(self, account: str) -> None:
        """At once, here, with every link to set one; `remove_forgotten` tells the store."""
        if self._kept.pop(account, None) is not None:
            self._unremoved.add((PASSWORD, account))
        self._wrong.pop(account, None)
        self._forget_links(account)

    # signing in and out -----------------------------------------------------------------------------------------
    async def sign_in(self, name: str, typed: str, *, peer: str, earlier: Secret | None = None) -> Secret:
        """What the browser presents from now on, in place of `earlier`. Raises `Unauthenticated` for a wrong name or
        password, which look and last the same, `Denied` for too many tries and for a locked account (only to who knows
        its password), `Outage`.
        """
        name = name[:256]
        self._require_attempts(name, peer)
        account, kept = self.accounts.get(name), self._kept.get(name)
        right = await self.passwords.same(normalized(typed[:1024]), kept.hash if account and kept else "")
        if account is None or kept is None or not right:
            await self._guessed(name)
            raise refuse(Reason.SIGN_IN_FAILED)
        if kept.locked or kept is not self._kept.get(name):  # meanwhile another guess locked it, or a link was used
            self.ledger.refused(Reason.ACCOUNT_LOCKED)
            raise refuse(Reason.ACCOUNT_LOCKED)
        self._wrong.pop(name, None)
        for attempts, key in ((self.names, name), (self.pairs, f"{peer} {name}")):  # no guess
            attempts.give_back(key, self.clock.monotonic_s())
        if self.passwords.outdated(kept.hash):
            kept = await self._rehashed(kept, typed)
        cookie = await self.sessions.open(account, BY_PASSWORD, still=lambda: self._kept.get(account.id) is kept)
        if earlier is not None:
            await self.sessions.replaced(earlier)
        return cookie

    def session(self, cookie: Secret | None) -> BrowserSession | None:
        """Who sits at the browser that presents this, and is in; using it keeps it from going idle."""
        return self.sessions.entered(cookie)

    async def end_sessions(self, accounts: Iterable[str]) -> None:
        """Sign every browser of these accounts out. Raises `Outage`: they are signed out all the same."""
        self.sessions.forget(accounts)
        await self.sessions.remove_forgotten()

    async def sign_out(self, cookie: Secret) -> None:
        """Raises `Outage`: it is over all the same."""
        await self.sessions.sign_out(cookie)

    async def sweep(self) -> None:
        """Forget what is over. Called now and then. Raises `Outage`."""
        for id, invitation in list(self._invited.items()):
            if self.clock.now_s() >= invitation.expires_at_s:
                self._forget_link(id)
        await self.remove_forgotten()
        await self.sessions.sweep()

    async def remove_forgotten(self) -> None:
        """What an outage left in the store would be back after a restart: the sweep tries again."""
        for kind, id in list(self._unremoved):
            await self.store.remove(kind, id)
            self._unremoved.discard((kind, id))
        await self.sessions.remove_forgotten()

    # inside -----------------------------------------------------------------------------------------------------
    def _require_attempts(self, name: str, peer: str) -> None:
        now_s = self.clock.monotonic_s()
        buckets = ((self.peers, peer), (self.names, name), (self.pairs, f"{peer} {name}"))
        if max(attempts.wait_s(key, now_s) for attempts, key in buckets):
            self.ledger.refused(Reason.LIMIT_RATE)
            raise refuse(Reason.LIMIT_RATE, "too many tries; wait a minute")
        for attempts, key in buckets:  # before the password is looked at: many at once are many tries
            attempts.take(key, now_s)

    async def _guessed(self, name: str) -> None:
        self.ledger.refused(Reason.SIGN_IN_FAILED)
        kept = self._kept.get(name)
        if kept is None or kept.locked:
            return
        self._wrong[name] += 1
        if self._wrong[name] >= WRONG_MAX:
            await self._changed(replace(kept, locked=True))  # before the first await, so that no guess gets past it
            await self._records.write(name, "locked")

    async def _rehashed(self, kept: KeptPassword, typed: str) -> KeptPassword:
        stronger = replace(kept, hash=await self.passwords.hashed(normalized(typed)))
        if self._kept.get(kept.account) is kept:
            await self._changed(stronger)
        return stronger

    async def _changed(self, kept: KeptPassword) -> None:
        """Here at once, then in the store: another one may have been set meanwhile, or all ended, and then that holds
        there too.
        """
        self._kept[kept.account] = kept
        await self.store.put(PASSWORD, kept.account, to_row(kept))
        if self._kept.get(kept.account) is not kept:
            await self._follow_memory(kept.account)

    def _share_tenant(self, one: str, other: str) -> bool:
        found = self.accounts.get(one)
        return found is not None and found.tenant == self.accounts[other].tenant

    async def _drop(self, id: str) -> None:
        self._forget_link(id)
        await self.remove_forgotten()

    def _links(self) -> list[tuple[str, Invitation]]:
        return [*self._invited.items(), *self._in_use.items()]

    def _require_in_use(self, id: str) -> None:
        """The link may have ended since: by another one, or because the account was recovered."""
        if id not in self._in_use:
            self.ledger.refused(Reason.INVITATION_INVALID)
            raise refuse(Reason.INVITATION_INVALID)

    async def _follow_memory(self, account: str) -> None:
        """The store has a password that is not to count."""
        kept = self._kept.get(account)
        if kept is not None:
            await self.store.put(PASSWORD, account, to_row(kept))
            return
        self._unremoved.add((PASSWORD, account))
        await self.remove_forgotten()

    def _forget_link(self, id: str) -> None:
        self._invited.pop(id, None)
        self._in_use.pop(id, None)
        self._unremoved.add((INVITATION, id))

    def _forget_links(self, account: str) -> None:
        for id, found in self._links():
            if found.account == account:
                self._forget_link(id)
