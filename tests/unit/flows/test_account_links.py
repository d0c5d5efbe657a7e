"""The first person's link and the way back for one who lost everything."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.errors import Outage, Refusal
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import WRONG_MAX
from remit.flows.account_links import AccountLinks
from remit.flows.sign_in import SignIn
from remit.testing.passwords import FakePasswords
from tests.scenes.passkeys import PEER, PasskeyScene

RIGHT, OTHER = "correct horse battery", "another horse battery"


class Scene(PasskeyScene):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.hashing = FakePasswords()
        self.links = self.linked()

    def linked(self) -> AccountLinks:
        sessions = self.walk.sessions
        sign_in = SignIn(self.accounts, self.hashing, sessions, self.store, self.ledger, self.clock, self.entropy)
        return AccountLinks(sign_in, self.walk)

    async def restart(self) -> None:
        self.walk = self.started()
        self.links = self.linked()
        await self.links.sign_in.load()
        await self.walk.load()

    async def password(self, account: str = "engineer", typed: str = RIGHT) -> None:
        await self.links.sign_in.set_password(await self.links.sign_in.invite(account, by="admin"), typed)

    async def enter(self, account: str = "engineer", typed: str = RIGHT, peer: str = PEER) -> Secret:
        return await self.links.sign_in.sign_in(account, typed, peer=peer)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def reason_of(work: object) -> Reason:
    with pytest.raises(Refusal) as caught:
        await work  # type: ignore[misc]
    return caught.value.reason


# the first --------------------------------------------------------------------------------------------------------
async def test_the_first_link_lets_somebody_in_and_there_is_no_second_first(scene: Scene) -> None:
    token = await scene.links.first("engineer", by="admin")
    await scene.links.sign_in.set_password(token, RIGHT)
    assert await scene.enter()
    with pytest.raises(Refusal) as refused:
        await scene.links.first("analyst", by="admin")
    assert refused.value.reason is Reason.INVALID_PARAMS
    assert "remit account invite analyst" in refused.value.detail
    await scene.password("analyst")


async def test_a_first_link_ends_when_somebody_of_the_tenant_is_in_or_another_one_is_made(scene: Scene) -> None:
    old = await scene.links.first("engineer", by="admin")
    token = await scene.links.first("analyst", by="admin")
    with pytest.raises(Refusal):
        scene.links.sign_in.invited(old)
    assert scene.links.sign_in.invited(token) == "analyst"
    await scene.password("engineer")
    with pytest.raises(Refusal) as refused:
        await scene.links.sign_in.set_password(token, OTHER)
    assert refused.value.reason is Reason.INVITATION_INVALID
    await scene.restart()
    assert await reason_of(scene.links.sign_in.set_password(token, OTHER)) is Reason.INVITATION_INVALID
    assert await reason_of(scene.enter("analyst", OTHER)) is Reason.SIGN_IN_FAILED


async def test_nobody_is_the_first_of_an_account_that_is_not_registered(scene: Scene) -> None:
    for work in (scene.links.first("nobody", by="admin"), scene.links.recover("nobody", by="admin")):
        assert await reason_of(work) is Reason.INVALID_PARAMS
    assert scene.events() == []


# recovering -------------------------------------------------------------------------------------------------------
async def test_a_recovered_account_opens_to_its_link_and_to_nothing_it_opened_to_before(scene: Scene) -> None:
    await scene.password()
    cookie = await scene.enter()
    await scene.add(cookie)
    earlier = await scene.links.sign_in.invite("engineer", by="admin")
    link = await scene.links.recover("engineer", by="admin")
    for _ in range(2):
        assert scene.walk.sessions.entered(cookie) is None
        assert await reason_of(scene.enter()) is Reason.SIGN_IN_FAILED
        assert await reason_of(scene.sign_in()) is Reason.PASSKEY_INVALID
        assert await reason_of(scene.links.sign_in.set_password(earlier, OTHER)) is Reason.INVITATION_INVALID
        await scene.restart()
    assert scene.events()[-2:] == [("engineer", "recovered"), ("engineer", "invited")]
    await scene.links.sign_in.set_password(link, OTHER)
    assert await scene.enter(typed=OTHER)


async def test_recovering_one_account_leaves_the_others_alone(scene: Scene) -> None:
    await scene.password()
    await scene.password("analyst")
    theirs = await scene.enter("analyst")
    await scene.add(theirs)
    await scene.links.recover("engineer", by="admin")
    assert scene.walk.sessions.entered(theirs)
    assert await scene.sign_in()
    assert await scene.enter("analyst")


async def test_nothing_is_over_before_it_is_on_record(scene: Scene) -> None:
    await scene.password()
    cookie = await scene.enter()
    scene.ledger.fail_writes()
    assert await reason_of(scene.links.recover("engineer", by="admin")) is Reason.LEDGER_UNAVAILABLE
    assert scene.walk.sessions.entered(cookie)


async def test_an_outage_of_the_store_leaves_nobody_in(scene: Scene) -> None:
    await scene.password()
    cookie = await scene.enter()
    await scene.add(cookie)
    scene.store.unavailable = True
    with pytest.raises(Outage):
        await scene.links.recover("engineer", by="admin")
    scene.store.unavailable = False
    assert scene.walk.sessions.entered(cookie) is None
    assert await reason_of(scene.sign_in()) is Reason.PASSKEY_INVALID
    await scene.links.sign_in.sweep()
    await scene.walk.remove_forgotten()
    await scene.restart()
    assert await reason_of(scene.enter()) is Reason.SIGN_IN_FAILED
    assert await reason_of(scene.sign_in()) is Reason.PASSKEY_INVALID


async def test_a_passkey_that_is_being_added_while_the_account_is_recovered_is_not_there_afterwards(
    scene: Scene,
) -> None:
    await scene.password()
    cookie = await scene.enter()
    scene.ledger.hold_sync()
    adding = asyncio.create_task(scene.add(cookie, "thief's"))
    recovering = asyncio.create_task(scene.links.recover("engineer", by="admin"))
    await asyncio.sleep(0)
    scene.ledger.release_sync()
    await asyncio.gather(adding, recovering, return_exceptions=True)
    assert scene.walk.of("engineer") == {}
    await scene.restart()
    assert scene.walk.of("engineer") == {}


# the lock ---------------------------------------------------------------------------------------------------------
async def test_strangers_who_lock_a_password_do_not_lock_its_person_s_passkey(scene: Scene) -> None:
    await scene.password()
    await scene.add(await scene.enter())
    for number in range(WRONG_MAX):
        assert await reason_of(scene.enter(typed=OTHER, peer=f"192.0.2.{number}")) is Reason.SIGN_IN_FAILED
        scene.clock.advance(600)
    assert await reason_of(scene.enter(peer="198.51.100.7")) is Reason.ACCOUNT_LOCKED
    assert await scene.sign_in()
