"""Redirects that look like a client's and lead elsewhere (RFC 9700 section 4.1), at both doors: the answer goes
nowhere. The same request with the redirect as it was registered is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.peers import remit_process
from tests.peers.browser import Browser
from tests.peers.person import POLICIES, SERVERS, Asking, begun, with_password
from tests.peers.remit_process import RemitProcess

CLIENTS = {
    "desktop": {"tenant": "acme", "redirect_uris": ["http://127.0.0.1/callback"]},
    "six": {"tenant": "acme", "redirect_uris": ["http://[::1]/callback"]},
    "web": {"tenant": "acme", "redirect_uris": ["https://web.example/cb?from=remit"]},
    "foreign": {"tenant": "acme", "redirect_uris": ["https://www.xn--pple-43d.example/cb"]},
    "app": {"tenant": "acme", "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"]},
}
RIGHT = {
    "desktop": "http://127.0.0.1:39481/callback",
    "six": "http://[::1]:39481/callback",
    "web": "https://web.example/cb?from=remit",
    "foreign": "https://www.xn--pple-43d.example/cb",
    "app": "cursor://anysphere.cursor-mcp/oauth/callback",
}
TRICKS = {
    "userinfo": ("web", "https://web.example@evil.example/cb?from=remit"),
    "userinfo of its own": ("web", "https://x@web.example/cb?from=remit"),
    "userinfo after a port": ("desktop", "http://127.0.0.1:80@evil.example/callback"),
    "a backslash for a slash": ("desktop", "http://127.0.0.1:80\\@evil.example/callback"),
    "a fragment": ("web", "https://web.example/cb?from=remit#x"),
    "an empty fragment": ("desktop", "http://127.0.0.1:39481/callback#"),
    "a host in upper case": ("web", "https://WEB.example/cb?from=remit"),
    "a scheme in upper case": ("desktop", "HTTP://127.0.0.1:39481/callback"),
    "a path in upper case": ("web", "https://web.example/CB?from=remit"),
    "an escaped letter": ("web", "https://web.example/%63b?from=remit"),
    "an escaped dot": ("web", "https://web%2eexample/cb?from=remit"),
    "a dot segment": ("desktop", "http://127.0.0.1:39481/x/../callback"),
    "an escaped dot segment": ("desktop", "http://127.0.0.1:39481/x/%2e%2e/callback"),
    "a longer name": ("web", "https://web.example.evil.example/cb?from=remit"),
    "a name below it": ("web", "https://x.web.example/cb?from=remit"),
    "a dot at the end": ("web", "https://web.example./cb?from=remit"),
    "its port in full": ("web", "https://web.example:443/cb?from=remit"),
    "plain http": ("web", "http://web.example/cb?from=remit"),
    "a slash more": ("web", "https://web.example/cb/?from=remit"),
    "less of a query": ("web", "https://web.example/cb"),
    "more of a query": ("web", "https://web.example/cb?from=remit&next=https://evil.example"),
    "an open redirect beside it": ("web", "https://web.example/out?to=https://evil.example"),
    "the loopback by name": ("desktop", "http://localhost:39481/callback"),
    "the loopback of IPv6": ("desktop", "http://[::1]:39481/callback"),
    "the loopback of IPv4": ("six", "http://127.0.0.1:39481/callback"),
    "IPv6 at length": ("six", "http://[0:0:0:0:0:0:0:1]:39481/callback"),
    "IPv6 with IPv4 in it": ("six", "http://[::ffff:127.0.0.1]:39481/callback"),
    "IPv6 with a zone": ("six", "http://[::1%25lo]:39481/callback"),
    "an address as one number": ("desktop", "http://2130706433:39481/callback"),
    "a shorter address": ("desktop", "http://127.1:39481/callback"),
    "port nought": ("desktop", "http://127.0.0.1:0/callback"),
    "a port too high": ("desktop", "http://127.0.0.1:65536/callback"),
    "letters of another script": ("foreign", "https://www.аpple.example/cb"),
    "another name that looks alike": ("foreign", "https://www.apple.example/cb"),
    "another place in the app's scheme": ("app", "cursor://evil/oauth/callback"),
    "a script": ("app", "javascript:alert(1)"),
    "data": ("app", "data:text/html,x"),
    "a space before": ("web", " https://web.example/cb?from=remit"),
    "a line after": ("desktop", "http://127.0.0.1:39481/callback\n"),
    "two in one": ("web", "https://web.example/cb?from=remit https://evil.example/cb"),
    "another client's": ("web", "http://127.0.0.1:39481/callback"),
}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder: Path = tmp_path_factory.mktemp("redirects")
    with remit_process.remit_process(
        folder, SERVERS, POLICIES, clients={"editor": {"tenant": "acme"}} | CLIENTS
    ) as remit:
        with_password(remit)
        yield remit


@pytest.mark.parametrize("trick", TRICKS)
def test_an_answer_goes_only_where_its_client_registered(remit: RemitProcess, trick: str) -> None:
    client, redirect = TRICKS[trick]
    asking = Asking(remit, client_id=client, redirect_uri=redirect)
    page = Browser(remit.url).get(asking.url.removeprefix(remit.url))
    assert (page.status, page.location) == (400, "")
    assert [to for to in re.findall(r'(?:href|src|action)="([^"]*)"', page.body) if to[0] != "/"] == []
    pushed = httpx2.post(f"{remit.url}/par", data=asking.asked, trust_env=False)
    assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")
    right = Asking(remit, client_id=client, redirect_uri=RIGHT[client])
    assert Browser(remit.url).get(right.url.removeprefix(remit.url)).location.startswith("/consent?request=")


def test_two_redirects_are_none(remit: RemitProcess) -> None:
    url = Asking(remit).url.removeprefix(remit.url)
    for more in ("https://evil.example/cb", RIGHT["desktop"]):
        page = Browser(remit.url).get(f"{url}&redirect_uri={more}")
        assert (page.status, page.location) == (400, "")
    assert Browser(remit.url).get(url).location.startswith("/consent?request=")


@pytest.mark.parametrize(
    ("client", "host", "warning"),
    [
        ("foreign", "www.xn--pple-43d.example", "letters of other scripts"),
        ("desktop", "127.0.0.1", "Any program there can call itself desktop"),
        ("six", "[::1]", "Any program there can call itself six"),
        ("app", "cursor:", "whichever program on your device has claimed this name"),
    ],
)
def test_the_question_shows_where_the_answer_goes_and_warns(
    remit: RemitProcess, client: str, host: str, warning: str
) -> None:
    page = begun(Browser(remit.url), Asking(remit, client_id=client, redirect_uri=RIGHT[client]).url)
    assert f"The answer goes to {host}" in page.text.replace(" .", ".")
    assert warning in page.text
    plain = begun(Browser(remit.url), Asking(remit, client_id="web", redirect_uri=RIGHT["web"]).url)
    assert "The answer goes to web.example" in plain.text
    for words in ("other scripts", "Any program there", "claimed this name"):
        assert words not in plain.text
