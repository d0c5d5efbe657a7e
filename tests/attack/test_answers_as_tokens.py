"""A signed answer about a token (RFC 9701) has the key of access tokens: nobody takes one for the
other, whatever the answer says (RFC 8725 section 2.8, cross-JWT confusion).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from remit.core.errors import Unauthenticated
from remit.core.principals import claim_set
from tests.scenes.token import ISSUER, RESOURCE, TokenScene, unb64


@pytest.fixture
def scene(tmp_path: Path) -> TokenScene:
    return TokenScene(tmp_path / "keys")


def test_an_answer_about_a_token_is_no_token(scene: TokenScene) -> None:
    claims = scene.claims()
    answer = scene.keys.tokens.attest({"active": True, **claim_set(claims)}, issuer=ISSUER, audience=RESOURCE)
    with pytest.raises(Unauthenticated, match="typ"):
        scene.authenticate(answer.expose())
    assert scene.authenticate(scene.token()).claims == claims


def test_an_answer_says_at_its_top_nothing_that_a_token_says_and_names_who_asked(scene: TokenScene) -> None:
    said = {"active": True, **claim_set(scene.claims())}
    header, payload, _ = scene.keys.tokens.attest(said, issuer=ISSUER, audience="git-server").expose().split(b".")
    assert json.loads(unb64(header))["typ"] == "token-introspection+jwt"
    assert json.loads(unb64(payload)) == {
        "iss": ISSUER,
        "aud": "git-server",
        "iat": int(scene.clock.now_s()),
        "token_introspection": said,
    }
