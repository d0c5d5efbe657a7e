"""What is asked of a browser, what it may answer, and when a passkey may be a copy."""

from __future__ import annotations

import json

import pytest

from remit.core.errors import Refusal
from remit.core.passkeys import (
    ANSWER_CHARS_MAX,
    CREDENTIAL_CHARS_MAX,
    NAME_CHARS_MAX,
    KeptPasskey,
    base64url,
    bytes_of,
    checked_name,
    creation_options,
    may_be_copy,
    parse_answer,
    relying_party,
    request_options,
    user_handle,
)
from remit.core.reasons import Reason
from remit.core.secret import Secret

ORIGIN = "https://remit.example:8443"
KEPT = KeptPasskey("engineer", "AAAA", "BBBB", "phone", 5, 1.0, 1.0)
ANSWER = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"clientDataJSON": "e30"}}


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        (ORIGIN, "remit.example"),
        ("http://localhost:8700", "localhost"),
        ("https://REMIT.example", "remit.example"),
        ("http://127.0.0.1:8700", ""),
        ("https://[2001:db8::1]", ""),
    ],
)
def test_passkeys_are_bound_to_the_name_of_the_public_url_and_to_no_address(origin: str, name: str) -> None:
    assert relying_party(origin) == name


def test_the_person_is_always_verified_and_nothing_is_attested() -> None:
    made = creation_options(ORIGIN, "engineer", Secret(b"c" * 32), [KEPT])
    assert (made["rp"]["id"], made["attestation"]) == ("remit.example", "none")
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["excludeCredentials"] == [{"type": "public-key", "id": "AAAA"}]
    asked = request_options(ORIGIN, Secret(b"c" * 32), [KEPT])
    assert (asked["userVerification"], asked["rpId"]) == ("required", "remit.example")
    assert bytes_of(made["challenge"]) == bytes_of(asked["challenge"]) == b"c" * 32


def test_an_account_has_one_handle_that_does_not_say_its_name() -> None:
    assert user_handle(ORIGIN, "engineer") == user_handle(ORIGIN, "engineer")
    assert user_handle(ORIGIN, "engineer") != user_handle(ORIGIN, "analyst")
    assert user_handle(ORIGIN, "engineer") != user_handle("https://other.example", "engineer")
    assert b"engineer" not in bytes_of(user_handle(ORIGIN, "engineer"))
    assert len(bytes_of(user_handle(ORIGIN, "engineer"))) <= 64


@pytest.mark.parametrize(("kept", "found", "copy"), [(5, 6, False), (5, 5, True), (5, 4, True), (5, 0, True),
                                                     (0, 0, False), (0, 1, False)])  # fmt: skip
def test_a_counter_that_did_not_go_up_says_that_there_may_be_a_copy(kept: int, found: int, copy: bool) -> None:
    passkey = KeptPasskey("engineer", "AAAA", "BBBB", "phone", kept, 1.0, 1.0)
    assert may_be_copy(passkey, found) is copy


def test_an_answer_is_read_and_what_else_the_browser_says_is_ignored() -> None:
    whole = ANSWER | {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
    assert parse_answer(json.dumps(whole)).id == "AAAA"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        json.dumps({}),
        json.dumps(ANSWER | {"id": 1}),
        json.dumps(ANSWER | {"id": ""}),
        json.dumps(ANSWER | {"id": "A" * (CREDENTIAL_CHARS_MAX + 1)}),
        json.dumps(ANSWER | {"response": None}),
        json.dumps(ANSWER | {"padding": "x" * ANSWER_CHARS_MAX}),
        "[" * 10_000,
        "\ud800",
    ],
)
def test_an_answer_of_another_shape_or_size_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_answer(text)
    assert refused.value.reason is Reason.PASSKEY_INVALID


def test_a_name_is_short_plain_and_not_twice_the_same() -> None:
    assert checked_name("  my   phone ", ["key"]) == "my phone"
    for typed in ("", " ", "x" * (NAME_CHARS_MAX + 1), "a\x00b", "\u202ekey", "key"):
        with pytest.raises(Refusal):
            checked_name(typed, ["key"])


def test_base64url_has_one_way_back() -> None:
    assert bytes_of(base64url(b"\xfb\xff\x00")) == b"\xfb\xff\x00"
    for text in ("a", "é", "a b", "a=="):
        with pytest.raises(ValueError):
            bytes_of(text)
