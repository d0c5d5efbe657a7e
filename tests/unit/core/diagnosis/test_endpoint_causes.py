"""What the endpoint answers without a token. The twin of each is the healthy server, of which `test_table` says that
nothing is accused, and beside some a near one."""

from __future__ import annotations

import pytest

from remit.core.diagnosis.causes import Difference, Verdict
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, Silence
from tests.scenes.diagnosis import URL, answered, judged, likely, possible, refused, resource, said, verdict, with_


def alone(*asked: Heard) -> Evidence:
    return Evidence(URL, asked)


@pytest.mark.parametrize("silence", [Silence.NAME, Silence.CONNECTION, Silence.TLS, Silence.TIME, Silence.PROTOCOL])
def test_silence_is_told_with_its_own_next_step(silence: Silence) -> None:
    cause = judged("unreachable", alone(Heard("discover", URL, silence=silence, said="why")))
    assert (cause.verdict, cause.said) == (Verdict.LIKELY, f"{silence}: why")
    assert cause.next


def test_an_endpoint_that_redirects_is_told_with_both_addresses() -> None:
    evidence = alone(said("discover", URL, 308, location=f"{URL}/?s=1"), said("initialize", URL, 308))
    assert judged("endpoint_redirects", evidence).differences == (Difference("endpoint", URL, f"{URL}/?…"),)
    assert likely(evidence) == ["endpoint_redirects"]


def test_a_missing_path_is_not_the_endpoint() -> None:
    assert likely(alone(said("discover", URL, 404), said("initialize", URL, 405))) == ["not_mcp"]


def test_a_missing_path_for_one_opening_only_is_a_server_of_one_era() -> None:
    evidence = with_(asked=(said("discover", URL, 404), refused("initialize")))
    assert verdict("not_mcp", evidence) is Verdict.RULED_OUT
    assert likely(evidence) == []


def test_a_web_page_is_not_the_endpoint() -> None:
    page = said("discover", URL, 200, b"<html>", content_type="text/html")
    assert "text/html" in judged("not_mcp", alone(page, page)).said
    assert likely(alone(page, page)) == ["not_mcp"]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_fails_is_an_outage_and_no_refusal(status: int) -> None:
    assert likely(alone(said("discover", URL, status), said("initialize", URL, status))) == ["server_broken"]


def test_a_server_that_fails_at_the_opening_of_the_other_era_is_no_outage() -> None:
    assert likely(with_(asked=(said("discover", URL, 500), refused("initialize")))) == []


def test_a_server_that_fails_once_it_has_a_token_is_an_outage() -> None:
    assert "server_broken" in likely(with_(calls=(said("discover", URL, 502), said("initialize", URL, 502))))


def test_too_many_requests_are_told_apart() -> None:
    assert "429" in judged("server_broken", alone(said("discover", URL, 429))).said


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_that_is_no_401_starts_no_login(status: int) -> None:
    evidence = alone(refused("discover", None, status), refused("initialize", None, status))
    assert judged("no_401", evidence).differences == (Difference("status", "401", str(status)),)
    assert likely(evidence) == ["no_401"]


def test_an_error_under_200_starts_no_login() -> None:
    wrong = said("discover", URL, 200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32001, "message": "no"}})
    assert likely(alone(wrong, wrong)) == ["no_401"]


def test_a_server_that_asks_for_no_login_is_told_and_accused_of_nothing() -> None:
    evidence = alone(answered("discover"), answered("initialize"))
    assert (likely(evidence), possible(evidence)) == ([], ["no_login"])


def test_one_opening_without_a_login_and_one_with_is_told() -> None:
    evidence = with_(asked=(refused("discover"), answered("initialize")))
    assert "one of the two" in judged("no_login", evidence).said


@pytest.mark.parametrize("challenge", [None, "Basic realm=x", "Bearer", "Bearer resource_metadata=https://x/y"])
def test_a_401_that_leads_nowhere_is_likely_without_metadata_and_possible_with_it(challenge: str | None) -> None:
    asked = (refused("discover", challenge), refused("initialize", challenge))
    nowhere = (said("root", URL, 404),)
    assert verdict("challenge", with_(asked=asked, resource=nowhere)) is Verdict.LIKELY
    assert verdict("challenge", with_(asked=asked, resource=resource())) is Verdict.POSSIBLE
    assert verdict("challenge", with_(resource=resource())) is Verdict.RULED_OUT


def test_of_two_refusals_the_one_that_says_more_counts() -> None:
    evidence = with_(asked=(refused("discover", None), refused("initialize")))
    assert verdict("challenge", evidence) is Verdict.RULED_OUT
