"""What is kept of people who sign in here: a password's hash, a link to set one, and the sessions of their browsers.

A link and a session are kept under a hash of what their holder presents, so that the store alone lets nobody in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from remit.core.authentication import Authentication
from remit.core.rows import Stored

INVITATION_S: Final = 86_400.0
SESSIONS_MAX: Final = 20  # of one account; a further one ends the oldest
# NIST SP 800-63B-4 section 3.2.2: no more than 100 wrong passwords in a row.
WRONG_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts without use, and in any case."""

    idle_s: float = 3_600.0
    max_s: float = 43_200.0


class KeptPassword(Stored, frozen=True, tag="remit.password/1"):
    account: str
    hash: str
    set_at_s: float
    locked: bool

    def __repr__(self) -> str:
        return f"KeptPassword(account={self.account!r}, locked={self.locked})"


class Invitation(Stored, frozen=True, tag="remit.invitation/1"):
    """The right to set the account's password once. A `first` one ends when anybody of the tenant has a password."""

    account: str
    by: str
    expires_at_s: float
    first: bool = False


class BrowserSession(Stored, frozen=True, tag="remit.session/1"):
    """A person who signed in, in one browser. `methods` are those of RFC 8176."""

    account: str
    tenant: str
    signed_in_at_s: float
    expires_at_s: float
    methods: tuple[str, ...]

    @property
    def authentication(self) -> Authentication:
        return Authentication(self.methods, self.signed_in_at_s)
