"""Administrators decide about consents in advance: for everybody of a tenant, on record before it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from remit.core.consent_rule import ConsentRule, RuleEffect, forbids
from remit.core.errors import refuse
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.rows import from_row, to_row
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store

RULE: Final = "consent_rule"
RULES_MAX: Final = 1_000


@dataclass(slots=True)
class ConsentRules:
    store: Store
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    known: dict[str, ConsentRule] = field(init=False, default_factory=dict)

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(RULE):
            self.known[row.id] = from_row(row.content, ConsentRule)

    def forbids(self, tenant: str, client: str, server: str) -> bool:
        return forbids(self.known.values(), tenant, client, server)

    def approvals(self, tenant: str, client: str, account: str) -> list[ConsentRule]:
        """Newest first."""
        found = [
            rule
            for rule in self.known.values()
            if rule.effect is RuleEffect.APPROVE
            and (rule.tenant, rule.client) == (tenant, client)
            and rule.is_for(account)
        ]
        return sorted(found, key=lambda rule: rule.at_s, reverse=True)

    async def add(self, rule: ConsentRule) -> None:
        """Forbidding counts at once, whatever becomes of the store; approving when all of it is written. Raises
        `Invalid`, `Outage`.
        """
        if len(self.known) >= RULES_MAX:
            raise refuse(Reason.INVALID_PARAMS, f"there are {RULES_MAX} rules about consents; drop some first")
        if rule.effect is RuleEffect.FORBID:
            self.known[rule.id] = rule
        await self._record(rule, rule.effect.value, rule.by)
        await self.store.put(RULE, rule.id, to_row(rule))
        self.known[rule.id] = rule

    async def drop(self, id: str, tenants: Iterable[str], *, by: str) -> ConsentRule:
        """A rule of another tenant looks like none. Raises `Invalid`, `Outage`."""
        rule = self.known.get(id)
        if rule is None or rule.tenant not in tenants:
            raise refuse(Reason.INVALID_PARAMS, f"no rule {id[:80]!r} about consents")
        if rule.effect is RuleEffect.APPROVE:  # what is taken away is gone at once, what is given back comes last
            self.known.pop(id)
        await self._record(rule, "dropped", by)
        await self.store.remove(RULE, id)
        self.known.pop(id, None)
        return rule

    async def _record(self, rule: ConsentRule, event: str, by: str) -> None:
        fields: dict[str, object] = {
            "event": event,
            "rule": rule.id,
            "tenant": rule.tenant,
            "client": rule.client,
            "scope": " ".join(rule.scopes),
            "environment": rule.environment,
            "purpose_class": rule.purpose_class,
            "ttl_s": round(rule.ttl_s),
            "by": by,
        }
        await self.ledger.durable(self.ledger.write(RecordKind.CONSENT, self.entropy.id("con"), fields))
