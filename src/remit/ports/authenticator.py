"""Stage 1: from a presented token to proof of who it names."""

from __future__ import annotations

from typing import Protocol

from remit.core.principals import Authenticated
from remit.core.secret import Secret


class Authenticator(Protocol):
    def authenticate(self, authorization: Secret | None, resource: str) -> Authenticated:
        """Verify one `Authorization` header value for `resource` (RFC 9068 section 4, RFC 6750 section 2.1).

        Answers from memory. Every call, cached or not, checks expiry, audience, scheme, key set and revocation.
        Raises `Unauthenticated`.
        """
        ...
