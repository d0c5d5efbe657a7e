"""Verifying what an authenticator says through a browser (WebAuthn level 3, sections 7.1 and 7.2)."""

from __future__ import annotations

from typing import Protocol

from remit.core.passkeys import Answer, NewKey
from remit.core.secret import Secret


class Passkeys(Protocol):
    """For one origin and the relying party of its name. The person must be present and verified by their device; the
    ceremony must be this page's own, not one in a frame.
    """

    async def made(self, answer: Answer, challenge: Secret) -> NewKey:
        """The key pair that was made for this challenge. Raises `Unauthenticated` (`passkey_invalid`)."""
        ...

    async def proven(self, answer: Answer, challenge: Secret, key: bytes) -> int:
        """That whoever holds `key` (COSE) answered this challenge: the signature counter. Judging the counter is not
        done here. Raises `Unauthenticated` (`passkey_invalid`).
        """
        ...
