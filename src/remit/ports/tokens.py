"""Minting our own access tokens, and the keys they verify with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from remit.core.principals import Claims
from remit.core.secret import Secret


class TokenSigner(Protocol):
    def mint(self, claims: Claims) -> Secret:
        """An RFC 9068 access token (`typ` at+jwt) with exactly these claims."""
        ...

    def attest(self, answer: Mapping[str, Any], *, issuer: str, audience: str) -> Secret:
        """An answer about a token, for the one client that asked (RFC 9701; `typ` token-introspection+jwt): it says
        nothing at its top level that an access token would say, and nothing else is ever taken for it.
        """
        ...

    def public_keys(self) -> Mapping[str, Any]:
        """The JWK set (RFC 7517) with every key that may still verify a live token."""
        ...
