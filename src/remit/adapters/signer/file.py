"""Every key of one Remit, made at first start. No key has a default, and none serves two purposes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from remit.adapters.signer.key_file import KeyFileError, Purpose, StoredKey, open_folder, read_keys, write_keys
from remit.adapters.signer.token_keys import FileTokenKeys, new_token_key
from remit.core.secret import Secret
from remit.ports.clock import Clock

SYMMETRIC_BYTES: Final = 32


class FileLedgerSigner:
    """Signs segments and checkpoints with Ed25519. `public_key` is its 32 raw bytes, to verify with offline."""

    def __init__(self, material: Secret) -> None:
        try:
            private = serialization.load_der_private_key(material.expose(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFileError("the ledger key is not PKCS #8; restore it from a backup") from error
        if not isinstance(private, ed25519.Ed25519PrivateKey):
            raise KeyFileError("the ledger key is not an Ed25519 key; restore it from a backup")
        self._private = private
        self.public_key = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


class FileKeys:
    """The keys in `folder`. Opening it makes what is missing; what is not private or whole raises `KeyFileError`."""

    def __init__(self, folder: Path, *, clock: Clock, token_lifetime_s_max: float = 3600.0) -> None:
        open_folder(folder)
        now_s = clock.now_s()
        stored = {purpose: read_keys(folder, purpose) or _made(folder, purpose, now_s) for purpose in Purpose}
        _refuse_shared_material(folder, stored)
        self.tokens = FileTokenKeys(
            folder, stored[Purpose.TOKEN], clock=clock, token_lifetime_s_max=token_lifetime_s_max
        )
        self.ledger = FileLedgerSigner(stored[Purpose.LEDGER][-1].material)
        self.sealing = _symmetric(folder, Purpose.SEALING, stored)
        self.store = _symmetric(folder, Purpose.STORE, stored)


def _made(folder: Path, purpose: Purpose, now_s: float) -> list[StoredKey]:
    if purpose is Purpose.TOKEN:
        key = new_token_key(now_s)
    elif purpose is Purpose.LEDGER:
        material = ed25519.Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key = StoredKey(Secret(material), now_s)
    else:
        key = StoredKey(Secret(os.urandom(SYMMETRIC_BYTES)), now_s)
    write_keys(folder, purpose, [key])
    return [key]


def _symmetric(folder: Path, purpose: Purpose, stored: dict[Purpose, list[StoredKey]]) -> Secret:
    material = stored[purpose][-1].material
    found = len(material.expose())
    if found != SYMMETRIC_BYTES:
        raise KeyFileError(
            f"{folder}/{purpose}.json: the key has {found} bytes, expected {SYMMETRIC_BYTES}; restore it from a backup"
        )
    return material


def _refuse_shared_material(folder: Path, stored: dict[Purpose, list[StoredKey]]) -> None:
    """One key under two purposes would let what one of them signs or seals pass for the other's."""
    owner: dict[bytes, Purpose] = {}
    for purpose, keys in stored.items():
        for key in keys:
            other = owner.setdefault(key.material.expose(), purpose)
            if other is not purpose:
                raise KeyFileError(f"{folder}: {other} and {purpose} hold the same key; restore them from a backup")
