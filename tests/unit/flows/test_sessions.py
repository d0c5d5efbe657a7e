"""Sessions of browsers: who is in, who is half-way, and how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from remit.core.authentication import PASSKEY, PASSWORD
from remit.core.clients import Account
from remit.core.errors import Refusal
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import SessionLimits
from remit.flows.account_records import AccountRecords
from remit.flows.sessions import SESSION, Sessions
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.ledger import FakeLedger
from remit.testing.store import FakeStore

OPEN = Account("engineer", "acme", frozenset())
STRICT = Account("analyst", "acme", frozenset(), passkey_required=True)


@dataclass
class Scene:
    accounts: dict[str, Account] = field(default_factory=lambda: {each.id: each for each in (OPEN, STRICT)})
    limits: SessionLimits = field(default_factory=lambda: SessionLimits(idle_s=600.0, max_s=3600.0))

    def __post_init__(self) -> None:
        self.clock, self.store, self.entropy = FakeClock(), FakeStore(), FakeEntropy()
        self.ledger = FakeLedger(self.clock)
        self.sessions = self.made()

    def made(self) -> Sessions:
        return Sessions(AccountRecords(self.accounts, self.ledger, self.entropy), self.store, self.clock, self.limits)

    async def restarted(self) -> Sessions:
        made = self.made()
        await made.load(lambda _: True)
        return made

    async def opened(self, account: Account = OPEN, methods: tuple[str, ...] = PASSWORD) -> Secret:
        return await self.sessions.open(account, methods, still=lambda: True)


async def test_it_is_on_record_how_somebody_got_in() -> None:
    scene = Scene()
    await scene.opened(methods=PASSKEY)
    (record,) = scene.ledger.of_kind(RecordKind.ACCOUNT)
    assert (record["event"], record["amr"], record["tenant"]) == ("signed_in", list(PASSKEY), "acme")


@pytest.mark.parametrize(
    ("account", "methods", "entered"),
    [(OPEN, PASSWORD, True), (OPEN, PASSKEY, True), (STRICT, PASSWORD, False), (STRICT, PASSKEY, True),
     (STRICT, (*PASSWORD, *PASSKEY), True)],
)  # fmt: skip
async def test_with_a_password_alone_nobody_is_in_where_a_passkey_is_demanded(
    account: Account, methods: tuple[str, ...], entered: bool
) -> None:
    scene = Scene()
    cookie = await scene.opened(account, methods)
    assert (scene.sessions.entered(cookie) is not None) is entered
    assert (scene.sessions.half_way(cookie) is not None) is not entered


async def test_a_demand_that_is_made_later_reaches_sessions_there_are() -> None:
    scene = Scene()
    cookie = await scene.opened()
    scene.accounts["engineer"] = Account("engineer", "acme", frozenset(), passkey_required=True)
    assert scene.sessions.entered(cookie) is None
    assert (await scene.restarted()).half_way(cookie)


async def test_the_configured_times_end_a_session_and_a_lower_one_reaches_those_there_are() -> None:
    scene = Scene()
    idle, used = await scene.opened(), await scene.opened()
    scene.clock.advance(599)
    assert scene.sessions.entered(used)
    scene.clock.advance(1)
    assert scene.sessions.entered(idle) is None
    scene.limits = SessionLimits(idle_s=600.0, max_s=599.0)
    assert (await scene.restarted()).entered(used) is None
    for _ in range(5):
        scene.clock.advance(500)
        assert scene.sessions.entered(used)
    scene.clock.advance(500)
    assert scene.sessions.entered(used) is None


async def test_what_was_proved_and_taken_back_meanwhile_opens_nothing() -> None:
    scene = Scene()
    with pytest.raises(Refusal) as refused:
        await scene.sessions.open(OPEN, PASSWORD, still=lambda: False)
    assert refused.value.reason is Reason.SIGN_IN_FAILED
    assert [id for kind, id in scene.store.kept if kind == SESSION] == []


async def test_all_sessions_of_an_account_end_but_the_one_that_is_left_out() -> None:
    scene = Scene()
    mine, mine_too, theirs = await scene.opened(), await scene.opened(), await scene.opened(STRICT, PASSKEY)
    scene.sessions.forget(["engineer"], but=mine)
    assert [scene.sessions.entered(each) is not None for each in (mine, mine_too, theirs)] == [True, False, True]
    await scene.sessions.remove_forgotten()
    again = await scene.restarted()
    assert [again.entered(each) is not None for each in (mine, mine_too, theirs)] == [True, False, True]


async def test_a_cookie_that_another_one_replaced_is_nobody_and_nobody_signed_out() -> None:
    scene = Scene()
    cookie = await scene.opened()
    await scene.sessions.replaced(cookie)
    await scene.sessions.replaced(Secret(b"nobody's"))
    assert scene.sessions.entered(cookie) is None
    assert [record["event"] for record in scene.ledger.of_kind(RecordKind.ACCOUNT)] == ["signed_in"]
