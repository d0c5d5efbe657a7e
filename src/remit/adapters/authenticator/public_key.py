"""From a public JWK to the one check it is good for. The key names the algorithm, never the token (RFC 8725, 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from remit.adapters.authenticator.jws import JwsError, decode

RSA_BITS_MIN: Final = 2048
RSA_BITS_MAX: Final = 8192
PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`verify(signature, message)` is true for a genuine signature, false for any other."""

    algorithm: str
    verify: Callable[[bytes, bytes], bool]


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """ES256, EdDSA (Ed25519) or RS256 with at least 2048 bits. Raises `JwsError` for any other key."""
    private = sorted(PRIVATE_MEMBERS & jwk.keys())
    if private:
        raise JwsError(f"a public key was expected, found the private member {private[0]}")
    if jwk.get("use", "sig") != "sig":
        raise JwsError(f"use is {jwk['use']!r}, expected 'sig'")
    try:
        key = _MAKERS[jwk.get("kty"), jwk.get("crv")](jwk)
    except (KeyError, TypeError) as error:
        raise JwsError("not a P-256, Ed25519 or RSA public key") from error
    except ValueError as error:
        raise JwsError(str(error)) from error
    if jwk.get("alg", key.algorithm) != key.algorithm:
        raise JwsError(f"alg is {jwk['alg']!r}, expected {key.algorithm}")
    return key


def _bytes(jwk: Mapping[str, Any], member: str) -> bytes:
    value = jwk[member]
    if not isinstance(value, str):
        raise TypeError(member)
    return decode(value.encode("utf-8"))


def _ec(jwk: Mapping[str, Any]) -> PublicKey:
    x, y = _bytes(jwk, "x"), _bytes(jwk, "y")
    if len(x) != 32 or len(y) != 32:
        raise JwsError("a P-256 coordinate has 32 bytes")
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
    key = numbers.public_key()

    def verify(signature: bytes, message: bytes) -> bool:
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return PublicKey("ES256", verify)


def _ed25519(jwk: Mapping[str, Any]) -> PublicKey:
    key = ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))

    def verify(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return PublicKey("EdDSA", verify)


def _rsa(jwk: Mapping[str, Any]) -> PublicKey:
    numbers = rsa.RSAPublicNumbers(int.from_bytes(_bytes(jwk, "e"), "big"), int.from_bytes(_bytes(jwk, "n"), "big"))
    if not RSA_BITS_MIN <= numbers.n.bit_length() <= RSA_BITS_MAX:
        raise JwsError(f"an RSA key has {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, found {numbers.n.bit_length()}")
    key = numbers.public_key()

    def verify(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    return PublicKey("RS256", verify)


_MAKERS: Final[dict[tuple[Any, Any], Callable[[Mapping[str, Any]], PublicKey]]] = {
    ("EC", "P-256"): _ec,
    ("OKP", "Ed25519"): _ed25519,
    ("RSA", None): _rsa,
}
