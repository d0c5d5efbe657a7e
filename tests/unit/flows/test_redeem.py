"""Exchanging and refreshing when something breaks or somebody copies: a client that lost an answer goes on, a thief
ends it, and whatever the store did not take did not happen.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from remit.core.authorization_code import REUSE_GRACE_S
from remit.core.errors import Outage
from remit.core.grant import GrantState
from remit.core.secret import Secret
from remit.flows.oauth_error import OAuthError
from remit.flows.redeem import Redeemed
from tests.scenes.endpoints import DESKTOP, Endpoints


@pytest.fixture
def scene() -> Endpoints:
    return Endpoints()


async def refreshed(scene: Endpoints, refresh: Secret) -> Redeemed:
    return await scene.redeem.refresh(DESKTOP, {"refresh_token": refresh.expose().decode()})


def states(scene: Endpoints) -> set[GrantState]:
    return {live.state for live in scene.create.grants}


# copies ------------------------------------------------------------------------------------------------------------
async def test_a_lost_answer_can_be_asked_for_again_once_per_generation(scene: Endpoints) -> None:
    made = await scene.granted_to_person()
    for _ in range(3):
        await refreshed(scene, made.refresh)  # the answer is lost
        made = await refreshed(scene, made.refresh)
        scene.clock.advance(1)
    assert states(scene) == {GrantState.ACTIVE}


async def test_a_token_that_comes_a_third_time_was_copied_however_soon(scene: Endpoints) -> None:
    made = await scene.granted_to_person()
    first = await refreshed(scene, made.refresh)
    await refreshed(scene, made.refresh)
    with pytest.raises(OAuthError) as caught:
        await refreshed(scene, made.refresh)
    assert (caught.value.error, states(scene)) == ("invalid_grant", {GrantState.REVOKED})
    with pytest.raises(Exception, match=r"grant_ended|invalid_grant"):
        await refreshed(scene, first.refresh)


async def test_that_it_was_forgiven_once_is_known_after_a_crash(scene: Endpoints) -> None:
    made = await scene.granted_to_person()
    await refreshed(scene, made.refresh)
    await refreshed(scene, made.refresh)
    after = await scene.restarted()
    with pytest.raises(OAuthError):
        await refreshed(after, made.refresh)
    assert states(after) == {GrantState.REVOKED}


async def test_after_half_a_minute_nothing_is_forgiven(scene: Endpoints) -> None:
    made = await scene.granted_to_person()
    await refreshed(scene, made.refresh)
    scene.clock.advance(REUSE_GRACE_S)
    with pytest.raises(OAuthError):
        await refreshed(scene, made.refresh)
    assert states(scene) == {GrantState.REVOKED}


# outages -----------------------------------------------------------------------------------------------------------
async def test_a_rotation_that_the_store_did_not_take_did_not_happen(scene: Endpoints) -> None:
    """However long the outage lasts, and with a restart in the middle, the client still has the newest token."""
    made = await scene.granted_to_person()
    scene.store.refused = {"refresh"}
    for _ in range(3):
        with pytest.raises(Outage):
            await refreshed(scene, made.refresh)
        scene.clock.advance(REUSE_GRACE_S)
    scene.store.refused = set()
    restarted = await scene.restarted()
    for running in (scene, restarted):
        assert states(running) == {GrantState.ACTIVE}
    assert (await refreshed(scene, made.refresh)).granted.token
    assert states(scene) == {GrantState.ACTIVE}


async def test_of_two_rotations_at_once_in_an_outage_neither_happened(scene: Endpoints) -> None:
    made = await scene.granted_to_person()
    scene.store.refused = {"refresh"}
    answers = await asyncio.gather(
        refreshed(scene, made.refresh), refreshed(scene, made.refresh), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [Outage, Outage]
    scene.store.refused = set()
    scene.clock.advance(REUSE_GRACE_S)
    second = await refreshed(scene, made.refresh)
    scene.clock.advance(REUSE_GRACE_S)
    assert await refreshed(scene, second.refresh)
    assert states(scene) == {GrantState.ACTIVE}


async def test_a_forgiveness_that_the_store_did_not_take_is_not_used_up(scene: Endpoints) -> None:
    made = await scene.granted_to_person()
    await refreshed(scene, made.refresh)
    scene.store.refused = {"refresh"}
    with pytest.raises(Outage):
        await refreshed(scene, made.refresh)
    scene.store.refused = set()
    assert await refreshed(scene, made.refresh)
    assert states(scene) == {GrantState.ACTIVE}


@pytest.mark.parametrize("kind", ["grant", "refresh", "code"])
async def test_an_exchange_broken_off_anywhere_can_be_made_again(scene: Endpoints, kind: str) -> None:
    code = await scene.code()
    scene.store.refused = {kind}
    with pytest.raises(Outage):
        await scene.exchanged(code)
    scene.store.refused = set()
    made = await scene.exchanged(code)
    assert (states(scene), len(list(scene.create.grants))) == ({GrantState.ACTIVE}, 1)
    assert await refreshed(scene, made.refresh)
    with pytest.raises(OAuthError):
        await scene.exchanged(code)
    assert states(scene) == {GrantState.REVOKED}


# a client that changed meanwhile -----------------------------------------------------------------------------------
async def test_a_code_is_worth_nothing_where_the_client_no_longer_answers(scene: Endpoints) -> None:
    code = await scene.code()
    moved = replace(DESKTOP, redirects=frozenset({"https://desktop.example/cb"}))
    with pytest.raises(OAuthError, match="redirect_uri"):
        await scene.exchanged(code, moved)
    assert list(scene.create.grants) == []
    assert await scene.exchanged(code, replace(DESKTOP, redirects=DESKTOP.redirects | moved.redirects))


# what clients send along -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scope", ["openid", "offline_access openid", "git openid", "git files profile"])
async def test_scopes_of_openid_connect_change_nothing_about_refreshing(scene: Endpoints, scope: str) -> None:
    made = await scene.granted_to_person()
    again = await scene.redeem.refresh(DESKTOP, {"refresh_token": made.refresh.expose().decode(), "scope": scope})
    assert again.granted.grant.id == made.granted.grant.id
    with pytest.raises(OAuthError) as caught:
        await scene.redeem.refresh(DESKTOP, {"refresh_token": again.refresh.expose().decode(), "scope": "openid files"})
    assert caught.value.error == "invalid_scope"
