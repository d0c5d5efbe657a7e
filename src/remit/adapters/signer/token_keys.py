"""Signing access tokens with ES256, and handing over from one key to the next."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from remit.adapters.signer.key_file import KeyFileError, Purpose, StoredKey, write_keys
from remit.core.principals import Claims, claim_set
from remit.core.secret import Secret
from remit.ports.clock import Clock
from remit.ports.keyring import VerificationKey

COORDINATE_BYTES: Final = 32  # P-256
FOREVER_S: Final = float("inf")


def base64url(data: bytes) -> str:
    """RFC 7515 appendix C: no padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


class TokenKey:
    """One ES256 key pair. Its id is the thumbprint of its public key (RFC 7638), so that ids never collide or lie."""

    def __init__(self, stored: StoredKey) -> None:
        self.stored = stored
        try:
            private = serialization.load_der_private_key(stored.material.expose(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFileError("the token key is not PKCS #8; restore it from a backup or move it away") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise KeyFileError("the token key is not a P-256 key; restore it from a backup or move it away")
        self._private = private
        numbers = private.public_key().public_numbers()
        required = {
            "crv": "P-256",
            "kty": "EC",
            "x": base64url(numbers.x.to_bytes(COORDINATE_BYTES, "big")),
            "y": base64url(numbers.y.to_bytes(COORDINATE_BYTES, "big")),
        }
        self.kid = base64url(hashlib.sha256(compact(required)).digest())
        self.jwk: Mapping[str, Any] = {**required, "kid": self.kid, "alg": "ES256", "use": "sig"}

    def sign(self, message: bytes) -> bytes:
        """The raw r || s form of RFC 7518 section 3.4."""
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")


def new_token_key(now_s: float) -> StoredKey:
    private = ec.generate_private_key(ec.SECP256R1())
    material = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return StoredKey(Secret(material), now_s)


class FileTokenKeys:
    """Mints access tokens with the newest key. A retired key still verifies until every token it signed has expired."""

    def __init__(self, folder: Path, stored: list[StoredKey], *, clock: Clock, token_lifetime_s_max: float) -> None:
        self._folder = folder
        self._clock = clock
        self._token_lifetime_s_max = token_lifetime_s_max
        self._keys = [TokenKey(key) for key in stored]
        self.epoch = 1

    def mint(self, claims: Claims) -> Secret:
        """See the port. Raises `ValueError` for claims that outlive the key."""
        if claims.expires_at_s - claims.issued_at_s > self._token_lifetime_s_max:
            raise ValueError(f"a token lives at most {self._token_lifetime_s_max:g} s: its key may be retired by then")
        return self._signed("at+jwt", claim_set(claims))

    def attest(self, answer: Mapping[str, Any], *, issuer: str, audience: str) -> Secret:
        """See the port."""
        issued_at_s = int(self._clock.now_s())
        about = {"iss": issuer, "aud": audience, "iat": issued_at_s, "token_introspection": dict(answer)}
        return self._signed("token-introspection+jwt", about)

    def public_keys(self) -> Mapping[str, Any]:
        now_s = self._clock.now_s()
        return {"keys": [key.jwk for key in reversed(self._keys) if now_s < self._until_s(key)]}

    def find(self, kid: str) -> VerificationKey | None:
        now_s = self._clock.now_s()
        for key in self._keys:
            if key.kid == kid:
                until_s = self._until_s(key)
                return VerificationKey(key.jwk, until_s) if now_s < until_s else None
        return None

    def rotate(self, *, keep_old: bool = True) -> str:
        """Sign with a new key from now on; its id. Without `keep_old` (a key is known to others) every earlier key, and
        with it every token signed so far, is refused at once."""
        now_s = self._clock.now_s()
        kept = [key.stored for key in self._keys if now_s < self._until_s(key)] if keep_old else []
        retired = [
            key if key.retired_at_s is not None else StoredKey(key.material, key.created_at_s, now_s) for key in kept
        ]
        stored = [*retired, new_token_key(now_s)]
        write_keys(self._folder, Purpose.TOKEN, stored)
        self._keys = [TokenKey(key) for key in stored]
        self.epoch += 1
        return self._keys[-1].kid

    def _signed(self, kind: str, payload: Mapping[str, Any]) -> Secret:
        """`kind` goes into `typ`, so that what is signed for one use is never taken for another (RFC 8725 3.11)."""
        key = self._keys[-1]
        header = {"alg": "ES256", "typ": kind, "kid": key.kid}
        message = f"{base64url(compact(header))}.{base64url(compact(payload))}".encode("ascii")
        return Secret(message + b"." + base64url(key.sign(message)).encode("ascii"))

    def _until_s(self, key: TokenKey) -> float:
        retired_at_s = key.stored.retired_at_s
        return FOREVER_S if retired_at_s is None else retired_at_s + self._token_lifetime_s_max
