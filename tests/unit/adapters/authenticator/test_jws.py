"""One spelling per token: what else base64url, JSON and numbers could be read from is refused."""

from __future__ import annotations

from typing import Any

import pytest

from remit.adapters.authenticator.jws import (
    TOKEN_BYTES_MAX,
    JwsError,
    decode,
    json_object,
    parse,
    text_claim,
    whole_seconds,
)
from tests.scenes.token import b64

HEADER, PAYLOAD, SIGNATURE = b64('{"alg":"ES256"}'), b64('{"sub":"engineer"}'), b64(bytes(64))
TOKEN = b".".join((HEADER, PAYLOAD, SIGNATURE))


def test_a_token_is_taken_apart() -> None:
    jws = parse(TOKEN)
    assert (jws.header, jws.unverified_payload) == ({"alg": "ES256"}, b'{"sub":"engineer"}')
    assert (jws.message, jws.signature) == (HEADER + b"." + PAYLOAD, bytes(64))


@pytest.mark.parametrize(
    "token",
    [
        b"", b".", b"..", HEADER + b"." + PAYLOAD, TOKEN + b".", TOKEN + b"." + SIGNATURE,
        b"." + PAYLOAD + b"." + SIGNATURE,
        HEADER + b".." + SIGNATURE, HEADER + b"." + PAYLOAD + b".", TOKEN + b"=", TOKEN + b"\n", b" " + TOKEN,
        b64("[]") + b"." + PAYLOAD + b"." + SIGNATURE,
    ],
)  # fmt: skip
def test_what_is_not_three_parts_of_canonical_base64url_is_refused(token: bytes) -> None:
    with pytest.raises(JwsError):
        parse(token)


def test_a_token_is_read_up_to_its_greatest_length() -> None:
    message = HEADER + b"." + PAYLOAD + b"."
    room = (TOKEN_BYTES_MAX - len(message)) // 4 * 4
    assert len(parse(message + b"A" * room).signature) == room * 3 // 4
    with pytest.raises(JwsError, match="longer"):
        parse(message + b"A" * (room + 4))


@pytest.mark.parametrize("part", [b"", b"AQ==", b"A", b"AR", b"+w", b"/w", b"A Q", b"AQ\n", "\u0661".encode()])
def test_another_spelling_is_not_decoded(part: bytes) -> None:
    with pytest.raises(JwsError):
        decode(part)


@pytest.mark.parametrize(("part", "value"), [(b"AQ", b"\x01"), (b"-_8", b"\xfb\xff"), (b"AQID", b"\1\2\3")])
def test_the_one_spelling_is_decoded(part: bytes, value: bytes) -> None:
    assert decode(part) == value


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'"a"', b'{"a":1,"a":1}', b'{"a":{"b":1,"b":1}}', b'{"a":NaN}', b'{"a":"\xff"}']
)
def test_what_readers_could_disagree_about_is_no_object(text: bytes) -> None:
    with pytest.raises(JwsError):
        json_object(text)
    assert json_object(b'{"a":{"b":1},"b":1}') == {"a": {"b": 1}, "b": 1}


@pytest.mark.parametrize("value", [None, True, "1", 1.0, -1, 2**53, 2**64])
def test_what_is_no_whole_number_of_seconds_is_refused(value: Any) -> None:
    with pytest.raises(JwsError):
        whole_seconds({"exp": value}, "exp")


@pytest.mark.parametrize("value", [0, 1, 2**53 - 1])
def test_a_whole_number_of_seconds_is_taken(value: int) -> None:
    assert whole_seconds({"exp": value}, "exp") == value


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": 7}, {"sub": None}, {"sub": ["engineer"]}])
def test_a_claim_that_is_no_text_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(JwsError):
        text_claim(claims, "sub")
    assert text_claim({"sub": "engineer"}, "sub") == "engineer"
