"""Proof Key for Code Exchange (RFC 7636): the code is good only for whoever asked for it. S256 and nothing else, since
`plain` shows the verifier to whoever sees the request (OAuth 2.1 section 4.1.1).
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret

METHOD: Final = "S256"
# 43 characters hold 258 bits of which a digest has 256: the last one is of these, or two challenges were one.
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")
_VERIFIER: Final = re.compile(rb"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(frozen=True, slots=True)
class CodeChallenge:
    """The SHA-256 digest of the verifier in base64url without padding (RFC 7636 section 4.2). Made by `parse`."""

    digest: str

    @classmethod
    def parse(cls, challenge: str, method: str) -> CodeChallenge:
        """From `code_challenge` and `code_challenge_method`, empty when absent. Raises `Invalid`."""
        if not challenge:
            raise refuse(Reason.INVALID_PARAMS, "code_challenge is missing: PKCE with S256 is required (RFC 7636)")
        if not method:
            raise refuse(Reason.INVALID_PARAMS, "code_challenge_method is missing, which means plain; expected S256")
        if method != METHOD:
            raise refuse(Reason.INVALID_PARAMS, f"code_challenge_method: expected S256, found {method[:80]!r}")
        if not _CHALLENGE.match(challenge):
            raise refuse(
                Reason.INVALID_PARAMS, "code_challenge: expected a SHA-256 digest as 43 base64url characters, unpadded"
            )
        return cls(challenge)


def verified(challenge: CodeChallenge, verifier: Secret) -> bool:
    """Whether the challenge was made from this `code_verifier` (RFC 7636 section 4.6)."""
    given = verifier.expose()
    made = urlsafe_b64encode(sha256(given).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.digest.encode("ascii")) and _VERIFIER.match(given) is not None
