"""An authenticator in software: what a browser and a security key do together, with real keys."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

from remit.testing.passkeys import FakeAuthenticator


class SoftwareAuthenticator(FakeAuthenticator):
    """ES256, whatever `algorithm` it says it is."""

    def new_pair(self, algorithm: int) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def public(self, pair: Any, algorithm: int) -> bytes:
        """RFC 9053 section 7.1.1."""
        point = pair.public_key().public_numbers()
        return encode_cbor(
            {1: 2, 3: algorithm, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )

    def attestation(self, data: bytes) -> bytes:
        return encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})

    def sign(self, pair: Any, data: bytes) -> bytes:
        signature: bytes = pair.sign(data, ec.ECDSA(hashes.SHA256()))
        return signature
