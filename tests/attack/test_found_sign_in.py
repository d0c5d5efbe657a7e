"""A password that was set ends what the one before it opened, and its link, whatever breaks or races meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.errors import Outage, Refusal
from remit.core.reasons import Reason
from remit.core.rows import row_id, to_row
from remit.core.sign_in import INVITATION_S, BrowserSession, Invitation
from remit.flows.sessions import SESSION
from remit.flows.sign_in import INVITATION
from tests.unit.flows.test_sign_in import ACCOUNTS, RIGHT, Scene, scene

__all__ = ["scene"]
OTHER = "another horse battery"
PEER = "192.0.2.1"


async def test_a_sign_in_under_way_with_the_old_password_is_no_session_after_the_new_one_is_set(scene: Scene) -> None:
    token = await scene.walk.invite("engineer", by="admin")
    scene.ledger.hold_sync()
    theirs = asyncio.create_task(scene.walk.sign_in("engineer", RIGHT, peer=PEER))
    await asyncio.sleep(0)  # the password was right: what is left is the record
    assert scene.events()[-1] == ("engineer", "signed_in")
    changing = asyncio.create_task(scene.walk.set_password(token, OTHER))
    await asyncio.sleep(0)
    put, waiting = scene.store.put, asyncio.Event()

    async def slow_put(kind: str, id: str, content: bytes) -> int:
        if kind == SESSION:
            await waiting.wait()
        return await put(kind, id, content)

    scene.store.put = slow_put  # type: ignore[method-assign]
    scene.ledger.release_sync()
    await changing
    waiting.set()
    with pytest.raises(Refusal) as refused:
        await theirs
    assert refused.value.reason is Reason.SIGN_IN_FAILED
    assert [id for kind, id in scene.store.kept if kind == SESSION] == []
    assert scene.walk.session(await scene.walk.sign_in("engineer", OTHER, peer=PEER))


async def test_signing_in_again_ends_the_session_it_replaces_and_no_other(scene: Scene) -> None:
    """Whoever copied the cookie is out when its person signs in anew (OWASP ASVS 5.0 7.2.4)."""
    copied, elsewhere = [await scene.walk.sign_in("engineer", RIGHT, peer=PEER) for _ in range(2)]
    with pytest.raises(Refusal):
        await scene.walk.sign_in("engineer", OTHER, peer=PEER, earlier=copied)
    assert scene.walk.session(copied)
    new = await scene.walk.sign_in("engineer", RIGHT, peer=PEER, earlier=copied)
    assert scene.walk.session(copied) is None
    assert scene.walk.session(new)
    assert scene.walk.session(elsewhere)


async def test_an_outage_after_the_password_is_stored_leaves_no_session_and_no_link(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer=PEER)
    token = await scene.walk.invite("engineer", by="admin")
    assert scene.walk.session(cookie)
    remove = scene.store.remove

    async def unavailable(kind: str, id: str) -> int:
        scene.store.unavailable = True
        return await remove(kind, id)

    scene.store.remove = unavailable  # type: ignore[method-assign]
    scene.clock.advance(1)
    with pytest.raises(Outage):
        await scene.walk.set_password(token, OTHER)
    assert scene.walk.session(cookie) is None
    scene.store.unavailable, scene.store.remove = False, remove  # type: ignore[method-assign]
    crashed = await scene.restarted()
    assert crashed.session(cookie) is None
    with pytest.raises(Refusal):
        crashed.invited(token)
    await scene.walk.sweep()
    assert {kind for kind, _ in scene.store.kept} == {"password"}
    new = await scene.walk.sign_in("engineer", OTHER, peer=PEER)
    assert (await scene.restarted()).session(new)


async def test_of_two_links_the_other_one_is_used_up_too(scene: Scene) -> None:
    one, other = await asyncio.gather(
        scene.walk.invite("engineer", by="admin"), scene.walk.invite("engineer", by="admin")
    )
    bystander = await scene.walk.invite("analyst", by="admin")
    await scene.walk.set_password(one, OTHER)
    with pytest.raises(Refusal):
        scene.walk.invited(other)
    assert scene.walk.invited(bystander) == "analyst"


async def test_a_session_that_could_not_be_removed_is_not_back_after_a_restart(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer=PEER)
    scene.store.unavailable = True
    with pytest.raises(Outage):
        await scene.walk.sign_out(cookie)
    assert scene.walk.session(cookie) is None
    scene.store.unavailable = False
    await scene.walk.sweep()
    assert (await scene.restarted()).session(cookie) is None


async def test_a_session_of_an_account_that_moved_to_another_tenant_is_over(scene: Scene) -> None:
    cookie = await scene.walk.sign_in("engineer", RIGHT, peer=PEER)
    now_s = scene.clock.now_s()
    moved = BrowserSession("engineer", "globex", now_s, now_s + 100.0, ("pwd",))
    await scene.store.put(SESSION, row_id(cookie), to_row(moved))
    assert (await scene.restarted()).session(cookie) is None
    assert scene.walk.session(cookie)
    assert ACCOUNTS["engineer"].tenant == "acme"


async def test_links_made_since_the_password_was_set_live_on_over_a_restart(scene: Scene) -> None:
    scene.clock.advance(1)
    token = await scene.walk.invite("engineer", by="admin")
    assert (await scene.restarted()).invited(token) == "engineer"
    old = Invitation("engineer", "admin", scene.clock.now_s() + INVITATION_S - 3600.0)
    await scene.store.put(INVITATION, row_id(token), to_row(old))
    with pytest.raises(Refusal):
        (await scene.restarted()).invited(token)
