"""A client nobody here wrote logs in by itself: the official SDK's OAuth client, a browser, a person, and a call."""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.integration.test_people_pages import RIGHT, with_password
from tests.peers import remit_process
from tests.peers.browser import Browser, Form, Page
from tests.peers.remit_process import RemitProcess

POLICIES = {"acme/all.cedar": remit_process.PERMIT_ALL}
CALLBACK = "http://127.0.0.1:39481/callback"
CLIENTS = {
    "editor": {"tenant": "acme"},
    "desktop": {"tenant": "acme", "redirect_uris": ["http://127.0.0.1/callback"]},
    "web": {"tenant": "acme", "redirect_uris": ["https://web.example/cb?from=remit"]},
}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    probe = str(Path(__file__).parents[1] / "peers" / "stdio_probe.py")
    servers = {"probe": {"stdio": {"command": [sys.executable, probe]}}}
    folder = tmp_path_factory.mktemp("clients")
    with remit_process.remit_process(folder, servers, POLICIES, clients=CLIENTS) as running:
        with_password(running)
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


def begun(browser: Browser, url: str) -> Page:
    """As far as the question, signing in on the way."""
    page = browser.get(url.removeprefix(browser.url))
    assert page.status == 303, page.body
    page = browser.get(page.location)
    if page.location.startswith("/sign-in"):
        page = browser.submit(browser.get(page.location).form("/sign-in"), name="engineer", password=RIGHT)
        page = browser.get(page.location)
    return page


def agreed(browser: Browser, url: str, **typed: str) -> dict[str, str]:
    """The answer the browser carries to the client."""
    page = begun(browser, url)
    assert page.status == 200, page.text
    answer = browser.submit(page.form("/consent"), **({"purpose": "try it", "hours": "1", "answer": "yes"} | typed))
    assert answer.status == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


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
class Asking:
    """One login of the desktop client: its verifier, its state, its request."""

    def __init__(self, remit: RemitProcess, **changes: str | None) -> None:
        self.verifier, self.state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        usual: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "desktop",
            "redirect_uri": CALLBACK,
            "resource": f"{remit.url}/mcp/probe",
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        self.asked = {name: value for name, value in (usual | changes).items() if value is not None}
        self.url = f"{remit.url}/authorize?{urlencode(self.asked)}"

    def exchange(self, code: str) -> dict[str, str]:
        return {
            "grant_type": "authorization_code",
            "client_id": self.asked["client_id"],
            "code": code,
            "redirect_uri": self.asked["redirect_uri"],
            "resource": self.asked["resource"],
            "code_verifier": self.verifier,
        }


def token(remit: RemitProcess, **form: str) -> httpx2.Response:
    return httpx2.post(f"{remit.url}/token", data=form, trust_env=False, timeout=30)


def listed(remit: RemitProcess, access_token: str) -> int:
    headers = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/list",
    }
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    return httpx2.post(f"{remit.url}/mcp/probe", json=body, headers=headers, trust_env=False, timeout=30).status_code


def logged_in(remit: RemitProcess, **changes: str | None) -> tuple[Asking, str]:
    asking = Asking(remit, **changes)
    answer = agreed(Browser(remit.url), asking.url, **{"scope-probe": "yes"})
    assert (answer["state"], answer["iss"]) == (asking.state, remit.url)
    return asking, answer["code"]


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
    second = refreshed(made["refresh_token"]).json()
    lost = refreshed(made["refresh_token"])  # the answer was lost: the same again, and no fork
    assert lost.status_code == 200
    third = refreshed(second["refresh_token"])
    assert third.status_code == 200
    assert listed(remit, third.json()["access_token"]) == 200
    assert refreshed(made["refresh_token"]).json()["error"] == "invalid_grant"
    assert listed(remit, third.json()["access_token"]) == 401
    assert refreshed(third.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_what_was_agreed_to_survives_a_crash_at_every_step(tmp_path: Path) -> None:
    probe = str(Path(__file__).parents[1] / "peers" / "stdio_probe.py")
    servers = {"probe": {"stdio": {"command": [sys.executable, probe]}}}
    with remit_process.remit_process(tmp_path, servers, POLICIES, clients=CLIENTS) as first:
        with_password(first)
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
            typed = {"purpose": "try it", "hours": "1", "answer": "yes", "scope-probe": "yes"}
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
    typed = {"purpose": "try it", "hours": "1", "answer": "yes"}
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
