"""The consent registry: what people agreed to, on record before anything is made of it, and what they took back."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

from remit.core.consent import Consent, ConsentEvent, ConsentState, after
from remit.core.ledger import Position, RecordKind
from remit.core.scope import scope_text
from remit.core.stored_consent import from_stored, to_stored
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store

CONSENT: Final = "consent"


@dataclass(slots=True)
class Consents:
    """`known` are those that stand, and those that a code under way stands on."""

    store: Store
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    known: dict[str, Consent] = field(init=False, default_factory=dict)
    _unstored: dict[str, Consent] = field(init=False, default_factory=dict)  # taken back here, not yet in the store

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(CONSENT):
            self.known[row.id] = from_stored(row.content)

    async def keep(self, consent: Consent, *, login: str) -> None:
        """The record first; then the new consent in the place of those it replaces. `login` is the request it answers.
        Raises `Outage`.
        """
        await self._record(consent_fields(consent, "given") | {"login": login})
        await self.store.put(CONSENT, consent.id, to_stored(consent))
        self.known[consent.id] = consent
        for id, earlier in list(self.known.items()):
            if id != consent.id and earlier.state is ConsentState.ACTIVE and _about(earlier) == _about(consent):
                self.known[id] = after(earlier, ConsentEvent.REPLACE)
                await self.store.put(CONSENT, id, to_stored(self.known[id]))

    async def used(self, consent: Consent, *, login: str, silent: bool) -> None:
        """It stands for another login. `silent`: without the person seeing a page. Raises `Outage`."""
        await self._record(consent_fields(consent, "used") | {"silent": silent, "login": login})

    async def declined(self, account: str, tenant: str, client: str, *, login: str) -> None:
        """A no is on record, durably, before anybody is told of it. Raises `Outage`."""
        who = {"account": account, "tenant": tenant, "client": client}
        await self._record({"event": "declined", **who, "login": login})

    async def take_back(self, consent_id: str) -> None:
        """Of this consent, and of those it replaced. Raises `Outage`, and then it is taken back here all the same, and
        `sweep` stores that.
        """
        taken = self.known[consent_id]
        for id, other in self.known.items():
            if id == consent_id or (other.state is ConsentState.REPLACED and _about(other) == _about(taken)):
                self._unstored[id] = self.known[id] = after(other, ConsentEvent.REVOKE)
        await self._store_taken_back()

    def is_agreed_to(self, client_id: str) -> bool:
        """Whether anybody agreed to this client, and it stands."""
        now_s = self.clock.now_s()
        return any(
            consent.client_id == client_id and consent.state is ConsentState.ACTIVE and now_s < consent.expires_at_s
            for consent in self.known.values()
        )

    async def sweep(self, needed: Container[str]) -> None:
        """Forget consents that are over, but for those `needed`. Raises `Outage`."""
        await self._store_taken_back()
        for id, consent in list(self.known.items()):
            over = consent.state is not ConsentState.ACTIVE or self.clock.now_s() >= consent.expires_at_s
            if over and id not in needed:
                self.known.pop(id)
                await self.store.remove(CONSENT, id)

    async def _store_taken_back(self) -> None:
        for id, over in list(self._unstored.items()):
            await self.store.put(CONSENT, id, to_stored(over))
            if self._unstored.get(id) is over:
                position = self._write(consent_fields(over, "taken_back"))
                self._unstored.pop(id)
                await self.ledger.durable(position)

    async def _record(self, fields: dict[str, object]) -> None:
        await self.ledger.durable(self._write(fields))

    def _write(self, fields: dict[str, object]) -> Position:
        return self.ledger.write(RecordKind.CONSENT, self.entropy.id("con"), fields)


def _about(consent: Consent) -> tuple[object, ...]:
    """What a later consent has in common with the one it replaces."""
    return (
        consent.tenant, consent.subject, consent.client_id, consent.resource, consent.redirect, consent.environment
    )  # fmt: skip


def consent_fields(consent: Consent, event: str) -> dict[str, object]:
    return {
        "event": event,
        "consent": consent.id,
        "tenant": consent.tenant,
        "account": consent.subject.id,
        "client": consent.client_id,
        "redirect": consent.redirect,
        "resource": consent.resource,
        "scope": scope_text(consent.scopes),
        "environment": consent.environment,
        "purpose_class": consent.purpose_class,
        "ttl_s": round(consent.ttl_s),
        **({"rule": consent.by} if consent.by else {}),
    }
