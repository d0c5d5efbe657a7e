"""Where clients may register themselves, whoever does is still a stranger, key or no key, and takes nothing from those
who came before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.client_registration import RegistrationError
from remit.core.pushed_request import PUSHED_MAX
from remit.core.reasons import Reason
from remit.flows.oauth_error import OAuthError
from remit.flows.register_client import UNUSED_S
from tests.scenes.endpoints import ASKED, WEB, Endpoints, form
from tests.unit.flows.test_register_client import GUARDED, Registering, refused

# How it proves itself makes no difference here, so it does so as is easiest in a test.
STRANGER = replace(WEB, id="dcr_1", self_registered=True)
TOKEN = b"an initial access token"
KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "one"}


# a key of one's own is no name -----------------------------------------------------------------------------------
async def denied(scene: Endpoints, client: str) -> None:
    with pytest.raises(OAuthError, match="invalid_grant"):
        await scene.ask(basic=client, grant_type="authorization_code", code="made up")


async def test_who_registered_itself_fills_no_disk_with_what_it_is_refused() -> None:
    scene = Endpoints()
    scene.register(STRANGER)
    await denied(scene, STRANGER.id)
    assert (scene.ledger.records, scene.ledger.refusals[Reason.TOKEN_INVALID]) == ([], 1)
    await denied(scene, WEB.id)
    assert len(scene.ledger.records) == 1


async def test_who_registered_itself_takes_no_more_room_for_pushed_requests_than_any_stranger() -> None:
    scene = Endpoints()
    scene.register(STRANGER)
    asked = ASKED | {"client_id": "", "redirect_uri": "https://web.example/cb"}
    for _ in range(30):
        await scene.push.push(form(basic=STRANGER.id, **asked))
    with pytest.raises(OAuthError) as caught:
        await scene.push.push(form(basic=STRANGER.id, **asked))
    assert caught.value.status == 429
    for number in range(PUSHED_MAX - 30):
        await scene.push.push(form(peer=f"peer {number}", **ASKED))
    with pytest.raises(OAuthError) as caught:
        await scene.push.push(form(basic=STRANGER.id, peer="one more", **asked))
    assert caught.value.status == 429
    assert await scene.push.push(form(basic=WEB.id, peer="one more", **asked))


# what is asked for is what can be kept ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "odd", ["\ud800", 10**30, float("inf"), float("nan"), {"\ud800": 1}, [[]], None], ids=lambda odd: ascii(odd)[:20]
)
async def test_a_key_that_cannot_be_kept_is_not_kept(odd: Any) -> None:
    """A lone surrogate is no text in UTF-8, and JSON of others knows no such numbers."""
    scene = Registering()
    signs = {"token_endpoint_auth_method": "private_key_jwt"}
    for key in (KEY | {"kid": odd}, KEY | {"x": odd}):
        with pytest.raises(RegistrationError, match="jwks"):
            await scene.register(jwks={"keys": [key]}, **signs)
    assert scene.scene.ledger.records == []
    id = await scene.register(jwks={"keys": [KEY | {"unknown": odd}]}, **signs)
    assert scene.flow.book[id].keys == {"keys": [KEY]}


# nobody is kept out ------------------------------------------------------------------------------------------------
async def test_who_lacks_the_initial_token_keeps_nobody_out_who_has_it() -> None:
    scene = Registering(GUARDED)
    for number in range(70):
        assert (await refused(scene.register(token=b"a guess", peer=f"peer {number // 10}"))).status == 401
    assert (await refused(scene.register(token=b"a guess", peer="peer 0"))).status == 429
    assert await scene.register(token=TOKEN)


async def test_who_registers_again_has_the_whole_day_again() -> None:
    scene = Registering()
    ids = [await scene.register(name) for name in ("comes again", "does not")]
    scene.scene.clock.advance(UNUSED_S - 10)
    assert await scene.register("comes again") == ids[0]
    scene.scene.clock.advance(60)
    await scene.flow.sweep()
    assert [id in scene.flow.book for id in ids] == [True, False]
    after = scene.started(scene.flow.rules)
    await after.load()
    await after.sweep()
    assert [id in after.book for id in ids] == [True, False]
    scene.scene.clock.advance(UNUSED_S)
    await scene.flow.sweep()
    assert ids[0] not in scene.flow.book
