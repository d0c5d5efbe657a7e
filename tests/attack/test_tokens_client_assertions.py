"""A client assertion that is replayed, meant for somebody else, or signed with a key the client never registered."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from remit.adapters.authenticator.client_assertions import JwtAssertions
from remit.adapters.authenticator.public_key import public_key
from remit.core.errors import Outage, Unauthenticated
from remit.core.secret import Secret
from remit.testing.clock import FakeClock
from tests.scenes.token import ISSUER, b64, ec_jwk, es256

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
KEYS = {"keys": [ec_jwk(KEY, kid="one")]}


class Scene:
    def __init__(self, used_max: int = 1000) -> None:
        self.clock = FakeClock()
        audiences = frozenset({ISSUER, f"{ISSUER}/token"})
        self.assertions = JwtAssertions(self.clock, audiences=audiences, used_max=used_max)
        self.made = 0

    def claims(self, **changes: Any) -> dict[str, Any]:
        self.made += 1
        now_s = int(self.clock.now_s())
        given = {"iss": "ci", "sub": "ci", "aud": ISSUER, "iat": now_s, "exp": now_s + 60, "jti": f"j{self.made}"}
        return {name: value for name, value in (given | changes).items() if value is not ...}

    def assertion(self, header: dict[str, Any] | None = None, key: Any = KEY, **changes: Any) -> bytes:
        return signed({"alg": "ES256", "kid": "one"} | (header or {}), self.claims(**changes), key)

    def verify(self, assertion: bytes, keys: dict[str, Any] | None = None) -> None:
        self.assertions.verify(Secret(assertion), "ci", KEYS if keys is None else keys)

    def refused(self, assertion: bytes, keys: dict[str, Any] | None = None) -> str:
        with pytest.raises(Unauthenticated) as caught:
            self.verify(assertion, keys)
        return caught.value.detail


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> bytes:
    message = b64(header) + b"." + b64(claims)
    return message + b"." + b64(es256(key, message))


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("aud", [ISSUER, f"{ISSUER}/token", [ISSUER]])
def test_a_genuine_assertion_is_accepted(scene: Scene, aud: Any) -> None:
    scene.verify(scene.assertion(aud=aud))
    assert scene.assertions.unverified_client(Secret(scene.assertion())) == "ci"


def test_a_replayed_assertion_is_refused(scene: Scene) -> None:
    assertion = scene.assertion()
    scene.verify(assertion)
    assert "used before" in scene.refused(assertion)
    assert "used before" in scene.refused(scene.assertion(jti="j1"))
    scene.verify(scene.assertion())


def test_an_assertion_made_before_a_restart_is_refused_after_it(scene: Scene) -> None:
    """The memory of used assertions is gone with the process."""
    assertion = scene.assertion()
    scene.verify(assertion)
    scene.clock.advance(1)
    scene.assertions = JwtAssertions(scene.clock, audiences=frozenset({ISSUER}))
    assert "before this server started" in scene.refused(assertion)
    scene.verify(scene.assertion())


def test_when_too_many_are_outstanding_none_is_taken_for_new(scene: Scene) -> None:
    scene = Scene(used_max=2)
    scene.verify(scene.assertion())
    scene.verify(scene.assertion())
    with pytest.raises(Outage):
        scene.verify(scene.assertion())
    scene.clock.advance(61)
    scene.verify(scene.assertion())


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.test"}, {"aud": [ISSUER, "https://other.test"]}, {"aud": []}, {"aud": ...},
        {"aud": f"{ISSUER}/"}, {"iss": "other"}, {"sub": "other"}, {"iss": ...}, {"jti": ...}, {"jti": ""},
        {"jti": "x" * 257}, {"exp": ...}, {"iat": ...}, {"exp": "soon"}, {"exp": 1}, {"nbf": 2_000_000_000},
        {"iat": 2_000_000_000}, {"exp": 2_000_000_000}, {"iat": True},
    ],
)  # fmt: skip
def test_an_assertion_for_another_place_client_or_time_is_refused(scene: Scene, changes: dict[str, Any]) -> None:
    assert scene.refused(scene.assertion(**changes)).startswith("client assertion:")


def test_an_expired_assertion_is_refused(scene: Scene) -> None:
    assertion = scene.assertion()
    scene.clock.advance(60)
    assert "expired" in scene.refused(assertion)


def test_an_assertion_of_another_key_is_refused(scene: Scene) -> None:
    assert "signature" in scene.refused(scene.assertion(key=OTHER))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit", "b64"])
def test_an_assertion_that_brings_its_own_key_is_refused(scene: Scene, name: str) -> None:
    brought = {name: ec_jwk(OTHER) if name == "jwk" else ["x"]}
    assert scene.refused(scene.assertion(brought, key=OTHER)) == f"client assertion: the header has {name}"


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "EdDSA", "ES384", None])
def test_an_assertion_of_another_algorithm_than_its_keys_is_refused(scene: Scene, alg: Any) -> None:
    assert scene.refused(scene.assertion({"alg": alg})) == "client assertion: alg is not ES256"


def test_a_kid_that_is_not_registered_is_refused(scene: Scene) -> None:
    assert "kid chooses 0" in scene.refused(scene.assertion({"kid": "two"}))


def test_without_a_kid_the_only_key_is_used_and_among_several_none(scene: Scene) -> None:
    only = {"keys": [ec_jwk(KEY)]}
    scene.verify(signed({"alg": "ES256"}, scene.claims(), KEY), only)
    several = {"keys": [ec_jwk(KEY), ec_jwk(OTHER)]}
    assert "kid chooses 2" in scene.refused(signed({"alg": "ES256"}, scene.claims(), KEY), several)


@pytest.mark.parametrize("keys", [{}, {"keys": []}, {"keys": "x"}, {"keys": [{"kid": "one"}]}, {"keys": ["one"]}])
def test_a_client_without_a_usable_key_is_refused(scene: Scene, keys: dict[str, Any]) -> None:
    scene.refused(scene.assertion(), keys)


def test_rsa_of_2048_bits_and_ed25519_are_accepted_and_rsa_of_1024_is_refused(scene: Scene) -> None:
    big = rsa.generate_private_key(65537, 2048)
    message = b64({"alg": "RS256", "kid": "r"}) + b"." + b64(scene.claims())
    assertion = message + b"." + b64(big.sign(message, padding.PKCS1v15(), hashes.SHA256()))
    scene.verify(assertion, {"keys": [rsa_jwk(big, kid="r")]})
    edwards = ed25519.Ed25519PrivateKey.generate()
    message = b64({"alg": "EdDSA", "kid": "e"}) + b"." + b64(scene.claims())
    x = b64(edwards.public_key().public_bytes_raw()).decode()
    keys = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "e"}]}
    scene.verify(message + b"." + b64(edwards.sign(message)), keys)
    with pytest.raises(ValueError, match="2048 to 8192 bits, found 1024"):
        public_key(rsa_jwk(rsa.generate_private_key(65537, 1024)))


def rsa_jwk(key: rsa.RSAPrivateKey, **members: str) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    n, e = (b64(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode() for value in (numbers.n, numbers.e))
    return {"kty": "RSA", "n": n, "e": e} | members
