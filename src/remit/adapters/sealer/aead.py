"""AES-256-GCM (NIST SP 800-38D) under one key per purpose, derived from a key ring by HKDF (RFC 5869)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from remit.core.secret import Secret
from remit.ports.clock import Entropy
from remit.ports.sealer import Unsealed

_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16


class AeadSealer:
    """`keys` are 32 bytes each: the first one seals, all of them open, so that a new key can take over while what the
    old one sealed runs out. A sealed text is base64url of key id, nonce and ciphertext.
    """

    def __init__(self, keys: Sequence[Secret], entropy: Entropy) -> None:
        if not keys or any(len(key.expose()) != _KEY_BYTES for key in keys):
            raise ValueError(f"the sealing key ring needs at least one key, each of {_KEY_BYTES} bytes")
        self._entropy = entropy
        self._keys = {
            hashlib.sha256(b"remit sealing key id" + key.expose()).digest()[:_KEY_ID_BYTES]: key for key in keys
        }
        self._current = next(iter(self._keys))
        self._ciphers: dict[tuple[bytes, str], AESGCM] = {}

    def seal(self, purpose: str, content: bytes, *, bound_to: bytes) -> str:
        nonce = self._entropy.bytes(_NONCE_BYTES)
        sealed = self._cipher(self._current, purpose).encrypt(nonce, content, bound_to)
        return base64.urlsafe_b64encode(self._current + nonce + sealed).rstrip(b"=").decode("ascii")

    def open(self, purpose: str, sealed: str, *, bound_to: bytes) -> bytes:
        raw = _decoded(sealed)
        key_id, nonce, content = (
            raw[:_KEY_ID_BYTES],
            raw[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES],
            raw[_KEY_ID_BYTES + _NONCE_BYTES :],
        )
        if key_id not in self._keys or len(content) < _TAG_BYTES:
            raise Unsealed
        try:
            return self._cipher(key_id, purpose).decrypt(nonce, content, bound_to)
        except InvalidTag:
            raise Unsealed from None

    def _cipher(self, key_id: bytes, purpose: str) -> AESGCM:
        cipher = self._ciphers.get((key_id, purpose))
        if cipher is None:
            derivation = HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=b"remit seal " + purpose.encode("utf-8"))
            cipher = AESGCM(derivation.derive(self._keys[key_id].expose()))
            self._ciphers[key_id, purpose] = cipher
        return cipher


def _decoded(sealed: str) -> bytes:
    """Only the one spelling that `seal` writes, so that a sealed text has no twin (a twin of an ended handle, say)."""
    try:
        text = sealed.encode("ascii")
        raw = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise Unsealed from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != text:
        raise Unsealed
    return raw
