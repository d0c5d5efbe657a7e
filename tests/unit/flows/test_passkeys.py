"""Adding, removing and using passkeys: what counts is on record first, and one answer is good once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from remit.core.authentication import PASSKEY, Acr
from remit.core.clients import Account
from remit.core.errors import Outage, Refusal
from remit.core.ledger import RecordKind
from remit.core.passkeys import CHALLENGE_S, FRESH_S, PASSKEYS_MAX, base64url
from remit.core.reasons import Reason
from remit.core.secret import Secret
from tests.scenes.passkeys import ORIGIN, PEER, PasskeyScene, browser


@pytest.fixture
def scene() -> PasskeyScene:
    return PasskeyScene()


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value.reason


# adding -----------------------------------------------------------------------------------------------------------
async def test_a_passkey_is_added_listed_and_used_over_a_restart(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    assert [kept.name for kept in scene.walk.of("engineer").values()] == ["phone"]
    scene.walk = await scene.restarted()
    cookie = await scene.sign_in()
    session = scene.walk.sessions.entered(cookie)
    assert session is not None
    assert (session.account, session.methods, session.authentication.acr) == ("engineer", PASSKEY, Acr.PASSKEY)
    assert scene.events() == [("engineer", "signed_in"), ("engineer", "passkey_added"), ("engineer", "signed_in")]


async def test_adding_needs_somebody_who_signed_in_just_now(scene: PasskeyScene) -> None:
    cookie = await scene.by_password()
    scene.clock.advance(FRESH_S)
    await scene.add(cookie)
    scene.clock.advance(1)
    assert await refused(scene.add(cookie, "key")) is Reason.STEP_UP_REQUIRED
    asked_in_time = scene.walk.ask_to_add(scene.session(fresh := await scene.sign_in()), fresh, browser())
    scene.clock.advance(FRESH_S + 1)
    answer = scene.device.create(asked_in_time.options)
    late = scene.walk.add(scene.session(fresh), fresh, browser(), sealed=asked_in_time.sealed, answer=answer, name="x")
    assert await refused(late) is Reason.STEP_UP_REQUIRED


async def test_half_way_somebody_adds_their_first_passkey_and_no_other(scene: PasskeyScene) -> None:
    cookie = await scene.with_passkey("strict")
    assert await refused(scene.add(cookie, "key")) is Reason.STEP_UP_REQUIRED
    assert scene.walk.sessions.entered(cookie) is None
    entered = await scene.sign_in(account="strict", earlier=cookie)
    await scene.add(entered, "key")
    session = scene.walk.sessions.entered(entered)
    assert session is not None
    assert session.methods == ("pwd", *PASSKEY)
    assert scene.walk.sessions.half_way(cookie) is None  # the earlier cookie was replaced


async def test_an_account_has_only_so_many_passkeys_however_many_are_added_at_once(scene: PasskeyScene) -> None:
    cookie = await scene.by_password()
    for number in range(PASSKEYS_MAX - 1):
        await scene.add(cookie, f"key {number}")
    answers = await asyncio.gather(*(scene.add(cookie, name) for name in "ab"), return_exceptions=True)
    assert sum(isinstance(answer, Refusal) for answer in answers) == 1
    assert len(scene.walk.of("engineer")) == PASSKEYS_MAX


@pytest.mark.parametrize("name", ["", "phone", "x" * 100])
async def test_a_name_that_is_none_or_taken_is_refused(scene: PasskeyScene, name: str) -> None:
    cookie = await scene.with_passkey()
    assert await refused(scene.add(cookie, name)) is Reason.INVALID_PARAMS
    await scene.add(cookie, "tablet")


async def test_a_passkey_somebody_has_is_not_added_again(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    theirs = await scene.by_password("analyst")
    credential = next(iter(scene.device.keys))
    asked = scene.walk.ask_to_add(scene.session(theirs), theirs, browser())
    answer = scene.device.create(asked.options).replace(list(scene.device.keys)[-1], credential)
    adding = scene.walk.add(scene.session(theirs), theirs, browser(), sealed=asked.sealed, answer=answer, name="mine")
    assert await refused(adding) is Reason.INVALID_PARAMS
    assert scene.walk.of("analyst") == {}


async def test_nothing_is_added_before_it_is_on_record(scene: PasskeyScene) -> None:
    cookie = await scene.by_password()
    scene.ledger.fail_writes()
    assert await refused(scene.add(cookie)) is Reason.LEDGER_UNAVAILABLE
    assert scene.walk.of("engineer") == {}
    assert [kind for kind, _ in scene.store.kept if kind == "passkey"] == []


async def test_a_passkey_whose_session_ended_while_it_was_added_is_not_there(scene: PasskeyScene) -> None:
    cookie = await scene.by_password()
    scene.ledger.hold_sync()
    adding = asyncio.create_task(scene.add(cookie))
    await asyncio.sleep(0)
    assert scene.events()[-1] == ("engineer", "passkey_added")
    scene.walk.sessions.forget(["engineer"])
    scene.ledger.release_sync()
    assert await refused(adding) is Reason.SIGN_IN_FAILED
    assert scene.walk.of("engineer") == {}
    assert [kind for kind, _ in scene.store.kept if kind == "passkey"] == []


# removing ---------------------------------------------------------------------------------------------------------
async def test_a_removed_passkey_signs_nobody_in_and_signs_the_other_browsers_out(scene: PasskeyScene) -> None:
    cookie, other = await scene.with_passkey(), await scene.sign_in()
    (id,) = scene.walk.of("engineer")
    await scene.walk.remove(scene.session(cookie), cookie, id)
    assert scene.walk.sessions.entered(cookie)
    assert scene.walk.sessions.entered(other) is None
    for walk in (scene.walk, await scene.restarted()):
        scene.walk = walk
        assert await refused(scene.sign_in()) is Reason.PASSKEY_INVALID
    assert scene.events()[-1] == ("engineer", "passkey_removed")


async def test_nobody_removes_another_s_passkey_or_without_signing_in_again(scene: PasskeyScene) -> None:
    mine, theirs = await scene.with_passkey(), await scene.by_password("analyst")
    (id,) = scene.walk.of("engineer")
    assert await refused(scene.walk.remove(scene.session(theirs), theirs, id)) is Reason.INVALID_PARAMS
    scene.clock.advance(FRESH_S + 1)
    assert await refused(scene.walk.remove(scene.session(mine), mine, id)) is Reason.STEP_UP_REQUIRED
    fresh = await scene.sign_in()
    await scene.walk.remove(scene.session(fresh), fresh, id)


async def test_where_a_passkey_is_demanded_the_last_one_stays(scene: PasskeyScene) -> None:
    half = await scene.with_passkey("strict")
    cookie = await scene.sign_in(account="strict", earlier=half)
    (first,) = scene.walk.of("strict")
    assert await refused(scene.walk.remove(scene.session(cookie), cookie, first)) is Reason.INVALID_PARAMS
    await scene.add(cookie, "another")
    await scene.walk.remove(scene.session(cookie), cookie, first)


async def test_a_passkey_an_outage_left_in_the_store_is_gone_once_the_sweep_has_run(scene: PasskeyScene) -> None:
    cookie = await scene.with_passkey()
    (id,) = scene.walk.of("engineer")
    scene.store.unavailable = True
    with pytest.raises(Outage):
        await scene.walk.remove(scene.session(cookie), cookie, id)
    assert scene.walk.of("engineer") == {}
    scene.store.unavailable = False
    await scene.walk.remove_forgotten()
    assert (await scene.restarted()).of("engineer") == {}


# signing in -------------------------------------------------------------------------------------------------------
async def test_an_answer_is_good_once_and_within_five_minutes(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    for later_s, good in ((0.0, True), (CHALLENGE_S - 1, True), (CHALLENGE_S, False)):
        asked = scene.walk.ask_to_sign_in(browser())
        scene.clock.advance(later_s)
        for again in (False, True):
            answer = scene.device.get(asked.options)  # even a new one to the same question
            work = scene.walk.sign_in(browser(), sealed=asked.sealed, answer=answer, peer=PEER)
            if good and not again:
                assert await work
            else:
                assert await refused(work) is Reason.PASSKEY_INVALID


async def test_of_two_who_answer_one_question_at_once_one_is_in(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    asked = scene.walk.ask_to_sign_in(browser())
    answers = [scene.device.get(asked.options) for _ in range(2)]
    both = [scene.walk.sign_in(browser(), sealed=asked.sealed, answer=answer, peer=PEER) for answer in answers]
    said = await asyncio.gather(*both, return_exceptions=True)
    assert [isinstance(each, Secret) for each in said] == [True, False]


async def test_an_answer_that_proves_nothing_leaves_the_question_open(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    asked = scene.walk.ask_to_sign_in(browser())
    wrong, right = scene.device.get(asked.options, origin="https://evil.example"), scene.device.get(asked.options)
    tries = [scene.walk.sign_in(browser(), sealed=asked.sealed, answer=each, peer=PEER) for each in (wrong, right)]
    assert await refused(tries[0]) is Reason.PASSKEY_INVALID
    assert await tries[1]


async def test_a_question_of_an_earlier_process_is_none(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    asked = scene.walk.ask_to_sign_in(browser())
    scene.walk = await scene.restarted()
    answer = scene.device.get(asked.options)
    work = scene.walk.sign_in(browser(), sealed=asked.sealed, answer=answer, peer=PEER)
    assert await refused(work) is Reason.PASSKEY_INVALID
    assert await scene.sign_in()


async def test_a_counter_that_goes_back_suspends_the_passkey_and_raises_an_alarm(scene: PasskeyScene) -> None:
    cookie = await scene.with_passkey()
    await scene.sign_in()
    assert await refused(scene.sign_in(counter=1)) is Reason.PASSKEY_SUSPENDED
    assert scene.events()[-1] == ("engineer", "passkey_suspended")
    assert "engineer" in scene.alarms[0]
    for walk in (scene.walk, await scene.restarted()):
        scene.walk = walk
        assert await refused(scene.sign_in(counter=100)) is Reason.PASSKEY_SUSPENDED
    (id,) = scene.walk.of("engineer")
    await scene.walk.remove(scene.session(cookie), cookie, id)


async def test_a_device_that_does_not_count_is_no_copy(scene: PasskeyScene) -> None:
    scene.device.counts = False
    await scene.with_passkey()
    assert [bool(await scene.sign_in()) for _ in range(3)] == [True] * 3


async def test_whoever_is_not_known_yet_has_to_say_whose_passkey_it_is(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    for handle in (None, "", base64url(b"somebody")):
        assert await refused(scene.sign_in(user_handle=handle)) is Reason.PASSKEY_INVALID
    assert await scene.sign_in(account="engineer", user_handle=None)  # their password said it


async def test_a_passkey_of_an_account_that_is_gone_signs_nobody_in(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    scene.accounts = {"analyst": Account("analyst", "acme", frozenset())}
    scene.walk = await scene.restarted()
    assert await refused(scene.sign_in()) is Reason.PASSKEY_INVALID


async def test_a_passkey_that_is_removed_while_somebody_signs_in_with_it_lets_nobody_in(scene: PasskeyScene) -> None:
    cookie = await scene.with_passkey()
    (id,) = scene.walk.of("engineer")
    scene.ledger.hold_sync()
    entering = asyncio.create_task(scene.sign_in())
    for _ in range(2):  # the counter is stored, then it is written that somebody is in
        await asyncio.sleep(0)
    assert scene.events().count(("engineer", "signed_in")) == 2
    removing = asyncio.create_task(scene.walk.remove(scene.session(cookie), cookie, id))
    await asyncio.sleep(0)
    scene.walk.forget("engineer")
    scene.ledger.release_sync()
    await asyncio.gather(removing, return_exceptions=True)
    assert await refused(entering) is Reason.SIGN_IN_FAILED


async def test_tries_are_limited_per_peer_and_passkey_and_using_one_is_no_guess(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    for _ in range(15):
        await scene.sign_in()
    said = [await refused(scene.sign_in(challenge="x")) for _ in range(12)]
    assert said == [Reason.PASSKEY_INVALID] * 10 + [Reason.LIMIT_RATE] * 2
    assert scene.ledger.refusals[Reason.PASSKEY_INVALID] == 10
    assert await scene.sign_in(peer="198.51.100.7")


async def test_the_browser_is_told_which_passkeys_only_for_somebody_known(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    assert scene.walk.ask_to_sign_in(browser()).options["allowCredentials"] == []
    asked = scene.walk.ask_to_sign_in(browser(), "engineer")
    assert [each["id"] for each in asked.options["allowCredentials"]] == list(scene.device.keys)


async def test_no_challenge_and_no_cookie_is_in_a_record(scene: PasskeyScene) -> None:
    cookie = await scene.with_passkey()
    asked = scene.walk.ask_to_sign_in(browser())
    written = str(scene.ledger.of_kind(RecordKind.ACCOUNT)) + repr(scene.walk)
    assert cookie.expose().decode() not in written
    assert asked.options["challenge"] not in written
    assert ORIGIN in repr(scene.walk)
