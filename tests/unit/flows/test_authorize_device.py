"""A device asks, a person answers in a browser, the device hears of it: once, in time, and no more."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from remit.core.clients import Client, ClientAuthentication
from remit.core.device_code import DEVICE_CODE_S, DEVICES_MAX, INTERVAL_S, SLOWER_S
from remit.core.errors import Outage, Refusal
from remit.core.grant import Calls, GrantState
from remit.core.grantbook import Selector
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.flows.authorize_device import DeviceAnswer
from remit.flows.consent_rules import ConsentRules
from remit.flows.device_requests import REMEMBERED_S
from remit.flows.oauth_error import OAuthError
from remit.flows.pending import Choice, Pending
from remit.flows.remembered import Remember
from remit.flows.token import DEVICE_CODE, TokenAnswer
from tests.scenes.authority import RESOURCE, SECRET, scopes
from tests.scenes.endpoints import BROWSER, DESKTOP, ELSEWHERE, PEER, Endpoints, form

TV = Client("tv", frozenset({"acme"}), ClientAuthentication.NONE, device=True)
ROBOT = Client(
    "robot", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, secret=Secret(SECRET), device=True
)
YES = Choice(scopes("git"), "dev", "watch the build", "", 3600.0)


@pytest.fixture
def scene() -> Endpoints:
    scene = Endpoints()
    scene.register(TV, ROBOT)
    return scene


async def begun(scene: Endpoints, **changes: Any) -> DeviceAnswer:
    usual = {"client_id": "tv", "resource": RESOURCE, "scope": "git files"}
    return await scene.device.begin(form(**(usual | changes)))


async def polled(scene: Endpoints, device: DeviceAnswer, **changes: Any) -> TokenAnswer:
    usual = {"client_id": "tv", "grant_type": DEVICE_CODE, "device_code": device.device_code.expose().decode()}
    return await scene.ask(**(usual | changes))


async def told(scene: Endpoints, device: DeviceAnswer, **changes: Any) -> str:
    """The error the device hears."""
    with pytest.raises(OAuthError) as caught:
        await polled(scene, device, **changes)
    return caught.value.error


def typed(scene: Endpoints, device: DeviceAnswer | str, *, peer: str = PEER) -> Pending:
    text = device if isinstance(device, str) else device.user_code
    return scene.authorize.opened(scene.device.typed(text, scene.session, BROWSER, peer=peer), BROWSER)


async def allowed(scene: Endpoints, device: DeviceAnswer, choice: Choice = YES) -> None:
    await scene.authorize.agree(typed(scene, device), scene.session, choice)


# the whole way -----------------------------------------------------------------------------------------------------
async def test_what_the_person_allowed_is_what_the_device_gets(scene: Endpoints) -> None:
    device = await begun(scene)
    assert await told(scene, device) == "authorization_pending"
    pending = typed(scene, device)
    assert list(scene.authorize.environments(pending, scene.session)) == ["dev"]
    assert scene.authorize.needs_sign_in(pending, None)
    await scene.authorize.agree(pending, scene.session, YES)
    answer = await polled(scene, device)
    (live,) = scene.grants
    grant = live.grant
    (consent,) = scene.authorize.consents.known.values()
    assert (grant.client_id, grant.subject.id, grant.scopes, grant.origin.by) == (
        "tv", "engineer", scopes("git"), consent.id,
    )  # fmt: skip
    assert (consent.redirect, answer.scope, answer.refresh is not None) == ("device", "git", True)
    assert answer.refresh is not None
    again = await scene.ask(client_id="tv", grant_type="refresh_token", refresh_token=answer.refresh.expose().decode())
    assert again.token.expose() != answer.token.expose()


async def test_details_narrow_what_a_device_can_be_granted(scene: Endpoints) -> None:
    asked = [{"type": "mcp_tool", "locations": [RESOURCE], "tool": "git/git_log", "max_calls": 3}]
    device = await begun(scene, scope="", authorization_details=json.dumps(asked))
    with pytest.raises(Refusal):
        await allowed(scene, device)
    await allowed(scene, device, replace(YES, scopes=scopes("git:git_log")))
    await polled(scene, device)
    (live,) = scene.grants
    assert (live.grant.scopes, live.grant.budget) == (scopes("git:git_log"), Calls(3))


async def test_a_no_is_heard_and_stays(scene: Endpoints) -> None:
    device = await begun(scene)
    pending = typed(scene, device)
    await scene.authorize.decline(pending, scene.session)
    assert await told(scene, device) == "access_denied"
    with pytest.raises(Refusal):
        await scene.authorize.agree(pending, scene.session, YES)
    with pytest.raises(Refusal):
        typed(scene, device)
    after = await scene.restarted()
    assert await told(after, device) == "access_denied"
    (record,) = scene.ledger.of_kind(RecordKind.CONSENT)
    assert (record["event"], record["client"]) == ("declined", "tv")


async def test_a_yes_cannot_be_taken_back_by_a_later_no_but_by_revoking(scene: Endpoints) -> None:
    device = await begun(scene)
    pending = typed(scene, device)
    await scene.authorize.agree(pending, scene.session, YES)
    with pytest.raises(Refusal):
        await scene.authorize.decline(pending, scene.session)
    scene.authorize.void(Selector(client="tv"), frozenset({"acme"}))
    assert await told(scene, device) == "invalid_grant"
    other = await begun(scene)
    await allowed(scene, other)
    assert await polled(scene, other)


@pytest.mark.parametrize("client", ["tv", "robot"])
async def test_whatever_was_agreed_to_before_is_asked_again(scene: Endpoints, client: str) -> None:
    rules = ConsentRules(scene.store, scene.ledger, scene.clock, scene.entropy)
    remember = Remember(scene.authorize, rules)
    who = {"client_id": "tv"} if client == "tv" else {"client_id": "", "basic": "robot"}
    await scene.authorize.agree(typed(scene, await begun(scene, **who)), scene.session, YES, device="browser")
    again = typed(scene, await begun(scene, **who))
    assert remember.found(again, scene.session, "browser") is None
    assert await remember.without_asking(again, scene.session, "browser") == ""
    with pytest.raises(Refusal):
        await remember.with_one_click(again, scene.session, "browser")
    assert await scene.authorize.agree(again, scene.session, YES, device="browser") == "/device?answered=1"


# the device's code -------------------------------------------------------------------------------------------------
async def test_a_device_that_asks_too_often_is_slowed_down(scene: Endpoints) -> None:
    device = await begun(scene)
    assert await told(scene, device) == "authorization_pending"
    assert await told(scene, device) == "slow_down"
    scene.clock.advance(INTERVAL_S)
    assert await told(scene, device) == "slow_down"
    scene.clock.advance(INTERVAL_S + 2 * SLOWER_S)
    assert await told(scene, device) == "authorization_pending"
    await allowed(scene, device)
    assert await polled(scene, device)


async def test_a_code_expires_for_the_device_and_for_the_person(scene: Endpoints) -> None:
    device = await begun(scene)
    pending = typed(scene, device)
    scene.clock.advance(DEVICE_CODE_S)
    await scene.device.sweep()
    assert await told(scene, device) == "expired_token"
    for answer in (scene.authorize.agree(pending, scene.session, YES), allowed(scene, device)):
        with pytest.raises(Refusal):
            await answer
    scene.clock.advance(REMEMBERED_S)
    await scene.device.sweep()
    assert await told(scene, device) == "invalid_grant"
    assert [kind for kind, _ in scene.store.kept] == []


async def test_a_yes_at_the_last_moment_reaches_the_device(scene: Endpoints) -> None:
    device = await begun(scene)
    scene.clock.advance(DEVICE_CODE_S - 1)
    await allowed(scene, device)
    scene.clock.advance(30)
    assert await polled(scene, device)


async def test_a_device_code_is_its_client_s_and_good_for_nothing_else(scene: Endpoints) -> None:
    scene.register(replace(TV, id="other"))
    device = await begun(scene)
    await allowed(scene, device)
    assert await told(scene, device, client_id="other") == "invalid_grant"
    assert await told(scene, device, client_id="desktop") == "invalid_grant"
    code = device.device_code.expose().decode()
    assert await told(scene, device, grant_type="authorization_code", code=code) == "invalid_grant"
    assert await told(scene, device, resource=f"{RESOURCE}/git") == "invalid_target"
    assert await told(scene, device, device_code=device.user_code) == "invalid_grant"
    assert await told(scene, device, device_code="") == "invalid_grant"
    assert await polled(scene, device)


async def test_an_authorization_code_is_no_device_code(scene: Endpoints) -> None:
    scene.register(replace(DESKTOP, device=True))
    code = await scene.code()
    with pytest.raises(OAuthError):
        await scene.ask(client_id="desktop", grant_type=DEVICE_CODE, device_code=code)
    assert await scene.exchanged(code)


async def test_a_device_code_used_twice_was_copied_and_its_grant_ends(scene: Endpoints) -> None:
    device = await begun(scene)
    await allowed(scene, device)
    assert await polled(scene, device)
    assert await told(scene, device) == "invalid_grant"
    assert {live.state for live in scene.grants} == {GrantState.REVOKED}


async def test_of_two_polls_at_once_at_most_one_keeps_a_grant(scene: Endpoints) -> None:
    device = await begun(scene)
    await allowed(scene, device)
    answers = await asyncio.gather(polled(scene, device), polled(scene, device), return_exceptions=True)
    assert any(isinstance(answer, OAuthError) for answer in answers)
    assert {live.state for live in scene.grants} == {GrantState.REVOKED}


async def test_only_clients_registered_for_devices_may_ask(scene: Endpoints) -> None:
    with pytest.raises(OAuthError) as caught:
        await begun(scene, client_id="desktop")
    assert caught.value.error == "unauthorized_client"
    device = await begun(scene)
    await allowed(scene, device)
    scene.register(replace(TV, device=False))
    assert await told(scene, device) == "invalid_grant"
    scene.withdraw("tv")
    assert await told(scene, device) == "invalid_client"
    scene.register(TV)
    assert await polled(scene, device)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"resource": ""}, "invalid_target"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "*"}, "invalid_scope"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": "robot"}, "invalid_client"),
    ],
)
async def test_what_could_not_be_asked_of_a_person_is_refused_at_once(
    scene: Endpoints, changes: dict[str, str], error: str
) -> None:
    with pytest.raises(OAuthError) as caught:
        await begun(scene, **changes)
    assert (caught.value.error, scene.store.kept) == (error, {})
    assert await begun(scene)


async def test_waiting_fills_no_ledger_even_for_a_client_that_proves_itself(scene: Endpoints) -> None:
    device = await begun(scene, basic="robot", client_id="")
    for _ in range(20):
        assert await told(scene, device, basic="robot", client_id="") in ("authorization_pending", "slow_down")
    assert scene.ledger.records == []
    await scene.authorize.decline(typed(scene, device), scene.session)
    assert await told(scene, device, basic="robot", client_id="") == "access_denied"
    assert len(scene.ledger.of_kind(RecordKind.DENIAL)) == 1


# crash and outage --------------------------------------------------------------------------------------------------
async def test_a_crash_at_any_step_loses_nothing(scene: Endpoints) -> None:
    device = await begun(scene)
    scene = await scene.restarted()
    assert await told(scene, device) == "authorization_pending"
    handle = scene.device.typed(device.user_code, scene.session, BROWSER, peer=PEER)
    scene = await scene.restarted()
    await scene.authorize.agree(scene.authorize.opened(handle, BROWSER), scene.session, YES)
    scene = await scene.restarted()
    assert await polled(scene, device)
    scene = await scene.restarted()
    assert await told(scene, device) == "invalid_grant"


async def test_an_outage_is_none_of_the_answers(scene: Endpoints) -> None:
    device = await begun(scene)
    pending = typed(scene, device)
    scene.store.unavailable = True
    with pytest.raises(OAuthError) as caught:
        await begun(scene)
    assert caught.value.error == "temporarily_unavailable"
    with pytest.raises(Outage):
        await scene.authorize.agree(pending, scene.session, YES)
    assert await told(scene, device) == "authorization_pending"
    scene.store.unavailable = False
    await scene.authorize.agree(pending, scene.session, YES)
    assert await polled(scene, device)


async def test_neither_code_is_in_the_store_as_it_is(scene: Endpoints) -> None:
    device = await begun(scene)
    (row,) = scene.store.kept.values()
    kept = f"{row.id} {row.content.decode()}"
    assert device.device_code.expose().decode() not in kept
    assert device.user_code not in kept
    assert "git files" in kept


# guesses and floods ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_guesses_are_limited_per_place_and_per_person(scene: Endpoints, *, elsewhere: bool) -> None:
    device = await begun(scene)
    tries = 0
    reasons: list[Reason] = []
    while Reason.LIMIT_RATE not in reasons:
        tries += 1
        with pytest.raises(Refusal) as caught:
            typed(scene, "BBBB-BBBB", peer=f"10.0.0.{tries}" if elsewhere else PEER)
        reasons.append(caught.value.reason)
    assert (tries, set(reasons)) == (11, {Reason.USER_CODE_INVALID, Reason.LIMIT_RATE})
    with pytest.raises(Refusal):  # a right one is not let through either
        typed(scene, device)
    assert scene.ledger.refusals[Reason.USER_CODE_INVALID] == 10
    scene.clock.advance(60)
    assert typed(scene, device)


async def test_guesses_are_limited_in_all(scene: Endpoints) -> None:
    device = await begun(scene)
    for number in range(100):
        person = replace_account(scene, f"person-{number}")
        with pytest.raises(Refusal) as caught:
            scene.device.typed("BBBB-BBBB", person, BROWSER, peer=f"10.0.{number}.1")
        assert caught.value.reason is Reason.USER_CODE_INVALID
    with pytest.raises(Refusal) as caught:
        typed(scene, device, peer=ELSEWHERE)
    assert caught.value.reason is Reason.LIMIT_RATE
    scene.clock.advance(2)
    assert typed(scene, device, peer=ELSEWHERE)


def replace_account(scene: Endpoints, name: str) -> Any:
    found = scene.session
    return type(found)(name, found.tenant, found.signed_in_at_s, found.expires_at_s, found.methods)


async def test_right_codes_use_no_guesses_up(scene: Endpoints) -> None:
    device = await begun(scene)
    for _ in range(30):
        assert typed(scene, device)


async def test_strangers_fill_neither_the_disk_nor_the_room_of_others(scene: Endpoints) -> None:
    for number in range(DEVICES_MAX):
        await begun(scene, peer=f"10.0.{number // 5}.1")
    with pytest.raises(OAuthError) as caught:
        await begun(scene)
    assert (caught.value.status, caught.value.wait_s) == (429, DEVICE_CODE_S)
    assert await begun(scene, basic="robot", client_id="")
    scene.clock.advance(DEVICE_CODE_S)
    assert await begun(scene)
    scene.clock.advance(DEVICE_CODE_S + REMEMBERED_S)
    await scene.device.sweep()
    assert (scene.store.kept, scene.device._paces) == ({}, {})
    assert await begun(scene)
