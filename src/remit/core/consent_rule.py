"""What an administrator decided about consents in advance: a client that people need not be asked about, or one that
they cannot say yes to."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from remit.core.rows import Stored


class RuleEffect(StrEnum):
    APPROVE = "approve"
    FORBID = "forbid"


class ConsentRule(Stored, frozen=True, tag="remit.consent_rule/1"):
    """For the people of one tenant and one client. `scopes` are what is approved or forbidden; forbidding without any
    forbids everything. `accounts` are whom an approval is for; without any, everybody. The rest is the approval's own:
    where, what for, how long a grant lasts. `by` is the administrator.
    """

    id: str
    tenant: str
    client: str
    effect: RuleEffect
    scopes: tuple[str, ...]
    by: str
    at_s: float
    accounts: tuple[str, ...] = ()
    environment: str = ""
    purpose: str = ""
    purpose_class: str = ""
    ttl_s: float = 0.0

    def is_for(self, account: str) -> bool:
        return not self.accounts or account in self.accounts


def forbids(rules: Collection[ConsentRule], tenant: str, client: str, server: str) -> bool:
    """Whether people of the tenant cannot let this client use the server. A rule about a tool of it forbids all of it:
    a grant could not say `all but that`."""
    return any(
        rule.effect is RuleEffect.FORBID
        and (rule.tenant, rule.client) == (tenant, client)
        and (not rule.scopes or any(scope.partition(":")[0] == server for scope in rule.scopes))
        for rule in rules
    )
