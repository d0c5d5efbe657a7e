"""A tool that needs a recent passkey: from the refusal to the call, by a client that follows it (RFC 9470)."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.peers import remit_process
from tests.peers.authenticator import SoftwareAuthenticator
from tests.peers.browser import Browser
from tests.peers.person import CALLBACK, CLIENTS, RIGHT, Asking, agreed, token, with_password
from tests.peers.remit_process import RemitProcess

SERVER = {"command": [sys.executable, str(Path(remit_process.__file__).parent / "stdio_probe.py")]}
SERVERS = {
    "probe": {"stdio": SERVER, "step_up": {"tools": ["describe_process"], "max_age_s": 600}},
    "guarded": {"stdio": SERVER},
}
POLICIES = {
    "acme/all.cedar": remit_process.PERMIT_ALL
    + """@id("passkey-for-guarded")
forbid (principal, action in Action::"tools/call", resource in Server::"guarded")
unless { context has authentication && context.authentication.level >= 2 };
"""
}
MODERN = "2026-07-28"


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("step-up")
    with remit_process.remit_process(folder, SERVERS, POLICIES, host="localhost", clients=CLIENTS) as running:
        yield running


def call(remit: RemitProcess, access_token: str, server: str) -> httpx2.Response:
    headers = {
        "Authorization": f"Bearer {access_token}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "describe_process",
    }
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "describe_process", "arguments": {}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return httpx2.post(f"{remit.url}/mcp/{server}", json=body, headers=headers, trust_env=False, timeout=30)


def claims_of(access_token: str) -> dict[str, Any]:
    part = access_token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def authorized(browser: Browser, remit: RemitProcess, server: str, **asked: str) -> str:
    """An access token for the server, by a person who is as far in as the client asks for."""
    asking = Asking(remit, resource=f"{remit.url}/mcp/{server}", redirect_uri=CALLBACK, **asked)
    answer = agreed(browser, asking.url, **{f"scope-{server}": "yes"})
    given = token(remit, **asking.exchange(answer["code"]))
    assert given.status_code == 200, given.text
    access_token: str = given.json()["access_token"]
    return access_token


def challenge_of(refused: httpx2.Response) -> dict[str, str]:
    assert refused.status_code == 401, refused.text
    found = dict(re.findall(r'(\w+)="([^"]*)"', refused.headers["www-authenticate"]))
    assert found["error"] == "insufficient_user_authentication"
    return {name: found[name] for name in ("acr_values", "max_age") if name in found}


def test_a_client_that_follows_the_challenge_gets_its_call_done(remit: RemitProcess) -> None:
    browser, device = with_password(remit), SoftwareAuthenticator(remit.url)
    assert browser.submit(browser.get("/sign-in").form("/sign-in"), name="engineer", password=RIGHT).status == 303
    for server, expected in (
        ("probe", {"acr_values": "urn:remit:acr:passkey", "max_age": "600"}),
        ("guarded", {"acr_values": "urn:remit:acr:passkey"}),
    ):
        first = authorized(browser, remit, server)
        assert (claims_of(first)["acr"], claims_of(first)["amr"]) == ("urn:remit:acr:password", ["pwd"])
        asked = challenge_of(call(remit, first, server))
        assert asked == expected

        begun = Asking(remit, resource=f"{remit.url}/mcp/{server}", **asked)
        page = browser.get(browser.get(begun.url.removeprefix(remit.url)).location)
        page = browser.get(page.location)  # the sign-in page
        if not device.keys:
            assert "you have none yet" in page.text
            form = browser.get("/account/passkeys").form("/account/passkeys/add")
            assert browser.submit(form, name="phone", answer=device.create(form.options)).status == 303
            page = browser.get(browser.get(browser.get(begun.url.removeprefix(remit.url)).location).location)
        assert "The client asks for more than a password." in page.text
        step = page.form("/sign-in/passkey")
        assert browser.submit(step, answer=device.get(step.options)).location.startswith("/consent?request=")

        second = authorized(browser, remit, server, **asked)
        assert claims_of(second)["acr"] == "urn:remit:acr:passkey"
        assert set(claims_of(second)["amr"]) >= {"pop", "user", "mfa"}
        assert call(remit, second, server).status_code == 200
        assert call(remit, first, server).status_code == 401
        browser = Browser(remit.url)
        assert browser.submit(browser.get("/sign-in").form("/sign-in"), name="engineer", password=RIGHT).status == 303


def test_what_the_server_can_ask_for_is_in_its_metadata(remit: RemitProcess) -> None:
    said = httpx2.get(f"{remit.url}/.well-known/oauth-authorization-server", trust_env=False).json()
    assert said["acr_values_supported"] == ["urn:remit:acr:password", "urn:remit:acr:passkey"]
    refused = Browser(remit.url).get(Asking(remit, acr_values="urn:other:gold").url.removeprefix(remit.url))
    assert "error=unmet_authentication_requirements" in refused.location


def test_an_administrator_s_grant_is_denied_and_asked_for_nothing(remit: RemitProcess) -> None:
    answer = call(remit, remit.token("/mcp/probe"), "probe")
    assert answer.status_code == 200
    assert answer.json()["result"]["structuredContent"]["io.remit/decision"]["reason"] == "context_missing"
