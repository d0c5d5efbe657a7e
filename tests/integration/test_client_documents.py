"""A client that nobody registered comes by itself: it has an https URL for a name, and says there what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.peers import remit_process
from tests.peers.browser import Browser, Page
from tests.peers.documents import Documents, document_server
from tests.peers.person import CALLBACK, POLICIES, SERVERS, Asking, agreed, begun, listed, token, with_password
from tests.peers.remit_process import RemitProcess


@dataclass
class Place:
    """A Remit that reads documents of one host inside, and that host."""

    remit: RemitProcess
    documents: Documents

    def comes(self, url: str) -> Page:
        """Somebody signs in, sent here by the client: the question, or why there is none."""
        return begun(Browser(self.remit.url), Asking(self.remit, client_id=url).url)

    def admit(self, url: str) -> None:
        shown = self.remit.cli("client", "show", url, "--tenant", "acme")
        self.remit.cli("client", "admit", url, "--digest", shown["digest"], "--tenant", "acme")

    def logs_in(self, url: str) -> tuple[Asking, httpx2.Response]:
        asking = Asking(self.remit, client_id=url)
        answer = agreed(Browser(self.remit.url), asking.url, **{"scope-probe": "yes"})
        return asking, token(self.remit, **asking.exchange(answer["code"]))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("documents")
    with document_server(folder) as documents:
        inside = {"networks": ["127.0.0.0/8", "::1/128"], "ca_file": str(documents.ca_file)}
        rules = {"localhost": {"trust": "ask"} | inside, "*": {"trust": "refused"}}
        with remit_process.remit_process(folder, SERVERS, POLICIES, client_documents=rules) as remit:
            with_password(remit)
            yield Place(remit, documents)


class Kept:
    """What an SDK client keeps: nothing at first, so that it finds its own way."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.info = client_info


async def test_an_unmodified_client_that_describes_itself_logs_in_when_it_is_let_in(place: Place) -> None:
    client_id = place.documents.put("/sdk.json", redirect_uris=[CALLBACK])
    place.admit(client_id)
    browser, kept, came_back = Browser(place.remit.url), Kept(), dict[str, str]()

    async def redirected(url: str) -> None:
        came_back.update(agreed(browser, url, **{"scope-probe": "yes"}))

    async def called_back() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=came_back["code"], state=came_back["state"], iss=came_back["iss"])

    url = f"{place.remit.url}/mcp/probe"
    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)], token_endpoint_auth_method="none")
    auth = OAuthClientProvider(url, metadata, kept, redirected, called_back, client_metadata_url=client_id)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=30) as client,
    ):
        assert (await client.list_tools()).tools
    (grant,) = (found for found in place.remit.cli("grant", "list")["grants"] if found["client"] == client_id)
    assert grant["subject"] == "engineer"


def test_first_seen_it_waits_for_an_administrator_who_sees_what_it_says(place: Place) -> None:
    client_id = place.documents.put("/first.json", client_name="Claude <b>Desktop</b>")
    page = place.comes(client_id)
    assert (page.status, "waits for an administrator of acme" in page.text) == (403, True)
    (found,) = (each for each in place.remit.cli("client", "list")["clients"] if each["client"] == client_id)
    assert (found["standing"], found["asked"]) == ({"acme": "waiting"}, {"acme": "engineer"})
    assert found["says"]["redirect_uris"] == ["http://127.0.0.1/callback"]
    place.admit(client_id)
    page = place.comes(client_id)
    assert page.status == 200
    assert "Claude <b>Desktop</b> and comes from localhost" in page.text
    assert "&lt;b&gt;Desktop" in page.body
    _, answer = place.logs_in(client_id)
    assert listed(place.remit, answer.json()["access_token"]) == 200


def test_nothing_is_read_for_a_stranger(place: Place) -> None:
    client_id = place.documents.put("/stranger.json")
    page = Browser(place.remit.url).get(Asking(place.remit, client_id=client_id).url.removeprefix(place.remit.url))
    assert page.location.startswith("/consent?request=")
    assert token(place.remit, grant_type="authorization_code", client_id=client_id, code="x").status_code == 401
    assert "/stranger.json" not in place.documents.asked
    place.comes(client_id)
    assert "/stranger.json" in place.documents.asked


@pytest.mark.parametrize(
    ("path", "says", "status", "expected"),
    [
        ("/lies.json", {"client_id": "https://other.example/c"}, 400, "expected exactly the URL"),
        (
            "/secret.json",
            {"token_endpoint_auth_method": "client_secret_basic"},
            400,
            "expected none or private_key_jwt",
        ),
        ("/long.json", {"client_uri": "x" * 20_000}, 502, "larger than allowed"),
        ("/moved.json", {"status": 302, "headers": {"Location": "/sdk.json"}}, 502, "redirects are not followed"),
        ("/gone.json", {"status": 410}, 502, "expected HTTP 200"),
    ],
)
def test_a_document_that_lies_or_leads_elsewhere_lets_nobody_in(
    place: Place, path: str, says: dict[str, object], status: int, expected: str
) -> None:
    client_id = place.documents.put(path, **says)  # type: ignore[arg-type]
    page = place.comes(client_id)
    assert page.status == status
    assert expected in page.text or status == 502
    assert client_id not in [each["client"] for each in place.remit.cli("client", "list")["clients"]]


def test_a_client_elsewhere_is_refused_without_a_look(place: Place) -> None:
    page = place.comes("https://127.0.0.1:1/client.json")
    assert (page.status, "refused here" in page.text) == (403, True)


def test_a_document_that_changes_under_a_client_is_asked_about_again(place: Place) -> None:
    client_id = place.documents.put("/changes.json")
    place.admit(client_id)
    asking, answer = place.logs_in(client_id)
    refresh = answer.json()["refresh_token"]
    place.documents.put("/changes.json", redirect_uris=["http://127.0.0.1/callback", "https://evil.example/cb"])
    shown = place.remit.cli("client", "show", client_id, "--tenant", "acme")  # what a login a minute later does
    assert shown["standing"] == {"acme": "changed"}
    assert place.comes(client_id).status == 403
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": asking.asked["client_id"]}
    assert token(place.remit, **form).json()["error"] == "invalid_client"
    place.admit(client_id)
    assert token(place.remit, **form).status_code == 200


def test_a_client_that_is_refused_loses_what_it_had_and_comes_back_only_when_let_in(place: Place) -> None:
    client_id = place.documents.put("/refused.json")
    place.admit(client_id)
    asking, answer = place.logs_in(client_id)
    waiting = Asking(place.remit, client_id=client_id)
    code = agreed(Browser(place.remit.url), waiting.url, **{"scope-probe": "yes"})["code"]
    ended = place.remit.cli("client", "refuse", client_id, "--tenant", "acme")
    assert len(ended["grants"]) == 1
    assert listed(place.remit, answer.json()["access_token"]) == 401
    assert token(place.remit, **waiting.exchange(code)).status_code == 401
    assert token(place.remit, **asking.exchange(code)).status_code == 401
    page = place.comes(client_id)
    assert (page.status, "an administrator has refused" in page.text) == (403, True)
    place.admit(client_id)
    assert place.logs_in(client_id)[1].status_code == 200


def test_refusing_a_client_that_did_not_describe_itself_is_refused_and_ends_nothing(place: Place) -> None:
    token = place.remit.token("/mcp/probe")
    for client in ("editor", "https://localhost:1/nobody.json"):
        assert place.remit.cli("client", "refuse", client, expect=2)["error"]["reason"] == "invalid_params"
    assert listed(place.remit, token) == 200
    place.remit.cli("consent", "forbid", "editor", "--tenant", "acme")
    assert listed(place.remit, token) == 401


def test_the_metadata_says_that_such_clients_may_come(place: Place) -> None:
    url = f"{place.remit.url}/.well-known/oauth-authorization-server"
    assert httpx2.get(url, trust_env=False).json()["client_id_metadata_document_supported"] is True


# dynamic registration -------------------------------------------------------------------------------------------
async def test_an_unmodified_client_registers_itself_where_that_is_on_and_is_still_known_after_a_crash(
    tmp_path: Path,
) -> None:
    rules = {"tenant": "acme", "redirect_hosts": ["127.0.0.1"]}
    with remit_process.remit_process(tmp_path, SERVERS, POLICIES, registration=rules) as remit:
        with_password(remit)
        browser, kept, came_back = Browser(remit.url), Kept(), dict[str, str]()

        async def redirected(url: str) -> None:
            came_back.update(agreed(browser, url, **{"scope-probe": "yes"}))

        async def called_back() -> AuthorizationCodeResult:
            return AuthorizationCodeResult(code=came_back["code"], state=came_back["state"], iss=came_back["iss"])

        url = f"{remit.url}/mcp/probe"
        metadata = OAuthClientMetadata(client_name="Sketchpad", redirect_uris=[AnyUrl(CALLBACK)])
        auth = OAuthClientProvider(url, metadata, kept, redirected, called_back)
        async with (
            httpx2.AsyncClient(auth=auth, timeout=30, trust_env=False) as http,
            Client(streamable_http_client(url, http_client=http), read_timeout_seconds=30) as client,
        ):
            assert (await client.list_tools()).tools
        assert kept.info is not None
        assert kept.tokens is not None
        id, refresh = kept.info.client_id or "", kept.tokens.refresh_token or ""
        assert id.startswith("dcr_")
        elsewhere = {"redirect_uris": ["https://evil.example/cb"]}
        answer = httpx2.post(f"{remit.url}/register", json=elsewhere, trust_env=False)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
        remit.kill()
        again = remit_process.start(tmp_path, remit.url)
        try:
            form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": id}
            assert token(again, **form).status_code == 200
        finally:
            remit_process.stop(again)
