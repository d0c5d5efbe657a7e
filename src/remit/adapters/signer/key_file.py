"""One file per key purpose: readable by its owner alone, written whole or not at all, refused when anything is odd."""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from remit.core.secret import Secret

FORMAT: Final = "remit.keys/1"


class KeyFileError(Exception):
    """A key file or folder that may not be used: what was found, what was expected and what to do; never the key."""


class Purpose(StrEnum):
    """What a key may do. A file's purpose is written inside it, so that a renamed or copied file is noticed."""

    TOKEN = "token"
    LEDGER = "ledger"
    SEALING = "sealing"
    STORE = "store"


ALGORITHM: Final[dict[Purpose, str]] = {
    Purpose.TOKEN: "ES256",
    Purpose.LEDGER: "Ed25519",
    Purpose.SEALING: "AES-256",
    Purpose.STORE: "HMAC-SHA256",
}


@dataclass(frozen=True, slots=True)
class StoredKey:
    """`material` is PKCS #8 DER for key pairs and 32 raw bytes otherwise. `retired_at_s` is None for the key in use."""

    material: Secret
    created_at_s: float
    retired_at_s: float | None = None


def open_folder(folder: Path) -> None:
    """Make the key folder if it is missing. Raises `KeyFileError` if others than its owner may enter it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_private(folder, os.lstat(folder), stat.S_ISDIR, 0o700)


def read_keys(folder: Path, purpose: Purpose) -> list[StoredKey] | None:
    """The keys of one purpose, oldest first; None if there is no file yet. Raises `KeyFileError`."""
    path = folder / f"{purpose}.json"
    try:
        # O_NOFOLLOW: a link could point at a file whose permissions somebody else controls.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        _require_private(path, os.fstat(descriptor), stat.S_ISREG, 0o600)
        content = file.read()
    return _parse(path, purpose, content)


def write_keys(folder: Path, purpose: Purpose, keys: Sequence[StoredKey]) -> None:
    """Replace the file of one purpose so that after a crash either the old or the new one is there, whole."""
    document = {
        "format": FORMAT,
        "purpose": purpose.value,
        "algorithm": ALGORITHM[purpose],
        "keys": [
            {
                "material": base64.b64encode(key.material.expose()).decode("ascii"),
                "created_at_s": key.created_at_s,
                "retired_at_s": key.retired_at_s,
            }
            for key in keys
        ],
    }
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{purpose}-")  # made 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(document, indent=1).encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / f"{purpose}.json")
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_private(path: Path, found: os.stat_result, is_kind: Any, mode: int) -> None:
    if not is_kind(found.st_mode):
        raise KeyFileError(f"{path}: expected a plain {'folder' if mode == 0o700 else 'file'}, found something else")
    if found.st_uid != os.geteuid():
        raise KeyFileError(f"{path}: belongs to uid {found.st_uid}, expected {os.geteuid()}; chown it to Remit's user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        permissions = stat.S_IMODE(found.st_mode)
        raise KeyFileError(f"{path}: found permissions {permissions:04o}, expected {mode:04o}; chmod {mode:o} {path}")


def _parse(path: Path, purpose: Purpose, content: bytes) -> list[StoredKey]:
    remedy = "restore it from a backup, or move it away to have a new key made (what the old one protects is lost)"
    try:
        document = json.loads(content)
        found = (document["format"], document["purpose"], document["algorithm"])
        expected = (FORMAT, purpose.value, ALGORITHM[purpose])
        if found != expected:
            raise KeyFileError(f"{path}: holds {found!r}, expected {expected!r}; key purposes do not mix")
        keys = [_stored(entry) for entry in document["keys"]]
    except (ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"{path}: is damaged; {remedy}") from error
    if not keys or keys[-1].retired_at_s is not None:
        raise KeyFileError(f"{path}: has no key in use; {remedy}")
    return keys


def _stored(entry: Any) -> StoredKey:
    try:
        material = base64.b64decode(entry["material"], validate=True)
    except binascii.Error as error:
        raise ValueError("material") from error
    created_at_s, retired_at_s = entry["created_at_s"], entry["retired_at_s"]
    if not isinstance(created_at_s, int | float) or not isinstance(retired_at_s, int | float | None):
        raise TypeError("times")
    return StoredKey(Secret(material), created_at_s, retired_at_s)
