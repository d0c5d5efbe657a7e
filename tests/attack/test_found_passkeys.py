"""A password alone becomes no passkey where there is one: else what demands a passkey would demand a password."""

from __future__ import annotations

import asyncio

import pytest

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
