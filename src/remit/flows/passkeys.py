"""People's passkeys: adding and removing them from an account, and signing in with one.

A challenge waits sealed in the browser and is stored nowhere; that it was answered is remembered here until it would be
too old, and a challenge of an earlier process is none, so that each is answered once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from remit.core.attempts import Attempts
from remit.core.authentication import PASSKEY as BY_PASSKEY
from remit.core.authentication import Acr
from remit.core.errors import Refusal, refuse
from remit.core.passkeys import (
    CHALLENGE_BYTES,
    CHALLENGE_S,
    FRESH_S,
    PASSKEYS_MAX,
    Answer,
    Challenge,
    KeptPasskey,
    base64url,
    bytes_of,
    checked_name,
    creation_options,
    may_be_copy,
    parse_answer,
    relying_party,
    request_options,
    user_handle,
)
from remit.core.reasons import Reason
from remit.core.rows import from_row, row_id, to_row
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.sessions import Sessions
from remit.ports.passkeys import Passkeys
from remit.ports.sealer import Sealer, Unsealed
from remit.ports.store import Store

PASSKEY: Final = "passkey"
TO_ADD: Final = "passkey to add"
TO_SIGN_IN: Final = "passkey to sign in"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page gives its script: `options` for the browser, and `sealed` to come back with the answer."""

    options: dict[str, Any]
    sealed: str


@dataclass(slots=True)
class OwnPasskeys:
    """The walk and its ports. `origin` is the public URL; `peers` counts a peer's tries with passwords too. `alarm` is
    told what an operator must see.
    """

    origin: str
    passkeys: Passkeys
    sealer: Sealer
    sessions: Sessions
    store: Store
    peers: Attempts
    alarm: Callable[[str], None]
    pairs: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=2))
    _kept: dict[str, KeptPasskey] = field(init=False, default_factory=dict)
    _adding: dict[str, str] = field(init=False, default_factory=dict)  # account by credential, not yet on record
    _answered: dict[str, float] = field(init=False, default_factory=dict)  # challenges, and when they are too old
    _unremoved: set[str] = field(init=False, default_factory=set)  # forgotten here, not yet in the store
    _run: str = field(init=False)

    def __post_init__(self) -> None:
        self._run = self.sessions.records.entropy.bytes(CHALLENGE_BYTES).hex()

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(PASSKEY):
            self._kept[row.id] = from_row(row.content, KeptPasskey)

    @property
    def possible(self) -> bool:
        """Whether browsers make passkeys for this origin at all."""
        return bool(relying_party(self.origin))

    def of(self, account: str) -> dict[str, KeptPasskey]:
        """By id, oldest first; suspended ones too."""
        mine = [(id, kept) for id, kept in self._kept.items() if kept.account == account]
        return dict(sorted(mine, key=lambda each: each[1].added_at_s))

    def usable(self, account: str) -> list[KeptPasskey]:
        return [kept for kept in self.of(account).values() if not kept.suspended]

    def forget(self, account: str) -> None:
        """All of the account's, at once, here; `remove_forgotten` tells the store."""
        for id in self.of(account):
            self._kept.pop(id)
            self._unremoved.add(id)

    async def remove_forgotten(self) -> None:
        """What an outage left in the store would be back after a restart: the sweep tries again. Raises `Outage`."""
        for id in list(self._unremoved):
            await self.store.remove(PASSKEY, id)
            self._unremoved.discard(id)

    # adding and removing ----------------------------------------------------------------------------------------
    def may_change(self, session: BrowserSession) -> bool:
        """Whether somebody sits there who signed in just now, and with a passkey if they had one that is good: else a
        password could make itself a passkey, and reach what demands one. Half-way somebody may add their first passkey
        and no other.
        """
        fresh = 0 <= self.sessions.clock.now_s() - session.signed_in_at_s <= FRESH_S
        if not fresh or session.authentication.acr is Acr.PASSKEY:
            return fresh
        return not (self._had_one(session) if self.sessions.is_entered(session) else self.of(session.account))

    def _had_one(self, session: BrowserSession) -> bool:
        """When they signed in, by a clock that was not set back since."""
        since_s, now_s = session.signed_in_at_s, self.sessions.clock.now_s()
        return any(not since_s <= kept.added_at_s <= now_s for kept in self.usable(session.account))

    def ask_to_add(self, session: BrowserSession, cookie: Secret, browser: Secret) -> Asked:
        """Raises `Denied` if somebody has to sign in again first."""
        self._require_may_change(session)
        challenge, sealed = self._challenge(TO_ADD, session.account, bound_to=_both(browser, cookie))
        known = self.of(session.account).values()
        return Asked(creation_options(self.origin, session.account, challenge, known), sealed)

    async def add(
        self, session: BrowserSession, cookie: Secret, browser: Secret, *, sealed: str, answer: str, name: str
    ) -> None:
        """On record, then stored, then good for signing in. Raises `Invalid`, `Unauthenticated`, `Denied`, `Outage`."""
        self._require_may_change(session)
        account = session.account
        name = checked_name(name, (kept.name for kept in self.of(account).values()))
        if len(self.of(account)) + list(self._adding.values()).count(account) >= PASSKEYS_MAX:
            raise refuse(Reason.INVALID_PARAMS, f"an account has at most {PASSKEYS_MAX} passkeys; remove one first")
        parsed = parse_answer(answer)
        id = row_id(Secret(parsed.id.encode("utf-8", "surrogatepass")))
        if id in self._kept or id in self._adding:
            raise refuse(Reason.INVALID_PARAMS, "this passkey is registered already")
        self._adding[id] = account
        try:
            challenge = self._taken(TO_ADD, sealed, bound_to=_both(browser, cookie))
            made = await self._verified(challenge, lambda secret: self.passkeys.made(parsed, secret))
            now_s = self.sessions.clock.now_s()
            credential, key = base64url(made.credential), base64url(made.key)
            kept = KeptPasskey(account, credential, key, name, made.counter, now_s, now_s)
            await self.sessions.records.write(account, "passkey_added", passkey=name)
            await self.store.put(PASSKEY, id, to_row(kept))
            signed_out = self.sessions.half_way(cookie) is None and self.sessions.entered(cookie) is None
            if signed_out or not self.may_change(session):  # meanwhile, perhaps because of this
                self._unremoved.add(id)
                await self.remove_forgotten()
                self._require_may_change(session)
                raise refuse(Reason.SIGN_IN_FAILED, "the session ended meanwhile")
            self._kept[id] = kept
        finally:
            self._adding.pop(id, None)

    async def remove(self, session: BrowserSession, cookie: Secret, id: str) -> None:
        """Every other browser of the account is signed out: who holds one may be why. Raises `Invalid` for one that is
        not theirs and for the last one of an account that demands one, `Denied`, `Outage`.
        """
        self._require_may_change(session)
        kept = self.of(session.account).get(id)
        if kept is None:
            raise refuse(Reason.INVALID_PARAMS, "no such passkey of yours; it may have been removed already")
        required = self.sessions.records.accounts[session.account].passkey_required
        if required and self.usable(session.account) == [kept]:
            raise refuse(Reason.INVALID_PARAMS, "this account demands a passkey: add another one first")
        await self.sessions.records.write(session.account, "passkey_removed", passkey=kept.name)
        self._kept.pop(id, None)
        self._unremoved.add(id)
        self.sessions.forget([session.account], but=cookie)
        await self.remove_forgotten()
        await self.sessions.remove_forgotten()

    # signing in -------------------------------------------------------------------------------------------------
    def ask_to_sign_in(self, browser: Secret, account: str = "") -> Asked:
        """Without `account` whoever has a passkey here may answer. Only of somebody who has shown their password is it
        told which passkeys they have.
        """
        challenge, sealed = self._challenge(TO_SIGN_IN, account, bound_to=browser.expose())
        return Asked(request_options(self.origin, challenge, self.usable(account) if account else ()), sealed)

    async def sign_in(
        self, browser: Secret, *, sealed: str, answer: str, peer: str, earlier: Secret | None = None
    ) -> Secret:
        """What the browser presents from now on, in place of `earlier`. Raises `Unauthenticated`, `Denied` for too many
        tries and for a passkey that is suspended, `Outage`.
        """
        parsed = parse_answer(answer)
        id = row_id(Secret(parsed.id.encode("utf-8", "surrogatepass")))
        self._require_attempts(id, peer)
        try:
            kept = await self._proven(id, parsed, self._taken(TO_SIGN_IN, sealed, bound_to=browser.expose()))
        except Refusal as refusal:
            self.sessions.records.ledger.refused(refusal.reason)
            raise
        await self._write(id)
        self.pairs.give_back(f"{peer} {id}", self.sessions.clock.monotonic_s())  # no guess
        account = self.sessions.records.accounts[kept.account]
        cookie = await self.sessions.open(
            account, (*self._shown_before(earlier, account.id), *BY_PASSKEY), still=lambda: self._is_good(id)
        )
        if earlier is not None:
            await self.sessions.replaced(earlier)
        return cookie

    async def _proven(self, id: str, answer: Answer, challenge: Challenge) -> KeptPasskey:
        """The passkey with its new counter, which is already what is held here."""
        kept = self._kept.get(id)
        if kept is None or kept.account not in self.sessions.records.accounts:
            raise refuse(Reason.PASSKEY_INVALID, "it is not registered here")
        handle, expected = answer.response.userHandle or "", user_handle(self.origin, kept.account)
        if challenge.account not in ("", kept.account) or (handle != expected and (handle or not challenge.account)):
            raise refuse(Reason.PASSKEY_INVALID, "it is another account's")
        key = bytes_of(kept.key)
        counter = await self._verified(challenge, lambda secret: self.passkeys.proven(answer, secret, key))
        current = self._kept.get(id)
        if current is None:
            raise refuse(Reason.PASSKEY_INVALID, "it is not registered here")
        if current.suspended:
            raise refuse(Reason.PASSKEY_SUSPENDED)
        if may_be_copy(current, counter):
            await self._suspend(id, current)
            raise refuse(Reason.PASSKEY_SUSPENDED)
        used = replace(current, counter=counter, used_at_s=self.sessions.clock.now_s())
        self._kept[id] = used
        return used

    async def _suspend(self, id: str, kept: KeptPasskey) -> None:
        self._kept[id] = replace(kept, suspended=True)  # before the first await, so that no copy gets past it
        self.alarm(f"a passkey of {kept.account} may have a copy: its counter went back; it is suspended")
        await self.sessions.records.write(kept.account, "passkey_suspended", passkey=kept.name)
        await self._write(id)

    async def _write(self, id: str) -> None:
        """What is held here. The store takes two writes that are under way in either order, so whoever finds something
        else here afterwards writes that: a passkey that was removed or suspended meanwhile is not back after a restart.
        """
        while (kept := self._kept.get(id)) is not None:
            await self.store.put(PASSKEY, id, to_row(kept))
            if self._kept.get(id) is kept:
                return
        self._unremoved.add(id)
        await self.remove_forgotten()

    def _shown_before(self, earlier: Secret | None, account: str) -> tuple[str, ...]:
        """What the same browser showed of the same person just now: a password, and now the passkey."""
        session = self.sessions.half_way(earlier) or self.sessions.entered(earlier)
        if session is None or session.account != account:
            return ()
        age_s = self.sessions.clock.now_s() - session.signed_in_at_s
        return tuple(each for each in session.methods if each not in BY_PASSKEY) if 0 <= age_s <= FRESH_S else ()

    def _is_good(self, id: str) -> bool:
        kept = self._kept.get(id)
        return kept is not None and not kept.suspended

    # challenges -------------------------------------------------------------------------------------------------
    def _challenge(self, purpose: str, account: str, *, bound_to: bytes) -> tuple[Secret, str]:
        nonce = self.sessions.records.entropy.bytes(CHALLENGE_BYTES)
        content = Challenge(nonce.hex(), self._run, account, self.sessions.clock.monotonic_s())
        return Secret(nonce), self.sealer.seal(purpose, to_row(content), bound_to=bound_to)

    def _taken(self, purpose: str, sealed: str, *, bound_to: bytes) -> Challenge:
        """Raises `Unauthenticated` for a challenge of another browser, one that is answered, and one too old."""
        try:
            challenge = from_row(self.sealer.open(purpose, sealed, bound_to=bound_to), Challenge)
        except Unsealed:
            raise refuse(Reason.PASSKEY_INVALID, "this browser was not asked for it") from None
        if challenge.run != self._run or self.sessions.clock.monotonic_s() - challenge.at_s >= CHALLENGE_S:
            raise refuse(Reason.PASSKEY_INVALID, "it took too long")
        if challenge.nonce in self._answered:
            raise refuse(Reason.PASSKEY_INVALID, "it was answered already")
        return challenge

    async def _verified(self, challenge: Challenge, verify: Callable[[Secret], Any]) -> Any:
        """One answer per challenge, of many at once too. An answer that proves nothing leaves it unanswered."""
        now_s = self.sessions.clock.monotonic_s()
        for nonce, until_s in list(self._answered.items()):
            if now_s >= until_s:
                del self._answered[nonce]
        self._answered[challenge.nonce] = challenge.at_s + CHALLENGE_S
        try:
            return await verify(Secret(bytes.fromhex(challenge.nonce)))
        except BaseException:
            self._answered.pop(challenge.nonce, None)
            raise

    def _require_may_change(self, session: BrowserSession) -> None:
        if not self.may_change(session):
            raise refuse(
                Reason.STEP_UP_REQUIRED, "sign in again before you change your passkeys, with one if you have any"
            )

    def _require_attempts(self, id: str, peer: str) -> None:
        now_s = self.sessions.clock.monotonic_s()
        buckets = ((self.peers, peer), (self.pairs, f"{peer} {id}"))
        if max(attempts.wait_s(key, now_s) for attempts, key in buckets):
            self.sessions.records.ledger.refused(Reason.LIMIT_RATE)
            raise refuse(Reason.LIMIT_RATE, "too many tries; wait a minute")
        for attempts, key in buckets:
            attempts.take(key, now_s)


def _both(browser: Secret, cookie: Secret) -> bytes:
    return browser.expose() + b"|" + cookie.expose()
