"""A client nobody here wrote logs in by itself: the official SDK's OAuth client, a browser, a person, and a call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.peers import remit_process
from tests.peers.browser import Browser, Form, Page
from tests.peers.person import (
    CALLBACK,
    RIGHT,
    Asking,
    agreed,
    listed,
    logged_in,
    token,
    with_person,
)
from tests.peers.remit_process import RemitProcess


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("people")) as running:
        yield running


class Kept:
    """What an SDK client keeps between runs: it is registered already."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.info = OAuthClientInformationFull(
            client_id="desktop", redirect_uris=[AnyUrl(CALLBACK)], token_endpoint_auth_method="none"
        )

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("it is registered already")


# the whole way ----------------------------------------------------------------------------------------------------
async def test_an_unmodified_client_logs_in_by_itself_calls_and_refreshes(remit: RemitProcess) -> None:
    browser, kept, came_back = Browser(remit.url), Kept(), dict[str, str]()

    async def redirected(url: str) -> None:
        came_back.update(agreed(browser, url, **{"scope-probe": "yes"}))

    async def called_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=came_back["code"], state=came_back["state"], iss=came_back["iss"])

    url = f"{remit.url}/mcp/probe"
    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)], token_endpoint_auth_method="none")
    auth = OAuthClientProvider(url, metadata, kept, redirected, called_back)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=30) as client,
    ):
        tools = (await client.list_tools()).tools
        assert tools
    assert kept.tokens is not None
    assert kept.tokens.refresh_token
    first = kept.tokens
    answer = token(remit, grant_type="refresh_token", refresh_token=first.refresh_token or "", client_id="desktop")
    assert answer.status_code == 200
    assert answer.json()["access_token"] != first.access_token
    (grant,) = (found for found in remit.cli("grant", "list")["grants"] if found["client"] == "desktop")
    assert (grant["subject"], grant["purpose"], grant["scopes"]) == ("engineer", "try it", ["probe"])
    assert "desktop" in browser.get("/account").text


# the same by hand, to bend it ---------------------------------------------------------------------------------------
def test_a_code_is_good_once_and_its_copy_ends_what_was_granted(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    first = token(remit, **asking.exchange(code))
    assert (first.status_code, first.json()["token_type"], first.json()["scope"]) == (200, "Bearer", "probe")
    assert first.json()["authorization_details"][0]["type"] == "mcp_tool"
    assert listed(remit, first.json()["access_token"]) == 200
    again = token(remit, **asking.exchange(code))
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert listed(remit, first.json()["access_token"]) == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:39482/callback"}, "invalid_grant"),
        ({"resource": "{url}/mcp"}, "invalid_target"),
        ({"code": "0" * 64}, "invalid_grant"),
        ({"client_id": "web"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
    ],
)
def test_a_code_is_exchanged_only_by_who_asked_for_it_and_the_mistake_does_not_burn_it(
    remit: RemitProcess, changes: dict[str, str], error: str
) -> None:
    asking, code = logged_in(remit)
    bent = asking.exchange(code) | {name: value.format(url=remit.url) for name, value in changes.items()}
    answer = token(remit, **bent)
    assert (answer.status_code in (400, 401), answer.json()["error"]) == (True, error)
    assert token(remit, **asking.exchange(code)).status_code == 200


def test_refresh_tokens_rotate_and_an_old_one_ends_the_grant(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    made = token(remit, **asking.exchange(code)).json()

    def refreshed(refresh: str, **changes: str) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "client_id": "desktop", "refresh_token": refresh} | changes
        return token(remit, **form)

    assert refreshed(made["refresh_token"], client_id="web").json()["error"] == "invalid_grant"
    assert refreshed(made["refresh_token"], resource=f"{remit.url}/mcp").json()["error"] == "invalid_target"
    for less in ("probe:describe_process", "else", "no scope!"):
        assert refreshed(made["refresh_token"], scope=less).json()["error"] == "invalid_scope"
    second = refreshed(made["refresh_token"], scope="probe else").json()  # what it once asked for, said again
    assert second["scope"] == "probe"
    lost = refreshed(made["refresh_token"])  # the answer was lost: the same again, and no fork
    assert lost.status_code == 200
    third = refreshed(second["refresh_token"])
    assert third.status_code == 200
    assert listed(remit, third.json()["access_token"]) == 200
    assert refreshed(made["refresh_token"]).json()["error"] == "invalid_grant"
    assert listed(remit, third.json()["access_token"]) == 401
    assert refreshed(third.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_what_was_agreed_to_survives_a_crash_at_every_step(tmp_path: Path) -> None:
    with with_person(tmp_path) as first:
        running, browser, asking = first, Browser(first.url), Asking(first)

        def crash() -> None:
            nonlocal running
            running.kill()
            running = remit_process.start(first.folder, first.url)

        try:
            page = browser.get(asking.url.removeprefix(first.url))
            crash()
            page = browser.get(page.location)
            crash()
            page = browser.submit(browser.get(page.location).form("/sign-in"), name="engineer", password=RIGHT)
            crash()
            page = browser.get(page.location)
            crash()
            typed = {"purpose": "try it", "ttl_s": "3600", "answer": "yes", "scope-probe": "yes"}
            answer = browser.submit(page.form("/consent"), **typed)
            crash()
            code = parse_qs(urlsplit(answer.location).query)["code"][0]
            made = token(running, **asking.exchange(code)).json()
            crash()
            assert token(running, **asking.exchange(code)).status_code == 400  # used is used, after a crash too
            form = {"grant_type": "refresh_token", "client_id": "desktop", "refresh_token": made["refresh_token"]}
            assert token(running, **form).json()["error"] == "invalid_grant"  # the copy ended it
        finally:
            remit_process.stop(running)


def test_revoking_a_person_reaches_codes_and_browsers_and_leaves_others_alone(remit: RemitProcess) -> None:
    browser, asking = Browser(remit.url), Asking(remit)
    code = agreed(browser, asking.url, **{"scope-probe": "yes"})["code"]
    remit.cli("revoke", "--user", "analyst")
    remit.cli("revoke", "--client", "web")
    assert browser.get("/account").status == 200
    remit.cli("revoke", "--user", "engineer")
    assert token(remit, **asking.exchange(code)).json()["error"] == "invalid_grant"
    assert browser.get("/account").location == "/sign-in"
    asking, code = logged_in(remit)
    remit.cli("revoke", "--client", "desktop")
    assert token(remit, **asking.exchange(code)).json()["error"] == "invalid_grant"
    asking, code = logged_in(remit)
    assert token(remit, **asking.exchange(code)).status_code == 200


def test_a_client_that_is_done_ends_its_grant_and_nobody_else_s(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    made = token(remit, **asking.exchange(code)).json()

    def revoked(**form: str) -> httpx2.Response:
        return httpx2.post(f"{remit.url}/revoke", data=form, trust_env=False, timeout=30)

    for form in (
        {"client_id": "web", "token": made["refresh_token"]},
        {"client_id": "desktop", "token": "made up"},
        {"client_id": "desktop"},
    ):
        assert revoked(**form).status_code == 200
    assert revoked(client_id="nobody", token=made["refresh_token"]).json()["error"] == "invalid_client"
    assert listed(remit, made["access_token"]) == 200
    assert revoked(client_id="desktop", token=made["refresh_token"]).status_code == 200
    assert listed(remit, made["access_token"]) == 401


def test_strangers_neither_fill_the_ledger_nor_slow_a_public_client_down_elsewhere(remit: RemitProcess) -> None:
    before = remit.cli("audit", "head")["seq"]
    said = {token(remit, grant_type="authorization_code", client_id="web", code=str(n)).status_code for n in range(150)}
    assert said == {400, 429}
    assert remit.cli("audit", "head")["seq"] - before < 10
    asking, code = logged_in(remit)
    assert token(remit, **asking.exchange(code)).status_code == 200


def test_a_consent_taken_back_ends_what_was_granted_on_it_and_nothing_else(remit: RemitProcess) -> None:
    browser, asking = Browser(remit.url), Asking(remit)
    code = agreed(browser, asking.url, **{"scope-probe": "yes"})["code"]
    made = token(remit, **asking.exchange(code)).json()
    late = Asking(remit)
    unused = agreed(browser, late.url, **{"scope-probe": "yes"})["code"]
    web = Asking(remit, client_id="web", redirect_uri="https://web.example/cb?from=remit")
    other = token(remit, **web.exchange(agreed(browser, web.url, **{"scope-probe": "yes"})["code"])).json()
    page = browser.get("/account")
    (form,) = (form for form in page.forms if form.action == "/account/take-back" and "desktop" in block(page, form))
    assert Browser(remit.url).submit(form).status == 403
    assert browser.submit(form).location == "/account"
    assert browser.submit(form).status == 404
    assert token(remit, **late.exchange(unused)).json()["error"] == "invalid_grant"
    assert listed(remit, other["access_token"]) == 200
    assert "desktop" not in browser.get("/account").text
    assert listed(remit, made["access_token"]) == 401


def block(page: Page, form: Form) -> str:
    """The article a form stands in."""
    return next(part for part in page.body.split("<article>") if form.fields["consent"] in part)
