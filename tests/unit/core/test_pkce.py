"""Who redeems a code shows the verifier that its request was made from: S256, in one spelling."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest

from remit.core.errors import Invalid
from remit.core.pkce import CodeChallenge, verified
from remit.core.secret import Secret

# RFC 7636 appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def challenge_of(verifier: bytes) -> CodeChallenge:
    return CodeChallenge.parse(urlsafe_b64encode(sha256(verifier).digest()).rstrip(b"=").decode(), "S256")


def test_the_example_of_the_rfc_verifies_and_another_verifier_does_not() -> None:
    challenge = CodeChallenge.parse(CHALLENGE, "S256")
    assert verified(challenge, Secret(VERIFIER.encode()))
    assert not verified(challenge, Secret(VERIFIER.encode()[:-1] + b"l"))
    assert not verified(challenge, Secret(CHALLENGE.encode()))
    assert not verified(challenge, Secret(b""))


@pytest.mark.parametrize(
    ("challenge", "method", "said"),
    [
        ("", "", "code_challenge is missing"),
        ("", "S256", "code_challenge is missing"),
        (CHALLENGE, "", "which means plain"),
        (CHALLENGE, "plain", "found 'plain'"),
        (CHALLENGE, "s256", "found 's256'"),
        (CHALLENGE, "S512", "found 'S512'"),
    ],
)
def test_plain_and_absent_are_refused_by_name(challenge: str, method: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        CodeChallenge.parse(challenge, method)


@pytest.mark.parametrize(
    "challenge",
    [
        CHALLENGE[:-1], CHALLENGE + "A", CHALLENGE + "=", CHALLENGE + "\n", CHALLENGE[:-1] + "N", CHALLENGE[:-1] + "_",
        "+" + CHALLENGE[1:], "/" + CHALLENGE[1:], "é" + CHALLENGE[1:], " " + CHALLENGE[1:], "0" * 64,
    ],
)  # fmt: skip
def test_what_is_no_digest_in_its_one_spelling_is_refused(challenge: str) -> None:
    with pytest.raises(Invalid, match="43 base64url"):
        CodeChallenge.parse(challenge, "S256")
    assert CodeChallenge.parse(CHALLENGE, "S256").digest == CHALLENGE


@pytest.mark.parametrize("verifier", [b"a" * 43, b"a" * 128, b"-._~" + b"Z9" * 20])
def test_a_verifier_of_the_rfcs_form_verifies(verifier: bytes) -> None:
    assert verified(challenge_of(verifier), Secret(verifier))


@pytest.mark.parametrize(
    "verifier", [b"", b"a" * 42, b"a" * 129, b"a" * 43 + b"\n", b"a" * 43 + b"=", b"+" * 43, "é".encode() * 43]
)
def test_a_verifier_of_another_form_never_verifies(verifier: bytes) -> None:
    assert not verified(challenge_of(verifier), Secret(verifier))
