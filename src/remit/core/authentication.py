"""How and when a person proved who they are: what a session, a grant and a token say of it (RFC 9068 section 2.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# RFC 8176. Nothing attests where a passkey's key is kept, so it is `pop` and not `hwk`; the person was verified by the
# device that holds it, so it is two factors.
PASSWORD: Final = ("pwd",)
PASSKEY: Final = ("pop", "user", "mfa")


class Acr(StrEnum):
    """How sure it is that it was them, in ascending order. The values are those of `acr` and `acr_values`."""

    NONE = ""
    PASSWORD = "urn:remit:acr:password"
    PASSKEY = "urn:remit:acr:passkey"

    @property
    def level(self) -> int:
        return _LEVEL[self]


_LEVEL: Final = {acr: level for level, acr in enumerate(Acr)}
# What a client may ask for.
ASKABLE: Final = (Acr.PASSWORD, Acr.PASSKEY)


@dataclass(frozen=True, slots=True)
class Authentication:
    """`methods` are those of RFC 8176, `at_s` is when, in seconds since the epoch."""

    methods: tuple[str, ...]
    at_s: float

    @property
    def acr(self) -> Acr:
        if set(PASSKEY) <= set(self.methods):
            return Acr.PASSKEY
        return Acr.PASSWORD if set(PASSWORD) <= set(self.methods) else Acr.NONE

    def meets(self, acr: Acr, *, max_age_s: float, now_s: float) -> bool:
        """An authentication of the future is none: a clock was stepped."""
        return self.acr.level >= acr.level and 0 <= now_s - self.at_s <= max_age_s


@dataclass(frozen=True, slots=True)
class Demand:
    """What something needs of whoever signed in: at least `acr`, no longer than `max_age_s` ago."""

    acr: Acr
    max_age_s: float


NO_DEMAND: Final = Demand(Acr.NONE, float("inf"))
# Of what clients and administrators do without a person who signed in.
NOBODY: Final = Authentication((), 0.0)
