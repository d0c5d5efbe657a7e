"""What is kept of people who sign in here: a password's hash, a link to set one, and the sessions of their browsers.

Rows of the store, strict: one with a field too many or too few is no row. A link and a session are kept under a hash of
what their holder presents, so that the store alone lets nobody in.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeVar

import msgspec

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret

INVITATION_S: Final = 86_400.0
SESSION_S_MAX: Final = 43_200.0
SESSION_IDLE_S_MAX: Final = 3_600.0
SESSIONS_MAX: Final = 20  # of one account; a further one ends the oldest
# NIST SP 800-63B-4 section 3.2.2: no more than 100 wrong passwords in a row.
WRONG_MAX: Final = 100


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format"):
    """`format` is each row's name and version."""


class KeptPassword(_Stored, frozen=True, tag="remit.password/1"):
    account: str
    hash: str
    set_at_s: float
    locked: bool

    def __repr__(self) -> str:
        return f"KeptPassword(account={self.account!r}, locked={self.locked})"


class Invitation(_Stored, frozen=True, tag="remit.invitation/1"):
    """The right to set the account's password once."""

    account: str
    by: str
    expires_at_s: float


class BrowserSession(_Stored, frozen=True, tag="remit.session/1"):
    """A person who signed in, in one browser. `methods` are those of RFC 8176 (`pwd`)."""

    account: str
    tenant: str
    signed_in_at_s: float
    expires_at_s: float
    methods: tuple[str, ...]


T = TypeVar("T", bound=_Stored)


def to_row(value: _Stored) -> bytes:
    return msgspec.json.encode(value)


def from_row(content: bytes, kind: type[T]) -> T:
    """Raises `Outage` if the row is not a whole one."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        found = f"a stored {kind.__name__} cannot be read: {type(problem).__name__}"
        raise refuse(Reason.STORE_UNAVAILABLE, found) from problem


def row_id(presented: Secret) -> str:
    """What a link or a cookie is kept under. It holds 256 random bits, so a plain hash gives nothing away."""
    return hashlib.sha256(presented.expose()).hexdigest()
