"""Checking a whole ledger with nothing but its directory and the public keys: no server, no state, nothing changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from remit.adapters.ledger.segment import lines_of, segment_numbers
from remit.core.chain import Anchor, ChainCheck, ChainReport, SignatureCheck, key_id


def signatures_by(public_keys: Iterable[bytes]) -> SignatureCheck:
    """Accept signatures of these raw Ed25519 keys and of no other."""
    keys = {key_id(raw): Ed25519PublicKey.from_public_bytes(raw) for raw in public_keys}

    def holds(key: str, message: bytes, signature: bytes) -> bool:
        if key not in keys:
            return False
        try:
            keys[key].verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return holds


def verify(directory: Path, public_keys: Iterable[bytes], anchor: Anchor | None = None) -> ChainReport:
    """Check every segment in order, up to the first break. Safe beside a running writer. Raises `OSError`.

    What was cut off after the last anchor cannot be seen: `ChainReport.blind_spots` says so.
    """
    check = ChainCheck(signatures_by(public_keys), anchor)
    for number in segment_numbers(directory):
        check.segment(number, lines_of(directory, number))
    return check.report()
