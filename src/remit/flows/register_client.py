"""Clients that register themselves (RFC 7591), where the operator lets them: at few places, few of them, and forgotten
when nobody has agreed to one.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from remit.core.attempts import Attempts
from remit.core.client_registration import KeptRegistration, Registration, answered, parse_registration
from remit.core.clients import ClientBook
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.redirects import shown
from remit.core.rows import from_row, to_row
from remit.core.secret import Secret
from remit.flows.oauth_error import OAuthError
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store

REGISTRATION: Final = "registration"
# A login takes minutes: who registered and was agreed to by nobody is forgotten a day later.
UNUSED_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class RegistrationRules:
    """What the operator lets register. `hosts` are those of redirect URIs; `initial_token` None asks for none."""

    tenant: str
    hosts: frozenset[str]
    clients_max: int
    initial_token: Secret | None = None


@dataclass(slots=True)
class RegisterClient:
    """The walk and its ports. `in_use` says whether somebody agreed to a client. `rules` None: nobody registers."""

    rules: RegistrationRules | None
    book: ClientBook
    in_use: Callable[[str], bool]
    store: Store
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    peers: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=10))
    everybody: Attempts = field(default_factory=lambda: Attempts(burst=60, per_minute=60))
    _kept: dict[str, KeptRegistration] = field(init=False, default_factory=dict)

    async def load(self) -> None:
        """At a start. Those whose place is no longer listed are out. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(REGISTRATION):
            self._take(from_row(row.content, KeptRegistration))

    async def register(self, found: Mapping[str, Any], bearer: Secret | None, *, peer: str) -> Mapping[str, Any]:
        """RFC 7591 section 3. Raises `OAuthError`, `RegistrationError`, `Outage`."""
        rules = self.rules
        if rules is None:
            raise OAuthError("not_found", "clients do not register themselves here", status=404)
        self._limit(self.peers, peer)
        if not _same(rules.initial_token, bearer):
            self.ledger.refused(Reason.TOKEN_INVALID)
            raise OAuthError("invalid_token", "an initial access token is needed to register here", status=401)
        self._limit(self.everybody, "")  # of those who may: nobody else keeps them out
        registration = parse_registration(found, rules.hosts)
        known = self._kept.get(registration.id)
        if known is not None:
            return answered(await self._again(known))
        if len(self._kept) >= rules.clients_max:
            raise OAuthError("temporarily_unavailable", "no more clients may register now", status=503, wait_s=60.0)
        return answered(await self._registered(registration, rules))

    async def _registered(self, registration: Registration, rules: RegistrationRules) -> KeptRegistration:
        made = KeptRegistration(
            id=registration.id,
            name=registration.name,
            redirects=registration.redirects,
            authentication=registration.authentication.value,
            keys=dict(registration.keys),
            registered_at_s=self.clock.now_s(),
        )
        self._take(made)  # before the first await: of many at once no more than may be
        try:
            fields = {"event": "registered", "client": made.id, "tenant": rules.tenant}
            await self.ledger.durable(self.ledger.write(RecordKind.CLIENT, self.entropy.id("cli"), fields))
            await self.store.put(REGISTRATION, made.id, to_row(made))
        except BaseException:
            if self._kept.get(made.id) is made:  # it did not come again meanwhile
                self._forget(made.id)
            raise
        return made

    async def _again(self, known: KeptRegistration) -> KeptRegistration:
        """It is not forgotten during the login for which it came."""
        renewed = replace(known, registered_at_s=self.clock.now_s())
        self._kept[known.id] = renewed
        await self.store.put(REGISTRATION, known.id, to_row(renewed))
        return renewed

    async def sweep(self) -> None:
        """Forget those nobody agreed to. Raises `Outage`."""
        for id, kept in list(self._kept.items()):
            if self.clock.now_s() - kept.registered_at_s >= UNUSED_S and not self.in_use(id):
                await self.store.remove(REGISTRATION, id)
                if self._kept.get(id) is kept:
                    self._forget(id)
                elif id in self._kept:  # it came again meanwhile
                    await self.store.put(REGISTRATION, id, to_row(self._kept[id]))

    def _take(self, kept: KeptRegistration) -> None:
        self._kept[kept.id] = kept
        if self.rules is not None and {shown(uri).host for uri in kept.redirects} <= self.rules.hosts:
            self.book.let_in(kept.client(self.rules.tenant))

    def _forget(self, id: str) -> None:
        self._kept.pop(id, None)
        self.book.shut_out(id)

    def _limit(self, attempts: Attempts, name: str) -> None:
        wait_s = attempts.wait_s(name, self.clock.monotonic_s())
        if wait_s:
            self.ledger.refused(Reason.LIMIT_RATE)
            raise OAuthError("temporarily_unavailable", "too many registrations", status=429, wait_s=wait_s)
        attempts.take(name, self.clock.monotonic_s())


def _same(wanted: Secret | None, presented: Secret | None) -> bool:
    if wanted is None:
        return True
    found = presented.expose() if presented is not None else b""
    return hmac.compare_digest(sha256(found).digest(), sha256(wanted.expose()).digest())
