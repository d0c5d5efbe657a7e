"""The wall clock is set back or ahead between the steps of a login: nothing lives longer, nothing of the future
is believed, and once the clock is right again the login goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

import pytest

from remit.core.authorization_code import CODE_S, REUSE_GRACE_S
from remit.core.errors import Refusal
from remit.core.grant import GrantState
from remit.core.pushed_request import PUSHED_S
from remit.core.reasons import Reason
from remit.flows.oauth_error import OAuthError
from remit.flows.pending import REQUEST_S
from remit.flows.redeem import Redeemed
from remit.flows.token import DEVICE_CODE
from tests.scenes.endpoints import ASKED, BROWSER, DESKTOP, Endpoints, form

BACK_S = -3600.0


@pytest.fixture
def scene() -> Endpoints:
    scene = Endpoints()
    scene.register(replace(DESKTOP, device=True))
    return scene


async def refreshed(scene: Endpoints, redeemed: Redeemed) -> Redeemed:
    return await scene.redeem.refresh(DESKTOP, {"refresh_token": redeemed.refresh.expose().decode()})


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises((Refusal, OAuthError)) as caught:
        await work
    return caught.value.reason.value if isinstance(caught.value, Refusal) else caught.value.error


@pytest.mark.parametrize("step_s", [BACK_S, REQUEST_S])
async def test_a_question_of_another_time_is_not_opened(scene: Endpoints, step_s: float) -> None:
    handle = scene.authorize.begin(ASKED, BROWSER)
    scene.clock.step_wall(step_s)
    with pytest.raises(Refusal) as caught:
        scene.authorize.opened(handle, BROWSER)
    assert caught.value.reason is Reason.INVALID_REQUEST_STATE
    scene.clock.step_wall(-step_s)
    assert scene.authorize.opened(handle, BROWSER)


@pytest.mark.parametrize("step_s", [BACK_S, CODE_S])
async def test_a_code_of_another_time_is_worth_nothing(scene: Endpoints, step_s: float) -> None:
    code = await scene.code()
    scene.clock.step_wall(step_s)
    assert await refused(scene.exchanged(code)) == "invalid_grant"
    assert len(scene.grants) == 0
    scene.clock.step_wall(-step_s)
    assert await scene.exchanged(code)


async def test_on_a_clock_set_back_nobody_gets_a_grant_that_would_outlive_what_it_says(scene: Endpoints) -> None:
    scene.clock.advance(7200)
    assert await scene.granted_to_person()
    scene.clock.step_wall(BACK_S)
    assert await refused(scene.granted_to_person()) == "clock_stepped"
    scene.clock.step_wall(-BACK_S)
    assert await scene.granted_to_person()


async def test_no_step_gives_a_grant_more_time(scene: Endpoints) -> None:
    first = await scene.granted_to_person(ttl_s=600.0)
    scene.clock.step_wall(BACK_S)
    second = await refreshed(scene, first)  # a token of minutes, which is over at the latest when the grant is
    assert second.granted.token_expires_at_s <= scene.clock.now_s() + 600
    scene.clock.advance(600)
    assert await refused(refreshed(scene, second)) == "grant_expired"
    await scene.ending.sweep()
    assert {live.state for live in scene.grants} <= {GrantState.EXPIRED}


@pytest.mark.parametrize("step_s", [-REUSE_GRACE_S, BACK_S])
async def test_a_clock_set_back_forgives_no_copy(scene: Endpoints, step_s: float) -> None:
    first = await scene.granted_to_person()
    await refreshed(scene, first)
    scene.clock.advance(REUSE_GRACE_S)
    scene.clock.step_wall(step_s - 1)
    assert await refused(refreshed(scene, first)) == "invalid_grant"
    assert {live.state for live in scene.grants} == {GrantState.REVOKED}


@pytest.mark.parametrize("step_s", [BACK_S, PUSHED_S])
async def test_a_pushed_request_of_another_time_is_not_taken(scene: Endpoints, step_s: float) -> None:
    reference = await scene.push.push(form(**ASKED))
    brought = {"client_id": "desktop", "request_uri": reference.expose().decode()}
    scene.clock.step_wall(step_s)
    assert await refused(scene.push.take(brought)) == "request_uri_invalid"
    scene.clock.step_wall(-step_s)
    assert await scene.push.take(brought) == ASKED


async def test_a_device_code_of_another_time_is_neither_typed_nor_exchanged(scene: Endpoints) -> None:
    given = await scene.device.begin(form(client_id="desktop", resource=ASKED["resource"], scope="git"))
    polled = {"client_id": "desktop", "grant_type": DEVICE_CODE, "device_code": given.device_code.expose().decode()}

    async def typed() -> str:
        return scene.device.typed(given.user_code, scene.session, BROWSER, peer="192.0.2.1")

    for step_s in (BACK_S, -BACK_S):
        scene.clock.step_wall(step_s)
        assert await refused(typed()) == "user_code_invalid"
        assert await refused(scene.ask(**polled)) == "expired_token"
        scene.clock.step_wall(-step_s)
    assert await typed()
