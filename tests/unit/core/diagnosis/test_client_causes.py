"""Registration, and what the authorization endpoint answers."""

from __future__ import annotations

import pytest

from remit.core.diagnosis.causes import Difference, Verdict
from remit.core.diagnosis.client_causes import PAGE_CHARS_MAX, Answer, answer_of, page_text
from remit.core.diagnosis.evidence import Evidence
from tests.scenes.diagnosis import (
    ELSEWHERE,
    ISSUER,
    REDIRECT,
    URL,
    authorized,
    judged,
    likely,
    possible,
    said,
    server,
    verdict,
    with_,
)

ENDPOINT = f"{ISSUER}/authorize"
PAGE = said("authorize", ENDPOINT, 400, b"<h1>No</h1>", content_type="text/html")
LOGIN = said("authorize", ENDPOINT, 200, b"<h1>Sign in</h1>", content_type="text/html")


def answering(*heard: object, **changed: object) -> Evidence:
    return with_(authorize=heard, **changed)


def test_a_server_that_registers_nobody_is_possible_until_there_is_a_client_id() -> None:
    closed = server(client_id_metadata_document_supported=None)
    assert verdict("no_registration", with_(servers=closed, client_id="")) is Verdict.POSSIBLE
    assert verdict("no_registration", with_(servers=closed)) is Verdict.RULED_OUT


@pytest.mark.parametrize("way", [{}, {"registration_endpoint": f"{ISSUER}/register"}])
def test_either_way_of_registering_rules_it_out(way: dict[str, str]) -> None:
    offered = server(client_id_metadata_document_supported=None if way else True, **way)
    assert verdict("no_registration", with_(servers=offered, client_id="")) is Verdict.RULED_OUT


def test_a_client_id_that_is_a_document_needs_a_server_that_reads_documents() -> None:
    url = "https://client.example/metadata.json"
    closed = with_(servers=server(client_id_metadata_document_supported=False), client_id=url)
    assert verdict("no_registration", closed) is Verdict.LIKELY
    assert verdict("no_registration", with_(client_id=url)) is Verdict.RULED_OUT


@pytest.mark.parametrize("methods", [None, ["client_secret_basic"]])
def test_a_server_for_clients_with_secrets_only_is_possible(methods: list[str] | None) -> None:
    assert possible(with_(servers=server(token_endpoint_auth_methods_supported=methods))) == ["public_clients"]
    both = server(token_endpoint_auth_methods_supported=["client_secret_basic", "none"])
    assert possible(with_(servers=both)) == []


def test_a_server_that_takes_pushed_requests_only_is_possible() -> None:
    assert possible(with_(servers=server(require_pushed_authorization_requests=True))) == ["pushed_only"]
    assert possible(with_(servers=server(require_pushed_authorization_requests=False))) == []


def test_a_refused_client_is_likely_with_what_was_asked() -> None:
    evidence = answering(PAGE)
    assert likely(evidence) == ["client_refused"]
    assert (
        judged("client_refused", evidence).said
        == f"HTTP 400: No, asked with client_id desktop, redirect_uri {REDIRECT}"
    )


@pytest.mark.parametrize("heard", [LOGIN, authorized(), authorized(to=f"{REDIRECT}?error=login_required&iss={ISSUER}")])
def test_a_login_page_and_an_error_that_a_person_has_to_answer_are_good(heard: object) -> None:
    assert likely(answering(heard)) == []


def test_no_client_id_leaves_it_untested_and_says_what_to_give() -> None:
    cause = judged("client_refused", with_(client_id="", authorize=()))
    assert (cause.verdict, "--client-id" in cause.next) == (Verdict.UNTESTED, True)


@pytest.mark.parametrize(
    ("heard", "error"),
    [
        (authorized(to=f"{REDIRECT}?error=invalid_target&iss={ISSUER}"), "invalid_target"),
        (said("authorize", ENDPOINT, 200, b"<p>AADSTS9010010: The resource parameter"), "AADSTS9010010"),
        (said("authorize", ENDPOINT, 400, {"error": "invalid_target", "error_description": "no"}), "invalid_target"),
    ],
)
def test_a_refused_resource_is_told_apart_from_a_refused_client(heard: object, error: str) -> None:
    evidence = answering(heard)
    assert likely(evidence) == ["resource_refused"]
    assert error in judged("resource_refused", evidence).said
    assert judged("resource_refused", evidence).differences == (Difference("resource", "", URL),)


def test_a_refused_scope_is_told_with_the_scope() -> None:
    evidence = answering(authorized(to=f"{REDIRECT}?error=invalid_scope&iss={ISSUER}"))
    assert likely(evidence) == ["scope_refused"]
    assert judged("scope_refused", evidence).differences == (Difference("scope", "", "look"),)


def test_one_loopback_port_only_is_likely_with_both_addresses() -> None:
    evidence = answering(LOGIN, PAGE)
    assert judged("loopback_port", evidence).differences == (Difference("redirect_uri", REDIRECT, ELSEWHERE),)
    assert likely(evidence) == ["loopback_port"]
    assert likely(answering(LOGIN, LOGIN)) == []


def test_a_client_refused_at_both_ports_is_not_a_matter_of_the_port() -> None:
    assert likely(answering(PAGE, PAGE)) == ["client_refused"]


@pytest.mark.parametrize("iss", ["", "&iss=", f"&iss={ISSUER}/", "&iss=https://other.example"])
def test_an_answer_with_another_iss_or_none_that_was_promised_is_likely(iss: str) -> None:
    evidence = answering(authorized(to=f"{REDIRECT}?error=login_required{iss}"))
    assert likely(evidence) == ["iss_wrong"]


def test_without_a_promise_no_iss_is_missed() -> None:
    silent = server(authorization_response_iss_parameter_supported=None)
    evidence = answering(authorized(to=f"{REDIRECT}?error=login_required"), servers=silent)
    assert likely(evidence) == []


def test_an_error_in_the_fragment_is_found() -> None:
    assert answer_of(authorized(to=f"{REDIRECT}#error=x&error_description=y"), REDIRECT) == Answer(
        "x", "y", returned=True
    )


def test_the_first_of_two_errors_counts() -> None:
    assert answer_of(authorized(to=f"{REDIRECT}?error=a&error=b"), REDIRECT).error == "a"


def test_a_page_is_read_as_a_person_reads_it() -> None:
    page = b"<head><title>t</title></head><script>var secret</script><p>Bad&nbsp;<b>client</b><input value='hidden'>"
    assert page_text(page) == "Bad client"
    assert len(page_text(b"word " * 1000)) == PAGE_CHARS_MAX
