"""A device without a browser, over HTTP with a real process: its person types the code, compares, answers; a crash at
every step; a link that somebody else sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.peers import remit_process
from tests.peers.browser import Browser, Page
from tests.peers.person import CLIENTS, POLICIES, RIGHT, SERVERS, listed, token, with_password
from tests.peers.remit_process import RemitProcess
from tests.peers.remit_process import remit_process as running_remit

TV = {"tv": {"tenant": "acme", "device": True}}
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
YES = {"purpose": "watch", "ttl_s": "3600", "answer": "yes", "scope-probe": "yes"}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with running_remit(tmp_path_factory.mktemp("devices"), SERVERS, POLICIES, clients=CLIENTS | TV) as running:
        with_password(running)
        yield running


def begun(remit: RemitProcess, **changes: str) -> httpx2.Response:
    form = {"client_id": "tv", "resource": f"{remit.url}/mcp/probe"} | changes
    return httpx2.post(f"{remit.url}/device_authorization", data=form, trust_env=False, timeout=30)


def polled(remit: RemitProcess, device: dict[str, Any]) -> dict[str, Any]:
    form = {"grant_type": DEVICE_CODE, "client_id": "tv", "device_code": device["device_code"]}
    answer: dict[str, Any] = token(remit, **form).json()
    return answer


def signed_in(remit: RemitProcess) -> Browser:
    browser = Browser(remit.url)
    page = browser.submit(browser.get("/sign-in").form("/sign-in"), name="engineer", password=RIGHT)
    assert page.location == "/account"
    return browser


def typed(browser: Browser, code: str) -> Page:
    return browser.submit(browser.get("/device").form("/device"), user_code=code)


def test_a_person_types_the_code_and_the_device_lists_tools(remit: RemitProcess) -> None:
    device = begun(remit).json()
    assert (device["verification_uri"], device["expires_in"], device["interval"]) == (f"{remit.url}/device", 600, 5)
    assert polled(remit, device)["error"] == "authorization_pending"
    browser = Browser(remit.url)
    assert browser.get("/device").location == "/sign-in?device=yes"
    page = browser.submit(browser.get("/sign-in?device=yes").form("/sign-in"), name="engineer", password=RIGHT)
    assert page.location == "/device"
    page = typed(browser, device["user_code"].lower().replace("-", " "))
    question = browser.get(page.location)
    assert "Whoever sent you that code" in question.text
    assert "tv" in question.text
    answer = browser.submit(question.form("/consent"), **YES)
    assert answer.location == "/device?answered=1"
    assert "The device knows" in browser.get(answer.location).text
    made = polled(remit, device)
    assert listed(remit, made["access_token"]) == 200
    form = {"grant_type": "refresh_token", "client_id": "tv", "refresh_token": made["refresh_token"]}
    assert token(remit, **form).status_code == 200
    assert "a device" in browser.get("/account").text
    assert polled(remit, device)["error"] == "invalid_grant"


def test_a_link_with_the_code_in_it_confirms_nothing_by_itself(remit: RemitProcess) -> None:
    device = begun(remit).json()
    link = device["verification_uri_complete"].removeprefix(remit.url)
    browser = Browser(remit.url)
    there = browser.get(link).location
    assert there == f"/sign-in?device={device['user_code']}"
    page = browser.submit(browser.get(there).form("/sign-in"), name="engineer", password=RIGHT)
    assert page.location == link
    page = browser.get(link)
    assert page.form("/device").fields["user_code"] == device["user_code"]
    assert "exactly the same code" in page.text
    assert polled(remit, device)["error"] == "authorization_pending"
    page = browser.submit(page.form("/device"))
    page = browser.submit(browser.get(page.location).form("/consent"), purpose="x", ttl_s="3600", answer="no")
    assert page.location == "/device?answered=1"
    assert polled(remit, device)["error"] == "access_denied"


def test_a_form_from_elsewhere_and_a_wrong_code_do_nothing(remit: RemitProcess) -> None:
    device, browser = begun(remit).json(), signed_in(remit)
    form = browser.get("/device").form("/device")
    assert (
        browser.post("/device", form.fields | {"user_code": device["user_code"]}, Origin="https://evil.example").status
        == 403
    )
    assert Browser(remit.url).submit(form, user_code=device["user_code"]).status == 403
    assert browser.post("/device", {"user_code": device["user_code"]}).status == 403
    page = typed(browser, "BBBB-BBBB")
    assert (page.status, "is not one that a device shows now" in page.text) == (400, True)
    page = typed(browser, '"><script>')
    assert (page.status, "<script>" in page.body) == (400, False)
    assert browser.get('/device?user_code="><script>').body.count("<script>") == 0
    assert polled(remit, device)["error"] == "authorization_pending"
    assert typed(browser, device["user_code"]).location.startswith("/consent?request=")


def test_the_question_stays_in_the_browser_it_was_asked_in(remit: RemitProcess) -> None:
    device, browser = begun(remit).json(), signed_in(remit)
    question = typed(browser, device["user_code"]).location
    assert signed_in(remit).get(question).status == 400
    assert browser.get(question).status == 200


def test_clients_that_are_not_for_devices_are_told_so(remit: RemitProcess) -> None:
    assert begun(remit, client_id="desktop").json()["error"] == "unauthorized_client"
    assert begun(remit, client_id="nobody").json()["error"] == "invalid_client"
    assert begun(remit, resource="https://elsewhere.example/mcp").json()["error"] == "invalid_target"
    assert httpx2.get(f"{remit.url}/device_authorization", trust_env=False).status_code == 405
    answer = begun(remit)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found = httpx2.get(f"{remit.url}/.well-known/oauth-authorization-server", trust_env=False).json()
    assert found["device_authorization_endpoint"] == f"{remit.url}/device_authorization"
    assert DEVICE_CODE in found["grant_types_supported"]


def test_a_login_survives_a_crash_at_every_step(tmp_path: Path) -> None:
    with running_remit(tmp_path, SERVERS, POLICIES, clients=CLIENTS | TV) as first:
        with_password(first)
        running, browser = first, signed_in(first)

        def crash() -> None:
            nonlocal running
            running.kill()
            running = remit_process.start(first.folder, first.url)

        try:
            device = begun(running).json()
            crash()
            page = typed(browser, device["user_code"])
            crash()
            page = browser.get(page.location)
            crash()
            answer = browser.submit(page.form("/consent"), **YES)
            assert urlsplit(answer.location).path == "/device"
            crash()
            made = polled(running, device)
            assert listed(running, made["access_token"]) == 200
            crash()
            assert polled(running, device)["error"] == "invalid_grant"
            assert listed(running, made["access_token"]) == 401  # the copy ended it
        finally:
            remit_process.stop(running)
