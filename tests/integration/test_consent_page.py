"""The page that asks a person whether a client may act for them, and the requests that never get as far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.peers.browser import Browser
from tests.peers.person import (
    CALLBACK,
    RIGHT,
    Asking,
    agreed,
    begun,
    token,
    with_person,
)
from tests.peers.remit_process import RemitProcess


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("people")) as running:
        yield running


# what is shown and never redirected, what is answered ----------------------------------------------------------------
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": "editor"},
        {"redirect_uri": None},
        {"redirect_uri": "http://127.0.0.1:39481/other"},
        {"redirect_uri": "http://127.0.0.1@evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1.evil.example/callback"},
        {"redirect_uri": "https://127.0.0.1/callback"},
        {"redirect_uri": "http://127.0.0.1:39481/callback#x"},
        {"redirect_uri": "http://127.0.0.1:39481/callback/"},
    ],
)
def test_where_the_answer_may_not_go_it_does_not(remit: RemitProcess, changes: dict[str, str | None]) -> None:
    answer = Browser(remit.url).get(Asking(remit, **changes).url.removeprefix(remit.url))
    assert (answer.status, answer.location) == (400, "")
    assert "evil.example/callback" not in answer.body


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "Not A Scope"}, "invalid_scope"),
        ({"authorization_details": "[{}]"}, "invalid_authorization_details"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_wrong_request_is_answered_to_the_client_with_state_and_issuer(
    remit: RemitProcess, changes: dict[str, str | None], error: str
) -> None:
    asking, browser = Asking(remit, **changes), Browser(remit.url)
    answer = browser.get(asking.url.removeprefix(remit.url))
    if answer.location.startswith("/consent"):
        answer = browser.get(answer.location)
    found = {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}
    assert answer.location.startswith(f"{CALLBACK}?")
    assert (found["error"], found["state"], found["iss"]) == (error, asking.state, remit.url)


def test_no_is_an_answer_too(remit: RemitProcess) -> None:
    asking = Asking(remit, client_id="web", redirect_uri="https://web.example/cb?from=remit")
    answer = agreed(Browser(remit.url), asking.url, answer="no")
    assert (answer["error"], answer["from"], answer["state"]) == ("access_denied", "remit", asking.state)


# the question --------------------------------------------------------------------------------------------------------
def test_the_question_says_who_asks_for_what_and_where_the_answer_goes(remit: RemitProcess) -> None:
    page = begun(Browser(remit.url), Asking(remit).url)
    for said in ("May desktop act for you?", "127.0.0.1", "on your own device", "not verified", "probe", "engineer"):
        assert said in page.text
    assert "form-action 'self' http://127.0.0.1:39481" in page.headers["content-security-policy"]


def test_nothing_is_granted_that_was_not_asked_for_or_not_ticked(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    page = begun(browser, Asking(remit, scope="probe:describe_process").url)
    form = page.form("/consent")
    assert [name for name in form.fields if name.startswith("scope-")] == ["scope-probe:describe_process"]
    fields = {name: value for name, value in form.fields.items() if not name.startswith("scope-")}
    typed = {"purpose": "try it", "ttl_s": "3600", "answer": "yes"}
    for more in ({}, {"scope-probe": "yes"}, {"scope-other": "yes"}):
        refused = browser.post("/consent", fields | typed | more)
        assert (refused.status, refused.location) == (400, "")
    assert browser.post("/consent", fields | typed | {"scope-probe:describe_process": "yes"}).status == 303
    assert (
        browser.post("/consent", fields | typed | {"scope-probe:describe_process": "yes"}).status == 400
    )  # answered already


def test_a_request_is_answered_in_the_browser_it_was_begun_in(remit: RemitProcess) -> None:
    mine, theirs = Browser(remit.url), Browser(remit.url)
    begun(theirs, Asking(remit).url)
    page = mine.get(Asking(remit).url.removeprefix(remit.url))
    assert theirs.get(page.location).status == 400
    assert Browser(remit.url).get(page.location).status == 400
    assert mine.get(page.location).location.startswith("/sign-in?request=")


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}])
def test_a_client_may_ask_that_the_person_signs_in_again(remit: RemitProcess, changes: dict[str, Any]) -> None:
    browser = Browser(remit.url)
    begun(browser, Asking(remit).url)
    page = browser.get(Asking(remit, **changes).url.removeprefix(remit.url))
    assert browser.get(page.location).location.startswith("/sign-in?request=")
    page = browser.get(Asking(remit).url.removeprefix(remit.url))
    assert browser.get(page.location).status == 200


def test_no_longer_time_is_offered_than_was_asked_for(remit: RemitProcess) -> None:
    details = [{"type": "mcp_tool", "locations": [f"{remit.url}/mcp/probe"], "ttl_s": 600}]
    asking, browser = Asking(remit, authorization_details=json.dumps(details)), Browser(remit.url)
    page = begun(browser, asking.url)
    assert "10 min" in page.text
    assert "hour" not in page.text
    form, typed = page.form("/consent"), {"purpose": "try it", "answer": "yes", "scope-probe": "yes"}
    for longer in ("3600", "601", "-1", "x", ""):
        assert browser.submit(form, **typed, ttl_s=longer).status == 400
    assert browser.submit(form, **typed, ttl_s="600").status == 303


def test_who_signs_in_with_a_request_that_is_over_is_told_why_and_is_signed_in(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    form = browser.get("/sign-in?request=made-up").form("/sign-in")
    answer = browser.submit(form, name="engineer", password=RIGHT)
    assert (answer.status, "Signed in, and no more" in answer.text, answer.location) == (400, True, "")
    assert browser.get("/account").status == 200


def test_a_client_may_ask_for_many_tools_and_each_can_be_ticked(remit: RemitProcess) -> None:
    names = [f"probe:tool_{number}" for number in range(60)]
    asking = Asking(remit, scope=" ".join(names))
    code = agreed(Browser(remit.url), asking.url, **{f"scope-{name}": "yes" for name in names})["code"]
    made = token(remit, **asking.exchange(code)).json()
    assert sorted(made["scope"].split(" ")) == sorted(names)
