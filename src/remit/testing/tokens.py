"""Tokens without cryptography: a fake signer hands out opaque strings and remembers what each one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.core.principals import Claims
from remit.core.secret import Secret


class FakeTokenSigner:
    """`issued` maps each token to its claims; `FakeAuthenticator` reads it."""

    def __init__(self) -> None:
        self.issued: dict[bytes, Claims] = {}

    def mint(self, claims: Claims) -> Secret:
        token = f"fake-token-{len(self.issued) + 1}".encode()
        self.issued[token] = claims
        return Secret(token)

    def public_keys(self) -> Mapping[str, Any]:
        return {"keys": []}
