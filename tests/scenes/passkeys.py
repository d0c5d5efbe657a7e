"""People with passkeys: the walk of `OwnPasskeys`, with a browser and a device to bend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.core.attempts import Attempts
from remit.core.authentication import PASSWORD
from remit.core.clients import Account
from remit.core.ledger import RecordKind
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.account_records import AccountRecords
from remit.flows.passkeys import OwnPasskeys
from remit.flows.sessions import Sessions
from remit.ports.passkeys import Passkeys
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.ledger import FakeLedger
from remit.testing.passkeys import FakeAuthenticator, FakePasskeys
from remit.testing.sealer import FakeSealer
from remit.testing.store import FakeStore

ORIGIN = "https://remit.example"
PEER = "192.0.2.1"
ACCOUNTS = {
    "engineer": Account("engineer", "acme", frozenset()),
    "analyst": Account("analyst", "acme", frozenset()),
    "strict": Account("strict", "acme", frozenset(), passkey_required=True),
}


def browser(number: int = 1) -> Secret:
    return Secret(f"{number:064x}".encode())


@dataclass
class PasskeyScene:
    passkeys: Passkeys = field(default_factory=lambda: FakePasskeys(ORIGIN))
    device: FakeAuthenticator = field(default_factory=lambda: FakeAuthenticator(ORIGIN))
    accounts: Mapping[str, Account] = field(default_factory=lambda: dict(ACCOUNTS))
    clock: FakeClock = field(default_factory=FakeClock)
    store: FakeStore = field(default_factory=FakeStore)
    sealer: FakeSealer = field(default_factory=FakeSealer)
    alarms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger, self.entropy = FakeLedger(self.clock), FakeEntropy()
        self.walk = self.started()

    def started(self) -> OwnPasskeys:
        sessions = Sessions(AccountRecords(self.accounts, self.ledger, self.entropy), self.store, self.clock)
        peers = Attempts(burst=60, per_minute=60)
        return OwnPasskeys(ORIGIN, self.passkeys, self.sealer, sessions, self.store, peers, self.alarms.append)

    async def restarted(self) -> OwnPasskeys:
        walk = self.started()
        await walk.sessions.load(lambda _: True)
        await walk.load()
        return walk

    async def by_password(self, account: str = "engineer") -> Secret:
        return await self.walk.sessions.open(self.accounts[account], PASSWORD, still=lambda: True)

    def session(self, cookie: Secret) -> BrowserSession:
        found = self.walk.sessions.entered(cookie) or self.walk.sessions.half_way(cookie)
        assert found is not None
        return found

    async def add(self, cookie: Secret, name: str = "phone", **bent: Any) -> None:
        """`bent` of the ceremony; `asked_by` another browser than the one that answers."""
        asked = self.walk.ask_to_add(self.session(cookie), cookie, bent.pop("asked_by", browser()))
        answer = self.device.create(asked.options, **bent)
        await self.walk.add(self.session(cookie), cookie, browser(), sealed=asked.sealed, answer=answer, name=name)

    async def with_passkey(self, account: str = "engineer", name: str = "phone") -> Secret:
        cookie = await self.by_password(account)
        await self.add(cookie, name)
        return cookie

    async def sign_in(
        self, *, account: str = "", earlier: Secret | None = None, peer: str = PEER, **bent: Any
    ) -> Secret:
        asked = self.walk.ask_to_sign_in(bent.pop("asked_by", browser()), account)
        answer = self.device.get(asked.options, **bent)
        return await self.walk.sign_in(browser(), sealed=asked.sealed, answer=answer, peer=peer, earlier=earlier)

    def events(self) -> list[tuple[str, str]]:
        return [(record["account"], record["event"]) for record in self.ledger.of_kind(RecordKind.ACCOUNT)]
