"""An account that is recovered, or a link that is over: nothing that was under way before opens it afterwards."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import INVITATION_S, WRONG_MAX
from tests.unit.flows.test_account_links import OTHER, RIGHT, Scene, reason_of, scene

__all__ = ["scene"]


@pytest.mark.parametrize("turns", range(8))
async def test_a_link_somebody_is_using_while_the_account_is_recovered_sets_no_password(
    scene: Scene, turns: int
) -> None:
    await scene.password()
    stolen = await scene.links.sign_in.invite("engineer", by="admin")
    theirs = asyncio.create_task(scene.links.sign_in.set_password(stolen, OTHER))
    for _ in range(turns):
        await asyncio.sleep(0)
    link = await scene.links.recover("engineer", by="admin")
    await asyncio.gather(theirs, return_exceptions=True)
    for _ in range(2):
        assert await reason_of(scene.enter(typed=OTHER)) is Reason.SIGN_IN_FAILED
        assert scene.links.sign_in.invited(link) == "engineer"
        await scene.restart()
    await scene.links.sign_in.set_password(link, RIGHT)
    assert await scene.enter()


@pytest.mark.parametrize("turns", range(5))
async def test_a_newer_link_ends_an_older_one_that_is_in_use(scene: Scene, turns: int) -> None:
    await scene.password()
    older = await scene.links.sign_in.invite("engineer", by="admin")
    theirs = asyncio.create_task(scene.links.sign_in.set_password(older, OTHER))
    scene.ledger.hold_sync()
    for _ in range(turns):
        await asyncio.sleep(0)
    asked = asyncio.create_task(scene.links.sign_in.invite("engineer", by="admin"))
    await asyncio.sleep(0)
    scene.ledger.release_sync()
    assert await reason_of(theirs) is Reason.INVITATION_INVALID
    newer = await asked
    for _ in range(2):
        assert await reason_of(scene.enter(typed=OTHER)) is Reason.SIGN_IN_FAILED
        assert await scene.enter()
        await scene.restart()
    await scene.links.sign_in.set_password(newer, OTHER)
    assert await scene.enter(typed=OTHER)


async def test_a_clock_that_is_set_back_gives_a_link_no_longer_life(scene: Scene) -> None:
    link = await scene.links.sign_in.invite("engineer", by="admin")
    assert scene.links.sign_in.invited(link) == "engineer"
    scene.clock.step_wall(-INVITATION_S)
    with pytest.raises(Refusal) as refused:
        scene.links.sign_in.invited(link)
    assert refused.value.reason is Reason.INVITATION_INVALID
    scene.clock.step_wall(INVITATION_S)
    assert await scene.links.sign_in.set_password(link, RIGHT) == "engineer"


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("recovered", [True, False], ids=["recovered", "set anew"])
async def test_a_password_that_is_hashed_anew_meanwhile_does_not_come_back(
    scene: Scene, recovered: bool, turns: int
) -> None:
    """Whoever knows the old one signs in while it ends, and its hash is to be made stronger."""
    await scene.password()
    scene.hashing.weak.add(f"fake:{RIGHT.encode().hex()}")
    link = await scene.links.sign_in.invite("engineer", by="admin")
    ending = scene.links.recover("engineer", by="admin") if recovered else scene.links.sign_in.set_password(link, OTHER)
    theirs = asyncio.create_task(scene.enter())
    for _ in range(turns):
        await asyncio.sleep(0)
    found = await ending
    await asyncio.gather(theirs, return_exceptions=True)
    if isinstance(found, Secret):
        assert await reason_of(scene.enter()) is Reason.SIGN_IN_FAILED
        await scene.links.sign_in.set_password(found, OTHER)
    for _ in range(2):
        assert await reason_of(scene.enter()) is Reason.SIGN_IN_FAILED
        assert await scene.enter(typed=OTHER)
        await scene.restart()


@pytest.mark.parametrize("turns", range(8))
async def test_a_lock_of_the_old_password_does_not_come_over_the_new_one(scene: Scene, turns: int) -> None:
    await scene.password()
    link = await scene.links.sign_in.invite("engineer", by="admin")
    for number in range(WRONG_MAX - 1):
        assert await reason_of(scene.enter(typed="wrong", peer=f"192.0.2.{number}")) is not None
        scene.clock.advance(60)
    setting = asyncio.create_task(scene.links.sign_in.set_password(link, OTHER))
    for _ in range(turns):
        await asyncio.sleep(0)
    assert await reason_of(scene.enter(typed="wrong")) is Reason.SIGN_IN_FAILED
    await setting
    for _ in range(2):
        assert await scene.enter(typed=OTHER)
        await scene.restart()
