"""PAR over HTTP with a real process: the request goes in by the back, a browser brings the reference, a crash loses
nothing, and a reference in the wrong hands is worth nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx2
import pytest

from tests.peers import remit_process
from tests.peers.browser import Browser
from tests.peers.person import CLIENTS, POLICIES, RIGHT, SERVERS, Asking, listed, logged_in, token, with_password
from tests.peers.remit_process import RemitProcess
from tests.peers.remit_process import remit_process as running_remit

SECRET = secrets.token_urlsafe(24)
WEB_CALLBACK = "https://web.example/cb?from=remit"


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("par")
    (folder / "secret").write_text(SECRET)
    web = {"tenant": "acme", "auth": "client_secret_basic", "secret": "${file:secret}", "require_par": True}
    clients = CLIENTS | {"web": web | {"redirect_uris": [WEB_CALLBACK]}}
    with running_remit(folder, SERVERS, POLICIES, clients=clients) as running:
        with_password(running)
        yield running


def pushed(remit: RemitProcess, form: dict[str, str], *, basic: tuple[str, str] | None = None) -> httpx2.Response:
    return httpx2.post(f"{remit.url}/par", data=form, auth=basic, trust_env=False, timeout=30)


def reference(answer: httpx2.Response, **more: str) -> str:
    """The path a client sends the browser to."""
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (sorted(body), body["expires_in"]) == (["expires_in", "request_uri"], 60)
    assert answer.headers["cache-control"] == "no-store"
    return f"/authorize?{urlencode({'client_id': 'desktop', 'request_uri': body['request_uri']} | more)}"


def test_a_pushed_request_is_finished_and_what_the_browser_adds_is_not_read(remit: RemitProcess) -> None:
    asking, browser = Asking(remit), Browser(remit.url)
    path = reference(pushed(remit, asking.asked), state="another", redirect_uri="https://evil.example/cb", scope="*")
    page = browser.get(browser.submit(browser.get(browser.get(browser.get(path).location).location).form("/sign-in"),
                                      name="engineer", password=RIGHT).location)  # fmt: skip
    assert browser.get(path).status == 400  # used
    answer = browser.submit(page.form("/consent"), **{"purpose": "p", "ttl_s": "3600", "answer": "yes",
                                                      "scope-probe": "yes"})  # fmt: skip
    found = parse_qs(urlsplit(answer.location).query)
    assert (found["state"], answer.location.startswith(asking.asked["redirect_uri"])) == ([asking.state], True)
    made = token(remit, **asking.exchange(found["code"][0])).json()
    assert listed(remit, made["access_token"]) == 200


def test_another_browser_has_no_use_of_a_reference_that_one_has_brought(remit: RemitProcess) -> None:
    asking, browser = Asking(remit), Browser(remit.url)
    path = reference(pushed(remit, asking.asked))
    question = browser.get(path).location
    other = Browser(remit.url)
    page = other.get(path)
    assert (page.status, page.location) == (400, "")
    assert "begin again" in page.text
    assert browser.get(question).location.startswith("/sign-in")  # the person who reloads goes on
    assert browser.get(question).location.startswith("/sign-in")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "web"}, 400),
        ({"client_id": "nobody"}, 400),
        ({"request": "e30.e30."}, 400),
        ({"request_uri": "https://desktop.example/request.jwt"}, 400),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:" + "0" * 64}, 400),
        ({}, 303),
    ],
)
def test_a_reference_that_is_not_the_client_s_goes_nowhere(
    remit: RemitProcess, changes: dict[str, str], status: int
) -> None:
    page = Browser(remit.url).get(reference(pushed(remit, Asking(remit).asked), **changes))
    assert (page.status, page.location.startswith("/consent")) == (status, status == 303)


def test_a_client_that_has_to_push_is_sent_back_when_it_does_not(remit: RemitProcess) -> None:
    asking = Asking(remit, client_id="web", redirect_uri=WEB_CALLBACK)
    answer = Browser(remit.url).get(asking.url.removeprefix(remit.url))
    assert (answer.status, "error=invalid_request" in answer.location) == (303, True)
    assert answer.location.startswith(f"{WEB_CALLBACK}&")
    assert pushed(remit, asking.asked).json()["error"] == "invalid_client"
    path = reference(pushed(remit, asking.asked, basic=("web", SECRET)), client_id="web")
    assert Browser(remit.url).get(path).location.startswith("/consent")


def test_pushing_needs_a_whole_request_and_the_right_way(remit: RemitProcess) -> None:
    asked = Asking(remit).asked
    for without in ("redirect_uri", "response_type", "code_challenge", "resource"):
        answer = pushed(remit, {name: value for name, value in asked.items() if name != without})
        assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert httpx2.get(f"{remit.url}/par", trust_env=False, timeout=30).status_code == 405
    assert pushed(remit, asked | {"request_uri": "urn:ietf:params:oauth:request_uri:x"}).json() == {
        "error": "invalid_request",
        "error_description": "request_uri: push the request itself, not a reference to one",
    }
    assert pushed(remit, asked).status_code == 201


def test_the_metadata_names_the_endpoint(remit: RemitProcess) -> None:
    found = httpx2.get(f"{remit.url}/.well-known/oauth-authorization-server", trust_env=False, timeout=30).json()
    assert found["pushed_authorization_request_endpoint"] == f"{remit.url}/par"
    assert found["require_pushed_authorization_requests"] is False


def test_a_pushed_request_survives_a_crash_and_a_used_one_stays_used(tmp_path: Path) -> None:
    with running_remit(tmp_path, SERVERS, POLICIES, clients=CLIENTS) as first:
        with_password(first)
        asking, browser = Asking(first), Browser(first.url)
        path = reference(pushed(first, asking.asked))
        first.kill()
        second = remit_process.start(first.folder, first.url)
        try:
            question = browser.get(path).location
            second.kill()
            second = remit_process.start(first.folder, first.url)
            assert Browser(second.url).get(path).status == 400
            assert browser.get(question).location == f"/sign-in?request={quote(question.partition('=')[2])}"
            _, code = logged_in(second)
            assert code
        finally:
            remit_process.stop(second)
