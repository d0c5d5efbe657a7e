"""Tokens without cryptography: a fake signer hands out opaque strings and remembers what each one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.core.principals import Claims
from remit.core.secret import Secret


class FakeTokenSigner:
    """`issued` maps each token to its claims; `FakeAuthenticator` reads it. `attested` are answers, by who asked."""

    def __init__(self) -> None:
        self.issued: dict[bytes, Claims] = {}
        self.attested: list[tuple[str, dict[str, Any]]] = []

    def mint(self, claims: Claims) -> Secret:
        token = f"fake-token-{len(self.issued) + 1}".encode()
        self.issued[token] = claims
        return Secret(token)

    def attest(self, answer: Mapping[str, Any], *, issuer: str, audience: str) -> Secret:
        self.attested.append((audience, dict(answer)))
        return Secret(f"fake-attestation-{len(self.attested)}".encode())

    def public_keys(self) -> Mapping[str, Any]:
        return {"keys": []}
