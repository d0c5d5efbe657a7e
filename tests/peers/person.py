"""An OAuth client made by hand and the person it asks, so that a test can bend each of their steps."""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from tests.peers import remit_process
from tests.peers.browser import Browser, Page
from tests.peers.remit_process import RemitProcess

RIGHT = "correct horse battery"
POLICIES = {"acme/all.cedar": remit_process.PERMIT_ALL}
SERVERS = {"probe": {"stdio": {"command": [sys.executable, str(Path(__file__).parent / "stdio_probe.py")]}}}
CALLBACK = "http://127.0.0.1:39481/callback"
CLIENTS = {
    "editor": {"tenant": "acme"},
    "desktop": {"tenant": "acme", "redirect_uris": ["http://127.0.0.1/callback"]},
    "web": {"tenant": "acme", "redirect_uris": ["https://web.example/cb?from=remit"]},
}


def link_of(remit: RemitProcess, account: str = "engineer") -> str:
    link: str = remit.cli("account", "invite", account)["link"]
    assert link.startswith(f"{remit.url}/password?link=")
    return link.removeprefix(remit.url)


def with_password(remit: RemitProcess, account: str = "engineer") -> Browser:
    browser = Browser(remit.url)
    page = browser.get(link_of(remit, account))
    assert browser.submit(page.form("/password"), password=RIGHT, again=RIGHT).location == "/sign-in?set=1"
    return browser


def begun(browser: Browser, url: str, account: str = "engineer") -> Page:
    """As far as the question, signing in on the way."""
    page = browser.get(url.removeprefix(browser.url))
    assert page.status == 303, page.body
    page = browser.get(page.location)
    if page.location.startswith("/sign-in"):
        page = browser.submit(browser.get(page.location).form("/sign-in"), name=account, password=RIGHT)
        page = browser.get(page.location)
    return page


def answered(browser: Browser, url: str, *, account: str = "engineer", tick_all: bool = False, **typed: str) -> str:
    """The address at the client that the browser is sent to. What was agreed to before is answered anew."""
    page = begun(browser, url, account)
    assert page.status == 200, page.text
    *_, question = (form for form in page.forms if form.action == "/consent")
    if tick_all:
        typed |= {name: "yes" for name in question.fields if name.startswith("scope-")}
    answer = browser.submit(question, **({"purpose": "try it", "ttl_s": "3600", "answer": "yes"} | typed))
    assert answer.status == 303, answer.text
    return answer.location


def agreed(browser: Browser, url: str, **typed: Any) -> dict[str, str]:
    """The answer the browser carries to the client."""
    return parameters_of(answered(browser, url, **typed))


def parameters_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


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


@contextmanager
def with_person(folder: Path) -> Iterator[RemitProcess]:
    """A Remit with one server, three clients, and an engineer who has a password."""
    with remit_process.remit_process(folder, SERVERS, POLICIES, clients=CLIENTS) as running:
        with_password(running)
        yield running
