"""A request that a client pushed first: checked as it would be at the front door, good once, for it, for a minute."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from remit.core.clients import Client
from remit.core.errors import Outage, Refusal
from remit.core.ledger import RecordKind
from remit.core.pushed_request import PUSHED_MAX, PUSHED_S, REQUEST_BYTES_MAX, REQUEST_URI
from remit.core.reasons import Reason
from remit.flows.answer_error import AnswerError
from remit.flows.oauth_error import OAuthError
from tests.scenes.endpoints import ASKED, BROWSER, DESKTOP, WEB, Endpoints, form


@pytest.fixture
def scene() -> Endpoints:
    return Endpoints()


async def pushed(scene: Endpoints, **changes: Any) -> str:
    """The request_uri."""
    return (await scene.push.push(form(**(ASKED | changes)))).expose().decode()


async def refused(scene: Endpoints, **changes: Any) -> OAuthError:
    with pytest.raises(OAuthError) as caught:
        await pushed(scene, **changes)
    assert scene.store.kept == {}
    return caught.value


async def taken(scene: Endpoints, reference: str, **changes: str) -> dict[str, str]:
    return dict(await scene.push.take({"client_id": "desktop", "request_uri": reference} | changes))


async def test_what_was_pushed_is_what_the_person_is_asked(scene: Endpoints) -> None:
    request_uri = await pushed(scene)
    assert request_uri.startswith(REQUEST_URI)
    assert await taken(scene, request_uri, scope="prod-db", state="another") == ASKED
    code = await scene.code(await taken(scene, await pushed(scene)), pushed=True)
    assert (await scene.exchanged(code)).granted.grant.client_id == "desktop"


async def test_a_confidential_client_proves_itself_and_its_proof_is_not_kept(scene: Endpoints) -> None:
    own = {"client_id": "", "redirect_uri": "https://web.example/cb"}
    request_uri = await pushed(scene, basic="web", **own)
    kept = await taken(scene, request_uri, client_id="web")
    assert kept == ASKED | {"client_id": "web", "redirect_uri": "https://web.example/cb"}
    error = await refused(scene, client_id="web", redirect_uri="https://web.example/cb")
    assert (error.error, error.status) == ("invalid_client", 401)
    assert (await refused(scene, basic="web", redirect_uri="https://web.example/cb")).error == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "http://127.0.0.1:50123/other"}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"request_uri": f"{REQUEST_URI}one"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "*"}, "invalid_scope"),
        ({"authorization_details": '[{"type": "payment"}]'}, "invalid_authorization_details"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
    ],
)
async def test_what_authorize_would_refuse_is_refused_before_anybody_is_sent_there(
    scene: Endpoints, changes: dict[str, str], error: str
) -> None:
    assert (await refused(scene, **changes)).error == error
    assert await pushed(scene)


async def test_a_request_too_long_to_come_back_in_a_url_is_refused_at_once(scene: Endpoints) -> None:
    assert (await refused(scene, nobody_knows="x" * REQUEST_BYTES_MAX)).status == 413
    assert await pushed(scene, nobody_knows="x" * (REQUEST_BYTES_MAX // 2))


async def test_a_reference_is_good_once(scene: Endpoints) -> None:
    request_uri = await pushed(scene)
    assert await taken(scene, request_uri)
    with pytest.raises(Refusal) as caught:
        await taken(scene, request_uri)
    assert caught.value.reason is Reason.REQUEST_URI_INVALID
    assert scene.store.kept == {}


async def test_of_two_browsers_that_bring_it_at_once_one_gets_it(scene: Endpoints) -> None:
    request_uri = await pushed(scene)
    found = await asyncio.gather(taken(scene, request_uri), taken(scene, request_uri), return_exceptions=True)
    (refusal,) = (each for each in found if isinstance(each, Refusal))
    assert refusal.reason is Reason.REQUEST_URI_INVALID
    assert ASKED in found


async def test_a_reference_is_its_client_s_and_another_s_try_does_not_use_it_up(scene: Endpoints) -> None:
    request_uri = await pushed(scene)
    wrong = ({"client_id": "web"}, {"client_id": ""}, {"request_uri": request_uri[:-1]}, {"request": "e30.e30."})
    for changes in wrong:
        with pytest.raises(Refusal) as caught:
            await taken(scene, request_uri, **changes)
        assert caught.value.reason is Reason.REQUEST_URI_INVALID
    for elsewhere in ("https://desktop.example/request.jwt", request_uri.removeprefix(REQUEST_URI)):
        with pytest.raises(Refusal):
            await taken(scene, elsewhere)
    assert await taken(scene, request_uri)


async def test_a_reference_lasts_a_minute_and_is_then_forgotten(scene: Endpoints) -> None:
    early, late = await pushed(scene), await pushed(scene)
    scene.clock.advance(PUSHED_S - 1)
    assert await taken(scene, early)
    scene.clock.advance(1)
    with pytest.raises(Refusal):
        await taken(scene, late)
    await scene.push.sweep()
    assert scene.store.kept == {}


async def test_a_crash_keeps_the_request_and_a_used_reference_used(scene: Endpoints) -> None:
    unused, used = await pushed(scene), await pushed(scene)
    await taken(scene, used)
    after = await scene.restarted()
    with pytest.raises(Refusal):
        await taken(after, used)
    assert await taken(after, unused) == ASKED


async def test_an_outage_neither_uses_a_reference_up_nor_keeps_what_nobody_was_told_of(scene: Endpoints) -> None:
    request_uri = await pushed(scene)
    scene.store.unavailable = True
    with pytest.raises(Outage):
        await taken(scene, request_uri)
    with pytest.raises(OAuthError) as caught:
        await pushed(scene)
    assert (caught.value.error, caught.value.status) == ("temporarily_unavailable", 503)
    scene.store.unavailable = False
    assert await taken(scene, request_uri)


async def test_a_client_that_must_push_is_heard_no_other_way(scene: Endpoints) -> None:
    scene.register(replace(DESKTOP, require_par=True))
    with pytest.raises(AnswerError) as answered:
        scene.authorize.begin(ASKED, BROWSER)
    assert "error=invalid_request" in answered.value.url
    handle = scene.authorize.begin(await taken(scene, await pushed(scene)), BROWSER, pushed=True)
    assert scene.authorize.opened(handle, BROWSER).request.address.client.id == "desktop"


async def test_a_client_told_to_push_in_the_middle_of_a_login_has_to_begin_again(scene: Endpoints) -> None:
    handle = scene.authorize.begin(ASKED, BROWSER)
    scene.register(replace(DESKTOP, require_par=True))
    with pytest.raises(AnswerError):
        scene.authorize.opened(handle, BROWSER)


async def test_a_client_withdrawn_after_it_pushed_gets_nothing(scene: Endpoints) -> None:
    request_uri = await pushed(scene)
    scene.withdraw("desktop")
    with pytest.raises(Refusal) as caught:
        scene.authorize.begin(await taken(scene, request_uri), BROWSER, pushed=True)
    assert caught.value.reason is Reason.CLIENT_UNKNOWN


@pytest.mark.parametrize(("basic", "records"), [("", 0), ("web", 1)])
async def test_only_a_client_that_proved_who_it_is_is_on_record_as_refused(
    scene: Endpoints, basic: str, records: int
) -> None:
    client: Client = WEB if basic else DESKTOP
    await refused(scene, basic=basic, client_id=client.id, redirect_uri="https://evil.example/cb")
    assert len(scene.ledger.of_kind(RecordKind.DENIAL)) == records


async def test_strangers_fill_neither_the_disk_nor_the_room_of_others(scene: Endpoints) -> None:
    for number in range(PUSHED_MAX):
        await pushed(scene, peer=f"10.0.{number // 20}.1")
    with pytest.raises(OAuthError) as caught:
        await pushed(scene)
    assert (caught.value.status, caught.value.wait_s) == (429, PUSHED_S)
    assert await pushed(scene, basic="web", client_id="", redirect_uri="https://web.example/cb")
    scene.clock.advance(PUSHED_S)
    await scene.push.sweep()
    assert await pushed(scene)


async def test_one_place_takes_no_more_than_its_share_of_the_room(scene: Endpoints) -> None:
    scene.register(*(replace(DESKTOP, id=f"desktop-{number}") for number in range(10)))
    asked = [pushed(scene, client_id=f"desktop-{number % 10}") for number in range(PUSHED_MAX)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, str)]) < PUSHED_MAX / 10
    assert {answer.status for answer in answers if isinstance(answer, OAuthError)} == {429}
    assert await pushed(scene, peer="10.0.0.1")
