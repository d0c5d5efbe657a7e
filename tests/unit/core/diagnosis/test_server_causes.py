"""The authorization server's metadata, one member wrong at a time."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.diagnosis.causes import Verdict
from tests.scenes.diagnosis import ISSUER, ORIGIN, judged, likely, possible, resource, said, server, verdict, with_

NOWHERE = (said("oauth", f"{ISSUER}/a", 404), said("openid", f"{ISSUER}/b", 404))


def test_a_server_without_metadata_is_likely() -> None:
    evidence = with_(servers=NOWHERE, authorize=(), client_id="", token=None, calls=())
    assert likely(evidence) == ["server_metadata_missing"]
    assert "oauth 404, openid 404" in judged("server_metadata_missing", evidence).said


def test_of_a_server_that_was_only_guessed_nothing_is_missing() -> None:
    evidence = with_(resource=(said("root", ORIGIN, 404),), issuer=ORIGIN, servers=NOWHERE)
    assert verdict("server_metadata_missing", evidence) is Verdict.UNTESTED


@pytest.mark.parametrize("found", [f"{ISSUER}/", "https://LOGIN.example", "http://login.example", ""])
def test_another_issuer_is_likely_with_the_character_that_differs(found: str) -> None:
    cause = judged("issuer_mismatch", with_(servers=server(issuer=found)))
    assert cause.verdict is Verdict.LIKELY
    assert [(each.expected, each.found) for each in cause.differences] == [(ISSUER, found)]


@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256", ["s256"]])
def test_without_s256_clients_must_refuse(methods: Any) -> None:
    assert likely(with_(servers=server(code_challenge_methods_supported=methods))) == ["pkce_unadvertised"]
    both = with_(servers=server(code_challenge_methods_supported=["plain", "S256"]))
    assert verdict("pkce_unadvertised", both) is Verdict.RULED_OUT


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "response_types_supported"])
def test_a_required_member_that_is_missing_is_named(member: str) -> None:
    cause = judged("server_incomplete", with_(servers=server(**{member: None})))
    assert (cause.verdict, member in cause.said) == (Verdict.LIKELY, True)


def test_a_server_without_the_code_flow_is_likely() -> None:
    assert likely(with_(servers=server(response_types_supported=["token"]))) == ["server_incomplete"]
    more = with_(servers=server(response_types_supported=["code", "token"]))
    assert verdict("server_incomplete", more) is Verdict.RULED_OUT


def test_metadata_only_in_the_openid_form_is_possible() -> None:
    good = server()[0]
    openid = said("openid", good.url, 200, dict(good.document or {}))
    assert possible(with_(servers=(NOWHERE[0], openid))) == ["server_form"]


@pytest.mark.parametrize("issuer", [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}?tenant=a", f"{ISSUER}#a"])
def test_what_has_not_the_form_of_an_issuer_is_told(issuer: str) -> None:
    assert "issuer_form" in likely(with_(issuer=issuer))
    assert verdict("issuer_form", with_(issuer=f"{ISSUER}/tenant")) is Verdict.RULED_OUT


def test_a_server_that_does_not_refresh_is_possible_and_one_that_does_not_say_is_not() -> None:
    assert possible(with_(servers=server(grant_types_supported=["authorization_code"]))) == ["no_refresh"]
    assert possible(with_(servers=server(grant_types_supported=None))) == []


def test_a_scope_the_server_does_not_list_is_possible() -> None:
    evidence = with_(servers=server(scopes_supported=["see"]))
    assert [each.found for each in judged("scope_unknown", evidence).differences] == ["look"]
    assert possible(evidence) == ["scope_unknown"]
    assert possible(with_(servers=server(scopes_supported=["see", "look"]))) == []


def test_without_a_scope_in_the_challenge_the_metadata_s_scopes_are_asked_for() -> None:
    evidence = with_(asked=(), resource=resource(scopes_supported=["a", "b"]))
    assert evidence.scopes_asked == ("a", "b")
