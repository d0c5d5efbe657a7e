"""Passkeys (WebAuthn level 3): what is kept of one, what a browser is asked and answers, and when one may be a copy.

Names in the browser's JSON are those of the specification.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.rows import Stored
from remit.core.secret import Secret

CHALLENGE_S: Final = 300.0
CHALLENGE_BYTES: Final = 32
# How long after signing in somebody may add and remove passkeys without doing it again.
FRESH_S: Final = 300.0
PASSKEYS_MAX: Final = 10
NAME_CHARS_MAX: Final = 64
ANSWER_CHARS_MAX: Final = 16_384
CREDENTIAL_CHARS_MAX: Final = 1_364  # section 4: 1023 bytes, in base64url
KEY_BYTES_MAX: Final = 1_024  # an RSA key of 4096 bits takes half of it
# COSE (RFC 9053, RFC 8812): ES256, EdDSA, RS256.
ALGORITHMS: Final = (-7, -8, -257)


class KeptPasskey(Stored, frozen=True, tag="remit.passkey/1"):
    """`credential` and `key` (COSE, public) are base64url. A suspended one proves nothing until it is removed."""

    account: str
    credential: str
    key: str
    name: str
    counter: int
    added_at_s: float
    used_at_s: float
    suspended: bool = False


class Challenge(Stored, frozen=True, tag="remit.challenge/1"):
    """What a browser holds, sealed, while it asks the authenticator. `account` is empty where anybody may answer.

    `run` is the process that made it: which of its challenges were answered, no other process knows.
    """

    nonce: str
    run: str
    account: str
    at_s: float


@dataclass(frozen=True, slots=True)
class NewKey:
    """What an authenticator made. `credential` is its own name for it."""

    credential: bytes
    key: bytes
    counter: int


class AnswerParts(msgspec.Struct, frozen=True):
    clientDataJSON: str
    attestationObject: str = ""
    authenticatorData: str = ""
    signature: str = ""
    userHandle: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """`PublicKeyCredential.toJSON()` as the browser sent it, of known shape and size; nothing in it is verified."""

    id: str
    rawId: str
    type: str
    response: AnswerParts


def parse_answer(text: str) -> Answer:
    """Raises `Unauthenticated` (`passkey_invalid`)."""
    if len(text) > ANSWER_CHARS_MAX:
        raise refuse(Reason.PASSKEY_INVALID, f"the answer is longer than {ANSWER_CHARS_MAX} characters")
    try:
        answer = msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refuse(Reason.PASSKEY_INVALID, "the browser's answer cannot be read") from None
    if not 0 < len(answer.id) <= CREDENTIAL_CHARS_MAX:
        raise refuse(Reason.PASSKEY_INVALID, f"the id is longer than {CREDENTIAL_CHARS_MAX} characters, or empty")
    return answer


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def bytes_of(text: str) -> bytes:
    """What `base64url` made. Raises `ValueError` for anything else."""
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def relying_party(origin: str) -> str:
    """The name passkeys are bound to: the host of the public URL. Empty where that is an address, which browsers take
    none for (section 5.1.3: an effective domain).
    """
    host = (urlsplit(origin).hostname or "").lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""


def user_handle(issuer: str, account: str) -> str:
    """What an authenticator knows the account by: the same for all its passkeys, and not its name (section 14.6.1)."""
    digest = hashlib.sha256(b"remit user handle\0" + issuer.encode() + b"\0" + account.encode("utf-8", "surrogatepass"))
    return base64url(digest.digest())


def may_be_copy(kept: KeptPasskey, counter: int) -> bool:
    """Section 6.1.1: a counter that did not go up says that two hold the key. Both 0: it has none."""
    return (counter != 0 or kept.counter != 0) and counter <= kept.counter


def checked_name(typed: str, taken: Iterable[str]) -> str:
    """What the person calls the passkey, to know it among theirs. Raises `Invalid`."""
    name = " ".join(typed.split())
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise refuse(Reason.INVALID_PARAMS, f"name: expected 1 to {NAME_CHARS_MAX} printable characters")
    if name in set(taken):
        raise refuse(Reason.INVALID_PARAMS, "another passkey of yours has this name")
    return name


def creation_options(origin: str, account: str, challenge: Secret, known: Iterable[KeptPasskey]) -> dict[str, Any]:
    """`PublicKeyCredentialCreationOptionsJSON`. An authenticator that holds one of `known` makes no second one."""
    return {
        "rp": {"id": relying_party(origin), "name": "Remit"},
        "user": {"id": user_handle(origin, account), "name": account, "displayName": account},
        "challenge": base64url(challenge.expose()),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": int(CHALLENGE_S * 1000),
        "excludeCredentials": _descriptors(known),
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request_options(origin: str, challenge: Secret, known: Iterable[KeptPasskey] = ()) -> dict[str, Any]:
    """`PublicKeyCredentialRequestOptionsJSON`. Without `known` the authenticator offers those it can list itself."""
    return {
        "challenge": base64url(challenge.expose()),
        "timeout": int(CHALLENGE_S * 1000),
        "rpId": relying_party(origin),
        "allowCredentials": _descriptors(known),
        "userVerification": "required",
    }


def _descriptors(known: Iterable[KeptPasskey]) -> list[dict[str, str]]:
    return [{"type": "public-key", "id": passkey.credential} for passkey in known]
