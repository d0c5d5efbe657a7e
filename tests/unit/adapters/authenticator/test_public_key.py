"""Which JWKs are keys, and which signatures hold."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from remit.adapters.authenticator.jws import JwsError
from remit.adapters.authenticator.public_key import public_key
from tests.scenes.token import b64, ec_jwk, es256, unb64

KEY = ec.derive_private_key(7, ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
JWK = ec_jwk(KEY)
ED_JWK = {"kty": "OKP", "crv": "Ed25519", "x": b64(EDWARDS.public_key().public_bytes_raw()).decode()}


def longer(member: str) -> dict[str, Any]:
    """The same number with a zero byte before it: another spelling of one key."""
    return {member: b64(b"\0" + unb64(JWK[member].encode())).decode()}


@pytest.mark.parametrize(
    "changes",
    [
        longer("x"), longer("y"), {"x": b64(b"\1" * 31).decode()}, {"y": b64(b"\1" * 31).decode()},
        {"y": b64(b"\1" * 32).decode()}, {"y": None}, {"y": 5}, {"y": "+" * 43}, {"crv": "P-384"}, {"kty": "RSA"},
        {"kty": ["EC"]}, {"use": "enc"}, {"alg": "HS256"}, {"alg": "EdDSA"}, {"d": "AQ"}, {"k": "AQ"},
    ],
)  # fmt: skip
def test_a_jwk_that_is_not_exactly_a_public_key_of_ours_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(JwsError):
        public_key(JWK | changes)


@pytest.mark.parametrize("changes", [{}, {"use": "sig"}, {"alg": "ES256"}, {"kid": "k", "key_ops": ["verify"]}])
def test_a_p256_key_is_taken_and_its_signature_holds(changes: dict[str, Any]) -> None:
    key = public_key(JWK | changes)
    assert key.algorithm == "ES256"
    assert key.verify(es256(KEY, b"message"), b"message")


def test_an_ecdsa_signature_of_another_length_does_not_hold() -> None:
    genuine = es256(KEY, b"message")
    padded = genuine[:32] + b"\0" + genuine[32:]  # the same two numbers
    for signature in (b"", genuine[:63], genuine + b"\0", padded, genuine * 2):
        assert not public_key(JWK).verify(signature, b"message")
    assert public_key(JWK).verify(genuine, b"message")


def test_a_signature_holds_for_its_own_message_and_key() -> None:
    genuine = es256(KEY, b"message")
    assert not public_key(JWK).verify(genuine, b"massage")
    assert not public_key(JWK).verify(bytes(64), b"message")
    assert not public_key(ec_jwk(ec.derive_private_key(8, ec.SECP256R1()))).verify(genuine, b"message")


def test_an_ed25519_signature_holds_and_a_changed_one_does_not() -> None:
    key = public_key(ED_JWK)
    genuine = EDWARDS.sign(b"message")
    assert key.algorithm == "EdDSA"
    assert key.verify(genuine, b"message")
    assert not key.verify(genuine, b"massage")
    assert not key.verify(genuine[:-1], b"message")
    with pytest.raises(JwsError):
        public_key(ED_JWK | {"x": b64(bytes(31)).decode()})


def test_an_rsa_signature_holds_for_its_own_message_key_and_scheme() -> None:
    ours, other = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
    key = public_key(rsa_jwk(ours))
    genuine = ours.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    assert key.algorithm == "RS256"
    assert key.verify(genuine, b"message")
    assert not key.verify(genuine, b"massage")
    assert not key.verify(genuine[:-1], b"message")
    assert not key.verify(b"", b"message")
    assert not key.verify(ours.sign(b"message", padding.PKCS1v15(), hashes.SHA512()), b"message")
    assert not public_key(rsa_jwk(other)).verify(genuine, b"message")


def rsa_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": b64(numbers.n.to_bytes(256, "big")).decode(), "e": "AQAB"}
