"""Rows of the store, strict: one with a field too many or too few is no row."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format"):
    """Base of the kinds of rows. Each names its format and version as its tag."""


T = TypeVar("T", bound=Stored)


def to_row(value: Stored) -> bytes:
    return msgspec.json.encode(value)


def from_row(content: bytes, kind: type[T]) -> T:
    """Raises `Outage` if the row is not a whole one."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        found = f"a stored {kind.__name__} cannot be read: {type(problem).__name__}"
        raise refuse(Reason.STORE_UNAVAILABLE, found) from problem


def row_id(presented: Secret) -> str:
    """What a link, a cookie or a code is kept under. It holds 256 random bits, so a plain hash gives nothing away."""
    return hashlib.sha256(presented.expose()).hexdigest()
