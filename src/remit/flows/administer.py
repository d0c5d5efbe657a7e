"""An administrative act: who asks, whether they may, and a record of it either way, before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from remit.core.administration import (
    RULES,
    Act,
    ActPermitted,
    Administrator,
    Asker,
    AtSocket,
    Reach,
    ThroughClient,
    admin_fields,
    administrator_named,
    administrator_of,
    decide,
    scopes_held,
)
from remit.core.errors import Refusal
from remit.core.ledger import RecordKind
from remit.core.scope import Scope
from remit.ports.clock import Entropy
from remit.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Administer:
    """`administrators` are all that are registered, `delegated` those they let administer now; `ledger` gets one record
    per act, permitted or denied.
    """

    administrators: tuple[Administrator, ...]
    ledger: Ledger
    entropy: Entropy
    delegated: Callable[[], tuple[Administrator, ...]] = tuple

    def at_socket(self, uid: int) -> Asker:
        """Raises `Denied`: a peer that is no administrator is counted like any stranger."""
        try:
            return Asker(administrator_of(uid, self.everybody()), AtSocket(uid))
        except Refusal as refusal:
            self.ledger.refused(refusal.reason)
            raise

    def through(self, way: ThroughClient) -> Asker:
        """The same for a client that acts for an account."""
        try:
            return Asker(administrator_named(way.account, self.everybody()), way)
        except Refusal as refusal:
            self.ledger.refused(refusal.reason)
            raise

    def held(self, account: str) -> frozenset[Scope]:
        """What the account could let a client do now."""
        try:
            return scopes_held(administrator_named(account, self.everybody()))
        except Refusal:
            return frozenset()

    def everybody(self) -> tuple[Administrator, ...]:
        return (*self.administrators, *self.delegated())

    def of_account(self, account: str) -> tuple[Administrator, ...]:
        """The administrators that this account signs in as."""
        return tuple(found for found in self.everybody() if found.account == account != "")

    async def permit(
        self,
        asker: Asker,
        act: Act,
        tenants: frozenset[str],
        detail: Mapping[str, object],
        *,
        effect: str = "permit",
    ) -> ActPermitted:
        """Decide and record, and wait until the record is durable: nothing is read or changed before. Raises `Denied`,
        `Outage`.

        `effect` is `proposed` for an act that is not carried out now. `detail` holds safe fields for the record (names
        and counts, never secrets, arguments or payloads).
        """
        decision_id = self.entropy.id("dec")
        # What was asked for no tenant in particular, and denied, is a matter of those the administrator has.
        about = tenants or (asker.administrator.tenants if RULES[act].reach is Reach.TENANT else tenants)
        fields = admin_fields(asker, act, about, detail)
        try:
            permitted = decide(asker, act, tenants, decision_id=decision_id)
        except Refusal as refusal:
            refusal.decision_id = decision_id
            fields |= {"effect": "deny", "reason": refusal.reason.value, "detail": refusal.detail}
            self.ledger.write(RecordKind.ADMIN, decision_id, fields)
            raise
        position = self.ledger.write(RecordKind.ADMIN, decision_id, {**fields, "effect": effect})
        await self.ledger.durable(position)
        return permitted

    def refused(self, permitted: ActPermitted, refusal: Refusal) -> None:
        """An act its administrator may do, but that was refused for what it asks: the record says so, under its id."""
        fields = admin_fields(permitted.asker, permitted.act, permitted.tenants, {})
        outcome = {**fields, "effect": "refused", "reason": refusal.reason.value, "detail": refusal.detail[:512]}
        self.ledger.write(RecordKind.ADMIN, permitted.decision_id, outcome)
        refusal.decision_id = permitted.decision_id
