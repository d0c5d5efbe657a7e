"""Passkeys without elliptic curves: a key is a secret that signs by hashing, so it is for tests alone.

`FakeAuthenticator` is browser and device in one. Each part of what it says can be bent by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from remit.core.errors import refuse
from remit.core.passkeys import ALGORITHMS, Answer, NewKey, base64url, bytes_of, relying_party
from remit.core.reasons import Reason
from remit.core.secret import Secret

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
_HEAD: Final = 37  # relying party's hash, flags, counter (section 6.1)


@dataclass(frozen=True, slots=True)
class Said:
    """One ceremony, before it is written down."""

    type: str
    challenge: str
    origin: str
    rp_id: str
    flags: int
    counter: int
    algorithm: int = -7
    cross_origin: bool = False

    @property
    def client_data(self) -> bytes:
        said = {"type": self.type, "challenge": self.challenge, "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(said).encode()

    @property
    def head(self) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags]) + self.counter.to_bytes(4, "big")


@dataclass(slots=True)
class FakeAuthenticator:
    """Holds passkeys for one origin. `counter` goes up by one each time; `counts` False: it has none."""

    origin: str
    counts: bool = True
    counter: int = 0
    keys: dict[str, tuple[Any, str]] = field(default_factory=dict)  # credential -> key pair, user handle

    def create(self, options: Mapping[str, Any], **bent: Any) -> str:
        """What the browser sends after `navigator.credentials.create()`."""
        said = self._said("webauthn.create", options, options["rp"]["id"], PRESENT | VERIFIED | ATTESTED, bent)
        pair = self.new_pair(said.algorithm)
        credential = hashlib.sha256(repr((self.origin, len(self.keys), said.challenge)).encode()).digest()[:16]
        self.keys[base64url(credential)] = pair, options["user"]["id"]
        attested = bytes(16) + len(credential).to_bytes(2, "big") + credential + self.public(pair, said.algorithm)
        response = {"attestationObject": base64url(self.attestation(said.head + attested))}
        return self._answer(base64url(credential), said, response)

    def get(self, options: Mapping[str, Any], **bent: Any) -> str:
        """What the browser sends after `navigator.credentials.get()`: with the first passkey that is allowed."""
        allowed = [each["id"] for each in options["allowCredentials"]] or list(self.keys)
        credential = bent.pop("credential", None) or next(each for each in allowed if each in self.keys)
        pair, handle = self.keys[bent.pop("key_of", credential)]
        handle = bent.pop("user_handle", handle)
        said = self._said("webauthn.get", options, options["rpId"], PRESENT | VERIFIED, bent)
        signed = self.sign(pair, said.head + hashlib.sha256(said.client_data).digest())
        response = {"authenticatorData": base64url(said.head), "signature": base64url(signed), "userHandle": handle}
        return self._answer(credential, said, response)

    def _said(self, type: str, options: Mapping[str, Any], rp_id: str, flags: int, bent: Mapping[str, Any]) -> Said:
        self.counter += self.counts
        place = urlsplit(self.origin)
        said = Said(type, options["challenge"], f"{place.scheme}://{place.netloc}", rp_id, flags, self.counter)
        return replace(said, **bent)

    def _answer(self, credential: str, said: Said, response: Mapping[str, Any]) -> str:
        whole = {"clientDataJSON": base64url(said.client_data), **response}
        return json.dumps({"id": credential, "rawId": credential, "type": "public-key", "response": whole})

    # what a real one does otherwise
    def new_pair(self, algorithm: int) -> Any:
        return f"{self.origin} {len(self.keys)}".encode()

    def public(self, pair: Any, algorithm: int) -> bytes:
        key: bytes = algorithm.to_bytes(4, "big", signed=True) + pair
        return key

    def attestation(self, data: bytes) -> bytes:
        return data

    def sign(self, pair: Any, data: bytes) -> bytes:
        return hashlib.sha256(pair + data).digest()


class FakePasskeys:
    """Implements `ports.passkeys.Passkeys` for what `FakeAuthenticator` says."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    async def made(self, answer: Answer, challenge: Secret) -> NewKey:
        try:
            data = bytes_of(answer.response.attestationObject)
            self._require(answer, "webauthn.create", challenge, data)
            size = int.from_bytes(data[_HEAD + 16 : _HEAD + 18], "big")
            credential, key = data[_HEAD + 18 : _HEAD + 18 + size], data[_HEAD + 18 + size :]
            if base64url(credential) != answer.id or int.from_bytes(key[:4], "big", signed=True) not in ALGORITHMS:
                raise ValueError("key")
        except (ValueError, KeyError, TypeError) as problem:
            raise refuse(Reason.PASSKEY_INVALID, str(problem)) from None
        return NewKey(credential, key, _counter(data))

    async def proven(self, answer: Answer, challenge: Secret, key: bytes) -> int:
        try:
            data = bytes_of(answer.response.authenticatorData)
            self._require(answer, "webauthn.get", challenge, data)
            told = hashlib.sha256(bytes_of(answer.response.clientDataJSON)).digest()
            if bytes_of(answer.response.signature) != hashlib.sha256(key[4:] + data + told).digest():
                raise ValueError("signature")
        except (ValueError, KeyError, TypeError) as problem:
            raise refuse(Reason.PASSKEY_INVALID, str(problem)) from None
        return _counter(data)

    def _require(self, answer: Answer, type: str, challenge: Secret, data: bytes) -> None:
        said = json.loads(bytes_of(answer.response.clientDataJSON))
        found = (said["type"], said["challenge"], said["origin"], said["crossOrigin"], answer.rawId, answer.type)
        expected = (type, base64url(challenge.expose()), self._origin, False, answer.id, "public-key")
        if found != expected or data[:32] != hashlib.sha256(relying_party(self._origin).encode()).digest():
            raise ValueError("ceremony")
        if not data[32] & PRESENT or not data[32] & VERIFIED:
            raise ValueError("flags")


def _counter(data: bytes) -> int:
    return int.from_bytes(data[33:_HEAD], "big")
