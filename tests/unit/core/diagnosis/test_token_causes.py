"""A token as it reads, and what the server says to it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from remit.core.diagnosis.causes import Difference, Verdict
from remit.core.diagnosis.evidence import Token
from remit.core.diagnosis.token_causes import audiences, read_token, scopes
from remit.core.secret import Secret
from tests.scenes.diagnosis import (
    ISSUER,
    NOW_S,
    URL,
    answered,
    judged,
    likely,
    possible,
    refused,
    server,
    token,
    verdict,
    with_,
)

REFUSED = (refused("discover", 'Bearer error="invalid_token", error_description="no"'),)
UNREAD = ["id_token", "token_audience", "token_issuer", "token_time"]


def test_a_token_is_read_and_not_verified() -> None:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"typ": "at+jwt"}, {"aud": "x"})]
    assert read_token(Secret(b".".join([*parts, b"no signature"]))) == Token({"aud": "x"}, "at+jwt")


@pytest.mark.parametrize("text", [b"opaque", b"a.b", b"a.b.c.d", b"!.!.!", b"e30.W10.x"])
def test_what_is_no_jwt_is_opaque(text: bytes) -> None:
    assert read_token(Secret(text)).claims is None


@pytest.mark.parametrize("given", [None, Token(None)])
def test_no_token_and_an_opaque_one_are_untested(given: Token | None) -> None:
    assert {verdict(id, with_(token=given)) for id in UNREAD} == {Verdict.UNTESTED}


@pytest.mark.parametrize("aud", [f"{URL}/", "https://login.example", "8d1c2a3e-client-guid", ["a", "b"], None])
def test_another_audience_is_likely_with_both_strings(aud: Any) -> None:
    evidence = with_(token=token(aud=aud), calls=REFUSED)
    assert likely(evidence) == ["token_audience", "token_refused"]
    (difference,) = judged("token_audience", evidence).differences
    assert (difference.what, difference.expected) == ("aud", URL)


def test_one_audience_of_several_is_enough() -> None:
    assert verdict("token_audience", with_(token=token(aud=["x", URL]))) is Verdict.RULED_OUT


def test_a_server_that_takes_a_token_for_another_is_told() -> None:
    assert possible(with_(token=token(aud="https://other.example"))) == ["token_audience"]


def test_another_issuer_is_likely_when_it_is_refused_and_possible_when_not() -> None:
    sick = token(iss=f"{ISSUER}/")
    assert judged("token_issuer", with_(token=sick, calls=REFUSED)).differences == (
        Difference("iss", ISSUER, f"{ISSUER}/"),
    )
    assert likely(with_(token=sick, calls=REFUSED)) == ["token_issuer", "token_refused"]
    assert possible(with_(token=sick)) == ["token_issuer"]


def test_a_token_of_the_issuer_that_was_looked_for_is_not_accused_for_the_metadata() -> None:
    assert likely(with_(servers=server(issuer=f"{ISSUER}/"), authorize=())) == ["issuer_mismatch"]


@pytest.mark.parametrize(("skew_s", "good"), [(0.0, True), (601.0, False), (-11.0, False)])
def test_a_token_is_timed_by_the_server_s_clock(skew_s: float, good: bool) -> None:
    found = verdict("token_time", with_(skew_s=skew_s))
    assert found is (Verdict.RULED_OUT if good else Verdict.LIKELY)


@pytest.mark.parametrize("value", [None, "soon", float("nan"), 1e300, [1]])
def test_an_end_that_is_none_ends_nothing(value: Any) -> None:
    assert verdict("token_time", with_(token=token(exp=value, nbf=value))) is Verdict.RULED_OUT


def test_clocks_apart_are_possible_and_unknown_ones_untested() -> None:
    assert possible(with_(skew_s=90.0)) == ["clock_skew"]
    assert "ahead" in judged("clock_skew", with_(skew_s=90.0)).said
    assert verdict("clock_skew", with_(skew_s=59.0)) is Verdict.RULED_OUT
    assert verdict("clock_skew", with_(skew_s=None)) is Verdict.UNTESTED


@pytest.mark.parametrize("claim", ["nonce", "at_hash"])
def test_an_id_token_is_recognised(claim: str) -> None:
    assert likely(with_(token=token(**{claim: "x"}))) == ["id_token"]


def test_a_missing_scope_is_told_with_both() -> None:
    challenge = 'Bearer error="insufficient_scope", scope="look touch"'
    evidence = with_(calls=(refused("discover", challenge, 403),))
    assert judged("scope_insufficient", evidence).differences == (Difference("scope", "look touch", "look"),)
    assert likely(evidence) == ["scope_insufficient", "token_refused"]
    plain = with_(calls=(refused("discover", None, 403),))
    assert likely(plain) == ["token_refused"]


def test_what_the_refusal_says_is_told() -> None:
    assert judged("token_refused", with_(calls=REFUSED)).said == "discover 401 with the token: invalid_token: no"


def test_an_empty_list_of_tools_is_likely_after_a_login_that_works() -> None:
    assert likely(with_(calls=(answered("discover"), answered("tools/list", {"tools": []})))) == ["no_tools"]


def test_claims_are_read_in_the_spellings_there_are() -> None:
    assert audiences(Token({"aud": ["a", 1]})) == ("a",)
    assert scopes(Token({"scp": ["a", "b"]})) == scopes(Token({"scp": "a b"})) == scopes(Token({"scope": "a b"}))
    assert scopes(token(exp=NOW_S)) == ("look",)
