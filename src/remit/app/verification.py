"""The ledger held against its public keys and an anchor, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from remit.adapters.ledger.reader import anchor_from_json
from remit.adapters.ledger.verify import verify
from remit.adapters.signer.file import FileLedgerSigner
from remit.adapters.signer.key_file import KeyFileError, Purpose, read_keys
from remit.app.settings import Configuration
from remit.core.chain import Anchor, ChainReport

_END = b"-----END PUBLIC KEY-----"


class Unreadable(Exception):
    """A key or an anchor is not what it should be. The text says what was found and what was expected."""


def own_public_keys(configuration: Configuration) -> list[bytes]:
    """The raw public keys of this configuration's own ledger. Raises `Unreadable`."""
    folder = configuration.keys_dir
    try:
        stored = read_keys(folder, Purpose.LEDGER)
        if stored is None:
            raise Unreadable(f"{folder} holds no ledger key: this Remit was never started")
        return [FileLedgerSigner(key.material).public_key for key in stored]
    except KeyFileError as problem:
        raise Unreadable(str(problem)) from None


def public_keys_pem(configuration: Configuration) -> str:
    """The ledger's public keys as PEM, for whoever verifies elsewhere. Raises `Unreadable`."""
    return "".join(
        Ed25519PublicKey.from_public_bytes(raw)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode("ascii")
        for raw in own_public_keys(configuration)
    )


def read_public_keys(path: Path) -> list[bytes]:
    """The Ed25519 public keys in a PEM file, one or more. Raises `Unreadable`."""
    expected = f"{path}: expected Ed25519 public keys in PEM, as `remit audit key` prints them"
    try:
        blocks = [block + _END for block in path.read_bytes().split(_END)[:-1]]
        keys = [serialization.load_pem_public_key(block.strip()) for block in blocks]
    except (OSError, ValueError) as problem:
        raise Unreadable(f"{expected}; {problem}") from None
    found = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not found or len(found) < len(keys):
        raise Unreadable(expected)
    return [key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw) for key in found]


def read_anchor(path: Path) -> Anchor:
    """What `remit audit head` printed. Raises `Unreadable`."""
    try:
        return anchor_from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError) as problem:
        raise Unreadable(f"{path}: expected what `remit audit head` printed; {problem}") from None


def verify_ledger(directory: Path, public_keys: Sequence[bytes], anchor: Anchor | None) -> dict[str, Any]:
    """The report as plain data. Safe beside a running writer. Raises `OSError`."""
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory}: no such folder")
    return _plain(verify(directory, public_keys, anchor))


def _plain(report: ChainReport) -> dict[str, Any]:
    return {
        "verified": report.verified,
        "records": report.records,
        "segments": report.segments,
        "seq": report.seq,
        "link": report.link,
        "signed_seq": report.signed_seq,
        "break": None if report.broken is None else {**asdict(report.broken), "text": str(report.broken)},
        "torn": [asdict(torn) for torn in report.torn],
        "anchor": None if report.anchor is None else asdict(report.anchor),
        "blind_spots": report.blind_spots(),
    }
