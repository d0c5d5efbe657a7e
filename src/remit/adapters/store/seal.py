"""What makes rows authentic: a MAC over each, and one over the set of all, which an old or missing row breaks."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.store import Row

_MODULUS: Final = 2**256


def tampered(what: str) -> Refusal:
    return refuse(Reason.STORE_UNAVAILABLE, f"{what}: the store was changed by somebody else; restore it or remove it")


class Seal:
    """MACs under keys derived from one store key, so that a row's MAC says nothing about the set's."""

    def __init__(self, key: Secret) -> None:
        self._row = hmac.digest(key.expose(), b"remit.store.row", "sha256")
        self._member = hmac.digest(key.expose(), b"remit.store.member", "sha256")
        self._set = hmac.digest(key.expose(), b"remit.store.set", "sha256")

    def row_mac(self, row: Row) -> bytes:
        return hmac.digest(self._row, _encoded(row), "sha256")

    def require_row(self, row: Row, mac: bytes) -> None:
        """Raises `Outage` when the row is not one we wrote."""
        if not hmac.compare_digest(self.row_mac(row), mac):
            raise tampered(f"row {row.kind}/{row.id}")

    def member(self, row: Row) -> int:
        """The row's share in the sum over all rows (MSet-Add-Hash, Clarke et al. 2003). It is never stored."""
        return int.from_bytes(hmac.digest(self._member, _encoded(row), "sha256"), "big")

    def set_mac(self, sequence: int, members: int) -> bytes:
        return hmac.digest(self._set, sequence.to_bytes(8, "big") + (members % _MODULUS).to_bytes(32, "big"), "sha256")

    def require_set(self, sequence: int, members: int, mac: bytes) -> None:
        """Raises `Outage` when a row was removed, brought back or replaced by an older one."""
        if not hmac.compare_digest(self.set_mac(sequence, members), mac):
            raise tampered("the set of rows")


def _encoded(row: Row) -> bytes:
    """Each part with its length before it, so that no two rows are encoded alike."""
    parts = [row.kind.encode(), row.id.encode(), hashlib.sha256(row.content).digest(), row.sequence.to_bytes(8, "big")]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
