"""A genuine token at the wrong place, at the wrong time, or presented in the wrong way."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.core.errors import Unauthenticated
from remit.core.grant import GrantEvent
from remit.core.reasons import Reason
from remit.core.secret import Secret
from tests.scenes.grant import a_live_grant
from tests.scenes.token import ISSUER, RESOURCE, TokenScene, b64


@pytest.fixture
def scene(tmp_path: Path) -> TokenScene:
    return TokenScene(tmp_path / "keys")


def reason_of(scene: TokenScene, authorization: bytes | None, resource: str = RESOURCE) -> Reason:
    with pytest.raises(Unauthenticated) as caught:
        scene.authenticator.authenticate(None if authorization is None else Secret(authorization), resource)
    return caught.value.reason


@pytest.mark.parametrize("warm", [False, True], ids=["new", "cached"])
@pytest.mark.parametrize(
    "resource", [f"{ISSUER}/mcp/git", f"{RESOURCE}/", ISSUER, RESOURCE.upper(), "http://evil.test/mcp"]
)
def test_a_token_for_another_endpoint_is_refused(scene: TokenScene, resource: str, warm: bool) -> None:
    token = scene.token()
    if warm:
        scene.authenticate(token)
    assert reason_of(scene, b"Bearer " + token, resource) is Reason.TOKEN_AUDIENCE
    assert scene.authenticate(token).resource == RESOURCE


def test_a_token_of_another_issuer_is_refused_even_with_our_signature(scene: TokenScene) -> None:
    assert reason_of(scene, b"Bearer " + scene.token(issuer="http://127.0.0.1:8701")) is Reason.TOKEN_INVALID


@pytest.mark.parametrize("warm", [False, True], ids=["new", "cached"])
def test_an_expired_token_is_refused(scene: TokenScene, warm: bool) -> None:
    token = scene.token()
    scene.clock.advance(299)
    if warm:
        scene.authenticate(token)
    scene.clock.advance(1)
    assert reason_of(scene, b"Bearer " + token) is Reason.TOKEN_EXPIRED


@pytest.mark.parametrize("warm", [False, True], ids=["new", "cached"])
def test_a_token_before_its_time_is_refused(scene: TokenScene, warm: bool) -> None:
    token = scene.token()
    if warm:
        scene.authenticate(token)
    scene.clock.step_wall(-2)
    assert reason_of(scene, b"Bearer " + token) is Reason.TOKEN_EARLY
    scene.clock.step_wall(2)
    assert scene.authenticate(token)


def test_no_authorization_is_refused(scene: TokenScene) -> None:
    assert reason_of(scene, None) is Reason.TOKEN_MISSING


MALFORMED = [
    b"", b"Bearer", b"Bearer ", b"Bearer  %s", b" Bearer %s", b"Bearer %s ", b"Bearer %s %s", b"Bearer %s,Bearer %s",
    b"Bearer %s, Bearer %s", b"Bearer\t%s", b"Basic %s", b"DPoP %s", b"Token %s", b"%s", b"Bearer %s\r\nX: y",
    b"Bearer %s\n",
    b"Bearer \"%s\"", b"Bearer token=%s",
]  # fmt: skip


@pytest.mark.parametrize("form", MALFORMED)
def test_anything_but_one_bearer_token_is_refused(scene: TokenScene, form: bytes) -> None:
    """Two Authorization headers arrive as one value joined by a comma, or are refused before."""
    token = scene.token()
    scene.authenticate(token)
    assert reason_of(scene, form.replace(b"%s", token)) is (
        Reason.TOKEN_INVALID if form == b"Bearer token=%s" else Reason.TOKEN_MALFORMED
    )


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER"])
def test_the_scheme_is_read_in_any_case(scene: TokenScene, scheme: bytes) -> None:
    assert scene.authenticator.authenticate(Secret(scheme + b" " + scene.token()), RESOURCE)


def test_a_cached_token_dies_when_its_key_is_dropped(scene: TokenScene) -> None:
    token = scene.token()
    scene.authenticate(token)
    scene.keys.tokens.rotate(keep_old=False)
    assert reason_of(scene, b"Bearer " + token) is Reason.TOKEN_INVALID
    assert scene.authenticate(scene.token())


def test_a_cached_token_outlives_an_orderly_rotation(scene: TokenScene) -> None:
    token = scene.token()
    scene.authenticate(token)
    scene.keys.tokens.rotate()
    assert scene.authenticate(token)


def test_a_token_of_a_key_retired_long_ago_is_refused_although_it_was_cached(scene: TokenScene) -> None:
    """Somebody kept the retired key and signs on with it until the last moment it counts."""
    scene.keys.tokens.rotate()
    scene.clock.advance(3599)
    header, payload = scene.parts()
    old = scene.keys.tokens._keys[0]
    message = b64({**header, "kid": old.kid}) + b"." + b64(payload)
    token = message + b"." + b64(old.sign(message))
    assert scene.authenticate(token)
    scene.clock.advance(1)
    assert reason_of(scene, b"Bearer " + token) is Reason.TOKEN_INVALID


def test_every_cached_token_is_verified_again_when_a_grant_ends(scene: TokenScene) -> None:
    token = scene.token()
    scene.authenticate(token)
    live = a_live_grant()
    scene.grants.add(live)
    live.apply(GrantEvent.REVOKE)
    scene.grants.remove("grt_1")
    scene.keys.tokens._keys[:] = []  # so that only a new verification can notice
    assert reason_of(scene, b"Bearer " + token) is Reason.TOKEN_INVALID


def test_strangers_cannot_crowd_known_tokens_out(scene: TokenScene) -> None:
    token = scene.token()
    scene.authenticate(token)
    for number in range(100):
        with pytest.raises(Unauthenticated):
            scene.authenticate(b"eyJhbGciOiJFUzI1NiJ9.e30.%d" % number)
    assert len(scene.authenticator._verified) == 1


def test_genuine_tokens_are_remembered_up_to_a_bound_and_those_forgotten_still_hold(scene: TokenScene) -> None:
    few = TokenAuthenticator(scene.keys.tokens, scene.grants, scene.clock, issuer=ISSUER, tokens_max=3)
    tokens = [Secret(b"Bearer " + scene.token(token_id=f"tok_{number}")) for number in range(5)]
    for token in (*tokens, tokens[0]):
        assert few.authenticate(token, RESOURCE).claims.subject == "engineer"
        assert len(few._verified) <= 3


def test_no_refusal_quotes_the_token(scene: TokenScene) -> None:
    token = scene.token()
    with pytest.raises(Unauthenticated) as caught:
        scene.authenticate(token[:-8] + b"AAAAAAAA")
    assert token[:40].decode() not in repr(caught.value) + str(caught.value.data)
