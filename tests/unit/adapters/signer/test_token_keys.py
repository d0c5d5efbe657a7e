"""Minting and handing over between keys."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from remit.adapters.signer.file import FileKeys
from tests.scenes.token import RESOURCE, TokenScene


@pytest.fixture
def scene(tmp_path: Path) -> TokenScene:
    return TokenScene(tmp_path / "keys")


def test_an_independent_library_verifies_our_tokens_with_our_key_set(scene: TokenScene) -> None:
    keys = KeySet.import_key_set(dict(scene.keys.tokens.public_keys()))  # type: ignore[arg-type]
    token = jwt.decode(scene.token(actors=("alice", "build")).decode(), keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims["aud"] == RESOURCE
    assert token.claims["act"] == {"sub": "alice", "act": {"sub": "build"}}


def test_a_key_id_is_the_keys_thumbprint(scene: TokenScene) -> None:
    """RFC 7638 section 3: the required members, in order, without white space."""
    (jwk,) = scene.keys.tokens.public_keys()["keys"]
    canonical = json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
    assert jwk["kid"] == thumbprint


def test_only_public_members_are_published(scene: TokenScene) -> None:
    (jwk,) = scene.keys.tokens.public_keys()["keys"]
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(scene: TokenScene) -> None:
    before, epoch = scene.token(), scene.keys.tokens.epoch
    kid = scene.keys.tokens.rotate()
    header, _ = scene.parts()
    assert header["kid"] == kid
    assert scene.keys.tokens.epoch > epoch
    assert len(scene.keys.tokens.public_keys()["keys"]) == 2
    assert scene.authenticate(before)


def test_a_retired_key_goes_when_the_last_token_it_signed_has_expired(scene: TokenScene) -> None:
    (old,) = scene.keys.tokens.public_keys()["keys"]
    scene.keys.tokens.rotate()
    scene.clock.advance(3599)
    assert scene.keys.tokens.find(old["kid"]) is not None
    scene.clock.advance(1)
    assert scene.keys.tokens.find(old["kid"]) is None
    assert old not in scene.keys.tokens.public_keys()["keys"]


def test_a_rotation_survives_a_restart(scene: TokenScene) -> None:
    scene.keys.tokens.rotate()
    again = FileKeys(scene.folder, clock=scene.clock)
    assert again.tokens.public_keys() == scene.keys.tokens.public_keys()


def test_the_next_rotation_forgets_what_no_longer_verifies(scene: TokenScene) -> None:
    scene.keys.tokens.rotate()
    scene.clock.advance(4000)
    scene.keys.tokens.rotate()
    stored = json.loads((scene.folder / "token.json").read_text())["keys"]
    assert len(stored) == 2


def test_a_token_that_outlives_its_key_is_not_minted(scene: TokenScene) -> None:
    claims = scene.claims()
    with pytest.raises(ValueError, match="lives at most 3600 s"):
        scene.keys.tokens.mint(replace(claims, expires_at_s=claims.issued_at_s + 3601))
