"""Real keys, a real authenticator, and a forger who can build any token: what the attacks on tokens play on."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.adapters.signer.file import FileKeys
from remit.core.grantbook import GrantBook
from remit.core.principals import Authenticated, Claims
from remit.core.secret import Secret
from remit.testing.clock import FakeClock

ISSUER = "http://127.0.0.1:8700"
RESOURCE = f"{ISSUER}/mcp"


def b64(data: bytes | dict[str, Any] | str) -> bytes:
    if isinstance(data, dict):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def es256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def ec_jwk(key: ec.EllipticCurvePrivateKey, **members: str) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (b64(number.to_bytes(32, "big")).decode() for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y} | members


@dataclass
class TokenScene:
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    grants: GrantBook = field(default_factory=GrantBook)

    def __post_init__(self) -> None:
        self.keys = FileKeys(self.folder, clock=self.clock)
        self.authenticator = TokenAuthenticator(self.keys.tokens, self.grants, self.clock, issuer=ISSUER)

    def claims(self, **changes: Any) -> Claims:
        now_s = int(self.clock.now_s())
        given: dict[str, Any] = {
            "issuer": ISSUER,
            "subject": "engineer",
            "client_id": "demo",
            "grant_id": "grt_1",
            "tenant": "acme",
            "audience": RESOURCE,
            "token_id": "tok_1",
            "issued_at_s": now_s,
            "not_before_s": now_s,
            "expires_at_s": now_s + 300,
            "actors": ("alice",),
            "scope": "git",
        }
        return Claims(**(given | changes))

    def token(self, **changes: Any) -> bytes:
        return self.keys.tokens.mint(self.claims(**changes)).expose()

    def parts(self, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and payload of a genuine token, to be changed and signed again with our own key."""
        header, payload, _ = self.token(**changes).split(b".")
        return json.loads(unb64(header)), json.loads(unb64(payload))

    def signed(self, header: dict[str, Any] | str | bytes, payload: dict[str, Any] | str | bytes) -> bytes:
        """What we would sign if we ever signed such a thing: only the strictness of the reader is in the way."""
        message = b64(header) + b"." + b64(payload)
        return message + b"." + b64(self.keys.tokens._keys[-1].sign(message))

    def authenticate(self, token: bytes, resource: str = RESOURCE) -> Authenticated:
        return self.authenticator.authenticate(Secret(b"Bearer " + token), resource)


def unb64(part: bytes) -> bytes:
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
