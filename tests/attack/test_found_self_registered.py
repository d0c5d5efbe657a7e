"""Where clients may register themselves, whoever does is still a stranger, key or no key, and takes nothing from those
who came before.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from remit.core.pushed_request import PUSHED_MAX
from remit.core.reasons import Reason
from remit.flows.oauth_error import OAuthError
from tests.scenes.endpoints import ASKED, WEB, Endpoints, form

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
