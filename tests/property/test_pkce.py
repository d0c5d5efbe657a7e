"""Only the verifier a challenge was made from verifies, and every challenge has one spelling."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from string import ascii_letters, digits

from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import Invalid
from remit.core.pkce import CodeChallenge, verified
from remit.core.secret import Secret

BASE64URL = ascii_letters + digits + "_-"
VERIFIERS = st.text(BASE64URL + ".~", min_size=43, max_size=128).map(str.encode)


def challenge_text(verifier: bytes) -> str:
    return urlsafe_b64encode(sha256(verifier).digest()).rstrip(b"=").decode()


@given(VERIFIERS, VERIFIERS | st.binary(max_size=140))
def test_only_its_own_verifier_verifies(verifier: bytes, other: bytes) -> None:
    challenge = CodeChallenge.parse(challenge_text(verifier), "S256")
    assert verified(challenge, Secret(verifier))
    assert verified(challenge, Secret(other)) == (other == verifier)


@given(st.text(BASE64URL, min_size=42, max_size=44) | st.text(BASE64URL + "+/=é\n") | VERIFIERS.map(challenge_text))
def test_only_the_spelling_of_a_digest_is_a_challenge(text: str) -> None:
    try:
        challenge = CodeChallenge.parse(text, "S256")
    except Invalid:
        canonical = False
    else:
        canonical = challenge.digest == text
    try:
        digest = urlsafe_b64decode(text + "=")
        spelt = len(digest) == 32 and urlsafe_b64encode(digest).decode() == text + "="
    except ValueError:
        spelt = False
    assert canonical == spelt
