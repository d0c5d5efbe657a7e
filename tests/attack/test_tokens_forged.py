"""A token nobody of ours signed, or one that says more than we sign: refused, and a genuine one beside it accepted."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from remit.adapters.authenticator.public_key import public_key
from remit.core.errors import Unauthenticated
from remit.core.reasons import Reason
from tests.scenes.token import TokenScene, b64, ec_jwk, es256, unb64


@pytest.fixture
def scene(tmp_path: Path) -> TokenScene:
    return TokenScene(tmp_path / "keys")


def refused(scene: TokenScene, token: bytes, reason: Reason = Reason.TOKEN_INVALID) -> str:
    with pytest.raises(Unauthenticated) as caught:
        scene.authenticate(token)
    assert caught.value.reason is reason
    return caught.value.detail


def test_a_genuine_token_is_accepted_and_says_what_was_minted(scene: TokenScene) -> None:
    assert scene.authenticate(scene.token()).claims == scene.claims()


def test_a_genuine_token_built_by_hand_is_accepted(scene: TokenScene) -> None:
    """The forger's tools work: what is refused below is refused for the one thing that was changed."""
    header, payload = scene.parts()
    assert scene.authenticate(scene.signed(header, payload)).claims == scene.claims()


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_alg_none_is_refused(scene: TokenScene, alg: str) -> None:
    header, payload = scene.parts()
    unsigned = b64({**header, "alg": alg}) + b"." + b64(payload)
    refused(scene, unsigned + b".")
    refused(scene, unsigned + b".AA")
    assert refused(scene, scene.signed({**header, "alg": alg}, payload)) == "alg is not ES256"


def test_hs256_with_our_public_key_as_the_secret_is_refused(scene: TokenScene) -> None:
    header, payload = scene.parts()
    jwk = scene.keys.tokens.public_keys()["keys"][0]
    numbers = ec.EllipticCurvePublicNumbers(
        *(int.from_bytes(unb64(jwk[c].encode()), "big") for c in "xy"), ec.SECP256R1()
    )
    pem = numbers.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, json.dumps(dict(jwk)).encode(), jwk["x"].encode()):
        message = b64({**header, "alg": "HS256"}) + b"." + b64(payload)
        token = message + b"." + b64(hmac.digest(secret, message, "sha256"))
        assert refused(scene, token) == "alg is not ES256"


def test_a_symmetric_key_in_a_key_set_is_no_public_key() -> None:
    with pytest.raises(ValueError, match="private member k"):
        public_key({"kty": "oct", "k": "c2VjcmV0"})
    assert public_key(ec_jwk(ec.generate_private_key(ec.SECP256R1()))).algorithm == "ES256"


def test_a_token_of_another_key_is_refused_under_our_kid(scene: TokenScene) -> None:
    header, payload = scene.parts()
    message = b64(header) + b"." + b64(payload)
    token = message + b"." + b64(es256(ec.generate_private_key(ec.SECP256R1()), message))
    assert refused(scene, token) == "the signature is wrong"


@pytest.mark.parametrize(
    "kid", ["", "../../keys/token.json", "' OR '1'='1", "/dev/null", "other", 7, None, ["x"], {"a": 1}]
)
def test_a_kid_that_is_not_ours_is_refused(scene: TokenScene, kid: Any) -> None:
    header, payload = scene.parts()
    refused(scene, scene.signed({**header, "kid": kid}, payload))


def test_a_missing_kid_is_refused(scene: TokenScene) -> None:
    _, payload = scene.parts()
    refused(scene, scene.signed({"alg": "ES256", "typ": "at+jwt"}, payload))


@pytest.mark.parametrize("name", ["crit", "jku", "x5u", "jwk", "x5c", "x5t", "b64", "zip", "cty", "unknown"])
def test_a_header_that_brings_a_key_or_asks_for_more_is_refused(scene: TokenScene, name: str) -> None:
    header, payload = scene.parts()
    detail = refused(scene, scene.signed({**header, name: ["exp"]}, payload))
    assert detail == f"the header has '{name}'"


def test_a_key_the_token_brings_along_is_never_used(scene: TokenScene) -> None:
    mine = ec.generate_private_key(ec.SECP256R1())
    header, payload = scene.parts()
    message = b64({**header, "jwk": ec_jwk(mine)}) + b"." + b64(payload)
    refused(scene, message + b"." + b64(es256(mine, message)))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "AT+JWT", "application/at+jwt", "dpop+jwt", "", None])
def test_a_token_of_another_type_is_refused(scene: TokenScene, typ: Any) -> None:
    header, payload = scene.parts()
    assert refused(scene, scene.signed({**header, "typ": typ}, payload)) == "typ is not at+jwt"


WRONG_CLAIMS: list[tuple[str, Any]] = [
    ("aud", ["http://127.0.0.1:8700/mcp"]),
    ("aud", ["http://127.0.0.1:8700/mcp", "http://evil.test"]),
    ("aud", None),
    ("exp", "1900000000"),
    ("exp", 1.9e9),
    ("exp", True),
    ("exp", -1),
    ("exp", 2**63),
    ("nbf", None),
    ("iat", "now"),
    ("sub", ""),
    ("sub", 7),
    ("grant_id", None),
    ("client_id", ["demo"]),
    ("tenant", ""),
    ("jti", 1),
    ("scope", ["git"]),
    ("act", None),
    ("act", "alice"),
    ("act", {"sub": ""}),
    ("act", {"sub": "alice", "iss": "elsewhere"}),
    ("act", {"sub": "alice", "act": []}),
]


@pytest.mark.parametrize(("name", "value"), WRONG_CLAIMS)
def test_a_claim_of_the_wrong_type_is_refused_even_with_our_signature(scene: TokenScene, name: str, value: Any) -> None:
    header, payload = scene.parts()
    refused(scene, scene.signed(header, {**payload, name: value}))


@pytest.mark.parametrize(
    "name", ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "grant_id", "tenant", "scope"]
)
def test_a_missing_claim_is_refused(scene: TokenScene, name: str) -> None:
    header, payload = scene.parts()
    del payload[name]
    refused(scene, scene.signed(header, payload))


def test_a_chain_of_actors_without_end_is_refused(scene: TokenScene) -> None:
    header, payload = scene.parts()
    act: dict[str, Any] = {"sub": "a"}
    for _ in range(8):
        act = {"sub": "a", "act": act}
    refused(scene, scene.signed(header, {**payload, "act": act}))
    assert scene.authenticate(scene.signed(header, {**payload, "act": act["act"]})).claims.actors == ("a",) * 8


def test_a_repeated_key_is_refused(scene: TokenScene) -> None:
    """One reader takes the first of two `sub`, another the last."""
    header, payload = scene.parts()
    twice = json.dumps(payload)[:-1] + ', "sub": "administrator"}'
    assert refused(scene, scene.signed(header, twice)) == "a key is repeated"
    nested = json.dumps(payload)[:-1] + ', "x": {"a": 1, "a": 2}}'
    assert refused(scene, scene.signed(header, nested)) == "a key is repeated"
    header_twice = json.dumps(header)[:-1] + ', "alg": "none"}'
    assert refused(scene, scene.signed(header_twice, payload)) == "a key is repeated"


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'"text"', b"{", b'{"a": NaN}', b"\xff{}", b"[" * 4000])
def test_a_payload_that_is_no_object_is_refused(scene: TokenScene, payload: bytes) -> None:
    header, _ = scene.parts()
    refused(scene, scene.signed(header, payload))


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "padding": lambda token: token + b"=",
    "padding inside": lambda token: token.replace(b".", b"=.", 1),
    "two parts": lambda token: token.rpartition(b".")[0],
    "four parts": lambda token: token + b".AAAA",
    "an empty signature": lambda token: token.rpartition(b".")[0] + b".",
    "a signature cut short": lambda token: token[:-4],
    "spare bits in the signature": lambda token: token[:-1] + (b"B" if token[-1:] == b"A" else bytes([token[-1] + 1])),
    "plus for minus": lambda token: token.replace(b"-", b"+").replace(b"_", b"/") + b"+",
    "far too long": lambda token: token + b"A" * 9000,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_of_a_genuine_token_is_refused(scene: TokenScene, spelling: str) -> None:
    refused(scene, SPELLINGS[spelling](scene.token()))


def test_a_token_longer_than_any_of_ours_is_not_even_verified(scene: TokenScene) -> None:
    assert scene.authenticate(scene.token(scope="x" * 4000))
    assert refused(scene, scene.token(scope="x" * 9000)) == "longer than 8192 bytes"


def test_a_signature_in_der_is_refused(scene: TokenScene) -> None:
    header, payload = scene.parts()
    message = b64(header) + b"." + b64(payload)
    der = scene.keys.tokens._keys[-1]._private.sign(message, ec.ECDSA(hashes.SHA256()))
    refused(scene, message + b"." + b64(der))


def test_a_signature_of_zeros_is_refused(scene: TokenScene) -> None:
    """CVE-2022-21449: r and s of zero verify any message in a careless implementation."""
    message = scene.token().rpartition(b".")[0]
    refused(scene, message + b"." + b64(bytes(64)))


def test_a_token_that_would_live_longer_than_any_of_ours_is_refused(scene: TokenScene) -> None:
    header, payload = scene.parts()
    refused(scene, scene.signed(header, {**payload, "exp": payload["iat"] + 3601}))
    assert scene.authenticate(scene.signed(header, {**payload, "exp": payload["iat"] + 3600}))
