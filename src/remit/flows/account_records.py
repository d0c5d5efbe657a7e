"""What happens to people's accounts, on record, durably, before it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remit.core.clients import Account
from remit.core.ledger import RecordKind
from remit.ports.clock import Entropy
from remit.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class AccountRecords:
    accounts: Mapping[str, Account]
    ledger: Ledger
    entropy: Entropy

    async def write(self, account: str, event: str, *, by: str = "", **more: object) -> None:
        """Returns once it has survived power loss. Raises `Outage`."""
        registered = self.accounts.get(account)
        tenant = {"tenant": registered.tenant} if registered is not None else {}
        fields = {"account": account, "event": event} | tenant | ({"by": by} if by else {}) | more
        position = self.ledger.write(RecordKind.ACCOUNT, self.entropy.id("acc"), fields)
        await self.ledger.durable(position)
