"""Argument digests that can be proven and forgotten: one random salt per record, beside the ledger and not in it.

Salts are drawn a block ahead, so that a record costs no write of its own here. Without its salt a digest says nothing:
overwriting sixteen bytes erases what was asked, and the chain, which holds only the digest, still verifies.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

from remit.adapters.ledger.durable import sync_data
from remit.adapters.ledger.segment import append, create
from remit.core.ledger import RecordKind
from remit.ports.clock import Entropy

SALT_BYTES: Final = 16
BLOCK_SALTS: Final = 4096
BLOCK_SALTS_COMMAND: Final = 64  # a command writes a few records and ends
_ERASED: Final = bytes(SALT_BYTES)


class Proof(StrEnum):
    MATCHES = "matches"
    DIFFERS = "differs"
    ERASED = "erased"
    NO_ARGUMENTS = "no_arguments"  # the record was made without any
    NO_DIGEST = "no_digest"  # only what was about to run has one: a denial may have been about anything


def salts_path(directory: Path, segment: int) -> Path:
    return directory / f"salts-{segment:08d}.bin"


def digest(salt: bytes, arguments: bytes) -> str:
    """sha256 over the salt and the canonical JSON of the arguments."""
    return hashlib.sha256(salt + arguments).hexdigest()


class SaltFile:
    """The salts of one segment, in the order of use. `unsynced`: a record is durable only once these are too."""

    def __init__(self, directory: Path, descriptor: int, segment: int, entropy: Entropy, block_salts: int) -> None:
        self._entropy = entropy
        self._block_salts = block_salts
        self._block = entropy.bytes(SALT_BYTES * block_salts)
        self._used = 0
        self.descriptor = create(salts_path(directory, segment), self._block, descriptor)
        self.unsynced = False

    def next(self) -> tuple[int, bytes]:
        """The next salt and its index in the file. Raises `OSError`."""
        index, at = self._used, self._used % self._block_salts
        if at == 0 and index:
            self._block = self._entropy.bytes(SALT_BYTES * self._block_salts)
            append(self.descriptor, self._block)
            self.unsynced = True
        self._used += 1
        return index, self._block[at * SALT_BYTES : (at + 1) * SALT_BYTES]


def prove(directory: Path, segment: int, record: Mapping[str, object], arguments: bytes) -> Proof:
    """Whether the record was made with exactly these arguments (canonical JSON). Raises `OSError`."""
    if record.get("kind") != RecordKind.INTENT:
        return Proof.NO_DIGEST
    index, stated = record.get("args_salt"), record.get("args_digest")
    if not isinstance(index, int) or not isinstance(stated, str):
        return Proof.NO_ARGUMENTS if not arguments else Proof.DIFFERS
    with salts_path(directory, segment).open("rb") as file:
        file.seek(index * SALT_BYTES)
        salt = file.read(SALT_BYTES)
    if len(salt) < SALT_BYTES:
        raise OSError(errno.EIO, "the file of salts is shorter than its records say")
    if salt == _ERASED:
        return Proof.ERASED
    return Proof.MATCHES if hmac.compare_digest(digest(salt, arguments), stated) else Proof.DIFFERS


def erase(directory: Path, segment: int, record: Mapping[str, object]) -> bool:
    """Overwrite the record's salt and wait until that is durable. False if the record has none. Raises `OSError`.

    Copies that others hold (backups, snapshots, a copy-on-write file system's history) are theirs to erase.
    """
    index = record.get("args_salt")
    if not isinstance(index, int):
        return False
    descriptor = os.open(salts_path(directory, segment), os.O_WRONLY)
    try:
        os.pwrite(descriptor, _ERASED, index * SALT_BYTES)
        sync_data(descriptor)
    finally:
        os.close(descriptor)
    return True
