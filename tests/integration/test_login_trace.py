"""A login that fails can be looked up by the number on the page, and one that works leads to its records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.peers import remit_process
from tests.peers.browser import Browser, Page
from tests.peers.person import RIGHT, Asking, agreed, begun, link_of, token, with_password, with_person
from tests.peers.remit_process import RemitProcess

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("people")) as running:
        yield running


def number_on(page: Page) -> str:
    found = re.search(r"req_[0-9A-Za-z]+", page.text)
    assert found is not None, page.text
    return found[0]


def traced(remit: RemitProcess, login: str) -> tuple[list[str], dict[str, Any]]:
    document = remit.cli("login", "trace", login)
    return [taken["step"] for taken in document["steps"]], document


def newest(remit: RemitProcess) -> str:
    login: str = remit.cli("login", "list")["logins"][0]["login"]
    return login


def events(remit: RemitProcess, login: str) -> list[str]:
    """What the ledger says of it; that somebody looked it up is on record too, and left out."""
    paths = sorted((remit.folder / "state" / "ledger").glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_text().splitlines() if f'"{login}"' in line]
    return [found[1] for line in lines if (found := re.search(r'"event": ?"([a-z]+)"', line))]


def test_a_login_that_works_is_told_from_the_request_to_the_refresh(remit: RemitProcess) -> None:
    asking, browser = Asking(remit), Browser(remit.url)
    page = begun(browser, asking.url)
    login = number_on(page)
    answer = browser.submit(
        page.form("/consent"), purpose="try it", ttl_s="3600", answer="yes", **{"scope-probe": "yes"}
    )
    code = answer.location.partition("code=")[2].partition("&")[0]
    got = token(remit, **asking.exchange(code)).json()
    again = token(remit, grant_type="refresh_token", client_id="desktop", refresh_token=got["refresh_token"]).json()
    steps, document = traced(remit, login)
    assert steps == ["begun", "sign_in_needed", "signed_in", "asked", "agreed", "exchanged", "refreshed"]
    assert (document["client"], document["account"]) == ("desktop", "engineer")
    assert events(remit, login) == ["given", "created"]
    told = json.dumps(document) + json.dumps(remit.cli("login", "list"))
    secrets = [
        code,
        asking.verifier,
        asking.state,
        got["access_token"],
        got["refresh_token"],
        again["access_token"],
        RIGHT,
    ]
    assert [secret for secret in secrets if secret in told] == []


def test_a_request_that_is_refused_shows_the_number_it_is_found_by(remit: RemitProcess) -> None:
    page = Browser(remit.url).get(Asking(remit, redirect_uri="https://evil.example/").url.removeprefix(remit.url))
    steps, document = traced(remit, number_on(page))
    assert (page.status, steps) == (400, ["begun", "refused"])
    assert "redirect_uri" in document["last"]["detail"]


def test_an_error_for_the_client_is_found_though_no_page_shows_it(remit: RemitProcess) -> None:
    Browser(remit.url).get(Asking(remit, code_challenge=None).url.removeprefix(remit.url))
    steps, document = traced(remit, newest(remit))
    assert steps == ["begun", "error_sent"]
    assert document["last"]["detail"].startswith("invalid_request: code_challenge is missing")


def test_a_password_that_is_wrong_shows_the_number_and_says_why(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    page = browser.get(browser.get(browser.get(Asking(remit).url.removeprefix(remit.url)).location).location)
    failed = browser.submit(page.form("/sign-in"), name="engineer", password="wrong")
    steps, document = traced(remit, number_on(failed))
    assert steps == ["begun", "sign_in_needed", "sign_in_failed"]
    assert document["account"] == ""


def test_a_verifier_that_does_not_fit_is_found_by_the_account(remit: RemitProcess) -> None:
    asking = Asking(remit)
    code = agreed(Browser(remit.url), asking.url, **{"scope-probe": "yes"})["code"]
    assert token(remit, **(asking.exchange(code) | {"code_verifier": "x" * 43})).status_code == 400
    (login, *_) = remit.cli("login", "list", "--user", "engineer", "--client", "desktop")["logins"]
    assert (login["last"]["step"], "RFC 7636" in login["last"]["detail"]) == ("exchange_refused", True)
    assert token(remit, **asking.exchange(code)).status_code == 200
    assert traced(remit, login["login"])[0][-1] == "exchanged"


def test_no_is_told_and_on_record(remit: RemitProcess) -> None:
    browser = Browser(remit.url)
    page = begun(browser, Asking(remit).url)
    login = number_on(page)
    browser.submit(page.form("/consent"), answer="no")
    assert traced(remit, login)[0][-1] == "declined"
    assert events(remit, login) == ["declined"]


def test_what_is_not_remembered_is_said_to_be_so(remit: RemitProcess) -> None:
    refused = remit.cli("login", "trace", "req_never", expect=2)
    assert "a restart forgets them" in refused["error"]["message"]


def test_after_a_crash_the_login_goes_on_under_its_number(tmp_path_factory: pytest.TempPathFactory) -> None:
    with with_person(tmp_path_factory.mktemp("crash")) as remit:
        asking, browser = Asking(remit), with_password(remit)
        page = begun(browser, asking.url)
        login = number_on(page)
        remit.kill()
        again = remit_process.start(remit.folder, remit.url)
        try:
            answer = browser.submit(
                page.form("/consent"), purpose="p", ttl_s="3600", answer="yes", **{"scope-probe": "yes"}
            )
            code = answer.location.partition("code=")[2].partition("&")[0]
            assert token(again, **asking.exchange(code)).status_code == 200
            assert traced(again, login)[0] == ["agreed", "exchanged"]
            assert events(again, login) == ["given", "created"]
        finally:
            remit_process.stop(again)


def test_a_link_for_a_password_is_no_login(remit: RemitProcess) -> None:
    assert "req_" not in Browser(remit.url).get(link_of(remit)).text
