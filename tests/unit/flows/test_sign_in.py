"""Links, passwords and browser sessions: one right way in, and nothing told to whoever tries another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from remit.core.clients import Account
from remit.core.errors import Refusal
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import INVITATION_S, SESSIONS_MAX, WRONG_MAX, SessionLimits
from remit.flows.account_records import AccountRecords
from remit.flows.sessions import Sessions
from remit.flows.sign_in import SignIn
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.ledger import FakeLedger
from remit.testing.passwords import FakePasswords
from remit.testing.store import FakeStore

ACCOUNTS = {name: Account(name, "acme", frozenset({"engineer"})) for name in ("engineer", "analyst")}
RIGHT = "correct horse battery"
WRONG = "wrong horse battery"


@dataclass
class Scene:
    """An engineer who has a password, an analyst who has none."""

    accounts: Mapping[str, Account] = field(default_factory=lambda: dict(ACCOUNTS))
    clock: FakeClock = field(default_factory=FakeClock)
    store: FakeStore = field(default_factory=FakeStore)
    passwords: FakePasswords = field(default_factory=FakePasswords)
    limits: SessionLimits = field(default_factory=SessionLimits)

    def __post_init__(self) -> None:
        self.ledger, self.entropy = FakeLedger(self.clock), FakeEntropy()
        self.walk = self.started()

    def started(self) -> SignIn:
        records = AccountRecords(self.accounts, self.ledger, self.entropy)
        sessions = Sessions(records, self.store, self.clock, self.limits)
        return SignIn(self.accounts, self.passwords, sessions, self.store, self.ledger, self.clock, self.entropy)

    async def restarted(self) -> SignIn:
        walk = self.started()
        await walk.load()
        return walk

    async def with_password(self) -> Scene:
        await self.walk.set_password(await self.walk.invite("engineer", by="admin"), RIGHT)
        return self

    async def refused(self, name: str = "engineer", typed: str = WRONG, peer: str = "192.0.2.1") -> Reason:
        with pytest.raises(Refusal) as caught:
            await self.walk.sign_in(name, typed, peer=peer)
        return caught.value.reason

    def events(self) -> list[tuple[str, str]]:
        return [(record["account"], record["event"]) for record in self.ledger.of_kind(RecordKind.ACCOUNT)]


@pytest.fixture
async def scene() -> Scene:
    return await Scene().with_password()


def wait(scene: Scene) -> None:
    scene.clock.advance(600)


# links ------------------------------------------------------------------------------------------------------------
async def test_a_link_sets_a_password_once(scene: Scene) -> None:
    token = await scene.walk.invite("analyst", by="admin")
    assert scene.walk.invited(token) == "analyst"
    assert await scene.walk.set_password(token, RIGHT) == "analyst"
    with pytest.raises(Refusal) as caught:
        await scene.walk.set_password(token, WRONG)
    assert caught.value.reason is Reason.INVITATION_INVALID
    assert scene.events()[-2:] == [("analyst", "invited"), ("analyst", "password_set")]
    assert await scene.walk.sign_in("analyst", RIGHT, peer="192.0.2.1")


async def test_a_link_whose_password_is_refused_still_works(scene: Scene) -> None:
    token = await scene.walk.invite("analyst", by="admin")
    with pytest.raises(Refusal) as caught:
        await scene.walk.set_password(token, "short")
    assert caught.value.reason is Reason.PASSWORD_WEAK
    await scene.walk.set_password(token, RIGHT)


async def test_of_two_who_use_one_link_at_once_one_does(scene: Scene) -> None:
    token = await scene.walk.invite("analyst", by="admin")
    answers = await asyncio.gather(
        scene.walk.set_password(token, RIGHT), scene.walk.set_password(token, WRONG), return_exceptions=True
    )
    assert [type(answer) is str for answer in answers] == [True, False]


async def test_an_outage_leaves_the_link_and_the_old_password(scene: Scene) -> None:
    token = await scene.walk.invite("engineer", by="admin")
    scene.store.unavailable = True
    with pytest.raises(Refusal):
        await scene.walk.set_password(token, "another horse battery")
    scene.store.unavailable = False
    assert await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    await scene.walk.set_password(token, "another horse battery")
    assert await scene.refused(typed=RIGHT) is Reason.SIGN_IN_FAILED


async def test_a_link_is_good_for_a_day_and_only_the_newest_one_is(scene: Scene) -> None:
    old, new = await scene.walk.invite("analyst", by="admin"), await scene.walk.invite("analyst", by="admin")
    for token, later_s in ((old, 0.0), (Secret(b"made up"), 0.0), (new, INVITATION_S)):
        scene.clock.advance(later_s)
        with pytest.raises(Refusal) as caught:
            scene.walk.invited(token)
        assert (caught.value.reason, caught.value.detail) == (Reason.INVITATION_INVALID, "")


async def test_a_link_for_an_account_nobody_registered_is_refused(scene: Scene) -> None:
    with pytest.raises(Refusal) as caught:
        await scene.walk.invite("nobody", by="admin")
    assert caught.value.reason is Reason.INVALID_PARAMS


async def test_a_new_password_ends_every_session_of_its_account_and_no_other(scene: Scene) -> None:
    await scene.walk.set_password(await scene.walk.invite("analyst", by="admin"), RIGHT)
    mine = await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    theirs = await scene.walk.sign_in("analyst", RIGHT, peer="192.0.2.1")
    await scene.walk.set_password(await scene.walk.invite("engineer", by="admin"), "another horse battery")
    assert scene.walk.session(mine) is None
    assert scene.walk.session(theirs) is not None


# signing in -------------------------------------------------------------------------------------------------------
async def test_signing_in_gives_a_session_that_survives_a_restart_and_ends_with_signing_out(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    for walk in (scene.walk, await scene.restarted()):
        found = walk.session(cookie)
        assert found is not None
        assert (found.account, found.tenant, found.methods) == ("engineer", "acme", ("pwd",))
    await scene.walk.sign_out(cookie)
    for walk in (scene.walk, await scene.restarted()):
        assert walk.session(cookie) is None
    assert scene.events()[-2:] == [("engineer", "signed_in"), ("engineer", "signed_out")]


@pytest.mark.parametrize("name", ["engineer", "analyst", "nobody", "", "x" * 5000])
async def test_a_wrong_name_and_a_wrong_password_look_alike_and_take_as_much_work(scene: Scene, name: str) -> None:
    before = scene.passwords.asked
    assert await scene.refused(name, WRONG) is Reason.SIGN_IN_FAILED
    assert scene.passwords.asked == before + 1
    assert scene.ledger.refusals[Reason.SIGN_IN_FAILED] == 1


async def test_a_forged_or_absent_cookie_is_nobody(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    assert scene.walk.session(None) is None
    assert scene.walk.session(Secret(b"")) is None
    assert scene.walk.session(Secret(cookie.expose()[:-1] + b"x")) is None
    row = next(id for kind, id in scene.store.kept if kind == "session")
    assert scene.walk.session(Secret(row.encode())) is None  # what is kept lets nobody in


@pytest.mark.parametrize(("used_every_s", "lasts_s"), [(3_600.0, 0.0), (600.0, 43_200.0)])
async def test_a_session_ends_when_it_is_idle_and_in_any_case(
    scene: Scene, used_every_s: float, lasts_s: float
) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    lasted_s = 0.0
    while True:
        scene.clock.advance(used_every_s)
        if scene.walk.session(cookie) is None:
            break
        lasted_s += used_every_s
    assert lasted_s == pytest.approx(max(0.0, lasts_s - used_every_s))
    await scene.walk.sweep()
    assert [kind for kind, _ in scene.store.kept if kind == "session"] == []


async def test_a_session_made_by_a_clock_ahead_of_this_one_is_not_believed(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    scene.clock.step_wall(-60)
    assert scene.walk.session(cookie) is None


async def test_an_account_that_is_no_longer_registered_has_no_session_no_link_and_no_password(scene: Scene) -> None:
    cookie, token = await scene.walk.sign_in("engineer", RIGHT, peer="a"), await scene.walk.invite("engineer", by="a")
    scene.accounts = {"analyst": ACCOUNTS["analyst"]}
    scene.walk = await scene.restarted()
    assert scene.walk.session(cookie) is None
    assert await scene.refused(typed=RIGHT) is Reason.SIGN_IN_FAILED
    with pytest.raises(Refusal) as caught:
        scene.walk.invited(token)
    assert caught.value.reason is Reason.INVITATION_INVALID


async def test_an_account_has_only_so_many_sessions_and_the_oldest_goes_first(scene: Scene) -> None:
    cookies = []
    for number in range(SESSIONS_MAX + 1):
        cookies.append(await scene.walk.sign_in("engineer", RIGHT, peer=f"192.0.2.{number}"))
        wait(scene)
        for cookie in cookies:
            scene.walk.session(cookie)
    alive = [scene.walk.session(cookie) is not None for cookie in cookies]
    assert alive == [False] + [True] * SESSIONS_MAX


async def test_a_hash_of_weaker_parameters_is_made_again_with_the_password_at_hand(scene: Scene) -> None:
    kept = await scene.passwords.hashed(Secret(RIGHT.encode()))
    scene.passwords.weak.add(kept)
    before = scene.store.at
    await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    assert scene.store.at == before + 2  # the session and the new hash


# guessing ---------------------------------------------------------------------------------------------------------
async def test_guesses_are_slowed_down_per_peer_and_name_and_the_person_elsewhere_still_gets_in(scene: Scene) -> None:
    said = [await scene.refused() for _ in range(12)]
    assert said == [Reason.SIGN_IN_FAILED] * 10 + [Reason.LIMIT_RATE] * 2
    assert await scene.refused(typed=RIGHT) is Reason.LIMIT_RATE
    assert await scene.walk.sign_in("engineer", RIGHT, peer="198.51.100.7")


async def test_guesses_from_everywhere_are_slowed_down_per_name(scene: Scene) -> None:
    said = [await scene.refused(peer=f"192.0.2.{number}") for number in range(52)]
    assert said == [Reason.SIGN_IN_FAILED] * 50 + [Reason.LIMIT_RATE] * 2


async def test_one_peer_s_guesses_at_many_names_are_slowed_down(scene: Scene) -> None:
    said = [await scene.refused(f"name-{number}") for number in range(62)]
    assert said == [Reason.SIGN_IN_FAILED] * 60 + [Reason.LIMIT_RATE] * 2


async def test_signing_in_is_no_guess_however_often(scene: Scene) -> None:
    for _ in range(30):
        await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    assert [await scene.refused() for _ in range(11)] == [Reason.SIGN_IN_FAILED] * 10 + [Reason.LIMIT_RATE]


async def test_guesses_made_at_once_count_before_the_first_is_answered(scene: Scene) -> None:
    tries = [scene.walk.sign_in("engineer", WRONG, peer="192.0.2.1") for _ in range(20)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    reasons = [answer.reason for answer in answers if isinstance(answer, Refusal)]
    assert (reasons.count(Reason.SIGN_IN_FAILED), reasons.count(Reason.LIMIT_RATE)) == (10, 10)


async def test_a_hundred_wrong_passwords_in_a_row_lock_the_account_until_an_administrator_helps(scene: Scene) -> None:
    for number in range(WRONG_MAX):
        assert await scene.refused(peer=f"192.0.2.{number}") is Reason.SIGN_IN_FAILED
        wait(scene)
    assert scene.events()[-1] == ("engineer", "locked")
    assert await scene.refused(typed=WRONG, peer="a") is Reason.SIGN_IN_FAILED  # a stranger is not told
    assert await scene.refused(typed=RIGHT, peer="a") is Reason.ACCOUNT_LOCKED
    scene.walk = await scene.restarted()
    assert await scene.refused(typed=RIGHT, peer="a") is Reason.ACCOUNT_LOCKED
    await scene.walk.set_password(await scene.walk.invite("engineer", by="admin"), "another horse battery")
    assert await scene.walk.sign_in("engineer", "another horse battery", peer="b")


async def test_the_right_password_between_wrong_ones_starts_the_count_again(scene: Scene) -> None:
    for _ in range(2):
        for _ in range(WRONG_MAX - 1):
            await scene.refused(peer="a")
            wait(scene)
        assert await scene.walk.sign_in("engineer", RIGHT, peer="a")


# what stands behind it ----------------------------------------------------------------------------------------------
async def test_nobody_is_in_before_it_is_on_record(scene: Scene) -> None:
    token, before = await scene.walk.invite("analyst", by="admin"), dict(scene.store.kept)
    scene.ledger.fail_writes()
    for asked in (
        scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1"),
        scene.walk.set_password(token, RIGHT),
        scene.walk.invite("engineer", by="admin"),
    ):
        with pytest.raises(Refusal) as caught:
            await asked
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    assert scene.store.kept == before


async def test_somebody_gets_out_whatever_the_ledger_says(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    scene.ledger.fail_writes()
    with pytest.raises(Refusal):
        await scene.walk.sign_out(cookie)
    assert scene.walk.session(cookie) is None


async def test_a_row_that_is_not_whole_stops_the_start(scene: Scene) -> None:
    for kind in ("password", "invitation", "session"):
        await scene.store.put(kind, "x", b'{"format":"remit.other/1"}')
        with pytest.raises(Refusal) as caught:
            await scene.restarted()
        assert caught.value.reason is Reason.STORE_UNAVAILABLE
        await scene.store.remove(kind, "x")
    await scene.restarted()


async def test_no_password_and_no_link_is_in_a_record_or_a_printed_value(scene: Scene) -> None:
    token = await scene.walk.invite("analyst", by="admin")
    await scene.walk.sign_in("engineer", RIGHT, peer="192.0.2.1")
    for text in (str(scene.ledger.records), repr(scene.walk)):
        assert RIGHT not in text
        assert token.expose().decode() not in text
        assert RIGHT.encode().hex() not in text
