"""A password alone becomes no passkey where there is one: else what demands a passkey would demand a password."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.authentication import Acr
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from tests.scenes.passkeys import PasskeyScene


@pytest.fixture
def scene() -> PasskeyScene:
    return PasskeyScene()


async def refused(work: object) -> Reason:
    with pytest.raises(Refusal) as caught:
        await work  # type: ignore[misc]
    return caught.value.reason


async def test_a_stolen_password_neither_adds_nor_removes_a_passkey_of_whoever_has_one(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    scene.clock.advance(1)
    thief = await scene.by_password()
    assert scene.session(thief).authentication.acr is Acr.PASSWORD
    (id,) = scene.walk.of("engineer")
    assert await refused(scene.add(thief, "thief's")) is Reason.STEP_UP_REQUIRED
    assert await refused(scene.walk.remove(scene.session(thief), thief, id)) is Reason.STEP_UP_REQUIRED
    assert list(scene.walk.of("engineer")) == [id]
    owner = await scene.sign_in()
    await scene.add(owner, "another")
    await scene.walk.remove(scene.session(owner), owner, id)


async def test_a_clock_that_is_set_back_makes_no_passkey_a_later_one(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    scene.clock.step_wall(-3600)
    assert await refused(scene.add(await scene.by_password(), "thief's")) is Reason.STEP_UP_REQUIRED
    await scene.add(await scene.sign_in(), "another")


async def test_whoever_signed_in_before_their_first_passkey_adds_the_second_in_one_go(scene: PasskeyScene) -> None:
    cookie = await scene.by_password()
    scene.clock.advance(1)
    await scene.add(cookie, "phone")
    scene.clock.advance(1)
    await scene.add(cookie, "key")
    (first, second) = scene.walk.of("engineer")
    await scene.walk.remove(scene.session(cookie), cookie, first)
    assert list(scene.walk.of("engineer")) == [second]


async def test_whoever_has_none_that_is_good_adds_one_with_the_password(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    await scene.sign_in()
    scene.device.counter = 0  # as a copy has it
    assert await refused(scene.sign_in()) is Reason.PASSKEY_SUSPENDED
    scene.clock.advance(1)
    cookie = await scene.by_password()
    (id,) = scene.walk.of("engineer")
    await scene.walk.remove(scene.session(cookie), cookie, id)
    await scene.add(cookie, "new")


@pytest.mark.parametrize("account", ["strict"])
async def test_of_two_who_add_a_first_passkey_at_once_one_does(scene: PasskeyScene, account: str) -> None:
    """The thief began before the owner's was there, and is done after it."""
    owner, thief = await scene.by_password(account), await scene.by_password(account)
    scene.ledger.hold_sync()
    adding = [asyncio.create_task(scene.add(owner, "owner's")), asyncio.create_task(scene.add(thief, "thief's"))]
    await asyncio.sleep(0)
    scene.ledger.release_sync()
    done = await asyncio.gather(*adding, return_exceptions=True)
    assert [getattr(each, "reason", None) for each in done] == [None, Reason.STEP_UP_REQUIRED]
    for walk in (scene.walk, await scene.restarted()):
        assert [kept.name for kept in walk.of(account).values()] == ["owner's"]


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("how", ["removed", "suspended"])
async def test_a_passkey_that_ends_while_it_is_used_has_ended_after_a_restart_too(
    scene: PasskeyScene, how: str, turns: int
) -> None:
    """The store takes two writes that are under way in whichever order."""
    owner = await scene.with_passkey()
    (id,) = scene.walk.of("engineer")
    theirs = asyncio.create_task(scene.sign_in(counter=7))
    for _ in range(turns):
        await asyncio.sleep(0)
    if how == "removed":
        await scene.walk.remove(scene.session(owner), owner, id)
    else:
        await asyncio.gather(scene.sign_in(counter=7), return_exceptions=True)
    await asyncio.gather(theirs, return_exceptions=True)
    for walk in (scene.walk, await scene.restarted()):
        assert walk.usable("engineer") == []


async def test_a_passkey_that_is_used_twice_at_once_is_good_after_a_restart(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    await asyncio.gather(scene.sign_in(counter=7), scene.sign_in(counter=8))
    scene.walk = await scene.restarted()
    (kept,) = scene.walk.usable("engineer")
    assert kept.counter == 8
    assert await scene.sign_in(counter=9)
