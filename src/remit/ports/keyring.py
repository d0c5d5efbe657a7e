"""The public halves of the keys that access tokens verify with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """`jwk` is public (RFC 7517). From `until_s` (seconds since the epoch) on, the key verifies nothing."""

    jwk: Mapping[str, Any]
    until_s: float


class Keyring(Protocol):
    @property
    def epoch(self) -> int:
        """Changes whenever a key is added, retired or dropped: whatever was verified before is verified again."""
        ...

    def find(self, kid: str) -> VerificationKey | None:
        """The key of this id, None if there is none or it has been retired for longer than a token lives."""
        ...
