"""Compact JWS, read strictly: one spelling per token, nothing optional understood (RFC 7515, RFC 8725)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

TOKEN_BYTES_MAX: Final = 8192
_BASE64URL: Final = re.compile(rb"[A-Za-z0-9_-]+\Z")


class JwsError(ValueError):
    """What is wrong with a token, in words that quote none of it."""


@dataclass(frozen=True, slots=True)
class Jws:
    """A token taken apart and not yet believed: `unverified_payload` means nothing before the signature is checked.
    Its parts together are the token again, so only the header is printed."""

    header: dict[str, Any]
    unverified_payload: bytes = field(repr=False)
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def parse(token: bytes) -> Jws:
    """Raises `JwsError`."""
    if len(token) > TOKEN_BYTES_MAX:
        raise JwsError(f"longer than {TOKEN_BYTES_MAX} bytes")
    parts = token.split(b".")
    if len(parts) != 3:
        raise JwsError("not three parts")
    header, payload, signature = (decode(part) for part in parts)
    return Jws(json_object(header), payload, token[: token.rindex(b".")], signature)


def decode(part: bytes) -> bytes:
    """Base64url without padding, and without the spare bits that would give one value two spellings."""
    if not _BASE64URL.match(part):
        raise JwsError("not base64url without padding")
    try:
        value = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error as error:
        raise JwsError("not base64url") from error
    if base64.urlsafe_b64encode(value).rstrip(b"=") != part:
        raise JwsError("not canonical base64url")
    return value


def json_object(text: bytes) -> dict[str, Any]:
    """A JSON object in UTF-8 whose keys are all unique, at every depth."""
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except JwsError:
        raise
    except (ValueError, RecursionError) as error:
        raise JwsError("not JSON") from error
    if not isinstance(value, dict):
        raise JwsError("not a JSON object")
    return value


def text_claim(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise JwsError(f"{name} is not a non-empty string")
    return value


def whole_seconds(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < 2**53:
        raise JwsError(f"{name} is not a whole number of seconds")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JwsError("a key is repeated")
    return value


def _no_constant(name: str) -> Any:
    raise JwsError(f"{name} is not JSON")
