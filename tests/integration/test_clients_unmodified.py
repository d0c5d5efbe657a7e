"""Clients that nobody here wrote log in by themselves; docs/reference/clients.md is what they are seen to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from tools.reference.text import read

from tests.peers.browser import Browser
from tests.peers.clients import REDIRECTS, TOOL, GaveUp, Login, Made, Npm, python_sdk, registered
from tests.peers.documents import document_server
from tests.peers.person import POLICIES, SERVERS, answered, parameters_of, with_password
from tests.peers.relay import Relay, relayed
from tests.peers.remit_process import RemitProcess
from tests.peers.walked import at, walked

pytestmark = pytest.mark.timeout(120)

ENDPOINT = "/mcp/probe"
ROWS = read("clients")["clients"]
WAYS = ("registers itself", "describes itself")


@dataclass(frozen=True, slots=True)
class Place:
    """A Remit behind a relay. `document` describes a client that is not registered."""

    remit: RemitProcess
    relay: Relay
    document: str


@pytest.fixture(scope="module")
def npm() -> Npm:
    return Npm.installed()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("clients")
    with document_server(folder) as documents:
        host = {"networks": ["127.0.0.0/8", "::1/128"], "ca_file": str(documents.ca_file), "trust": "trusted"}
        known: dict[str, Any] = {
            "clients": registered(folder),
            "registration": {"tenant": "acme", "redirect_hosts": ["127.0.0.1", "localhost"]},
            "client_documents": {"localhost": host},
        }
        with relayed(folder / "remit", servers=SERVERS, policies=POLICIES, **known) as (remit, relay):
            with_password(remit)
            yield Place(remit, relay, documents.put("/client.json", redirect_uris=sorted(set(REDIRECTS.values()))))


@pytest.fixture(scope="module")
def clients(npm: Npm) -> dict[str, Callable[[Login], Made]]:
    return {
        "Python SDK": python_sdk,
        "TypeScript SDK 1": lambda login: npm.driver("sdk_v1", login),
        "TypeScript SDK 2": lambda login: npm.driver("sdk_v2", login),
        "mcp-remote": npm.mcp_remote,
        "Inspector CLI": npm.inspector,
        "openid-client": lambda login: npm.driver("openid_client", login),
        "oauth4webapi": lambda login: npm.driver("oauth4webapi", login),
    }


def person(remit: RemitProcess, **changed: str) -> Callable[[str], None]:
    """Signs in, agrees to what is ticked, and carries the answer to the client; `changed` is what arrives instead."""

    def go_to(url: str) -> None:
        back = answered(Browser(remit.url), url, purpose="look")
        back = urlsplit(back)._replace(query=urlencode(parameters_of(back) | changed)).geturl()
        assert httpx2.get(back, trust_env=False, timeout=30).status_code < 500

    return go_to


def test_the_table_has_a_row_for_each_client_and_no_other(clients: dict[str, Callable[[Login], Made]]) -> None:
    assert [row["name"] for row in ROWS] == list(clients)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_client_does_what_its_row_of_the_table_says(
    row: dict[str, Any],
    clients: dict[str, Callable[[Login], Made]],
    place: Place,
    tmp_path: Path,
) -> None:
    remit, relay = place.remit, place.relay
    told = row["steps"]["refresh"] == "after a 401"
    relay.begin(spoil="tools/call" if told else "", hurried=not told)
    made = clients[row["name"]](Login(f"{remit.url}{ENDPOINT}", tmp_path, person(remit), row["id"]))
    assert TOOL in made["tools"]
    assert made["called"]["structuredContent"]["pid"] > 0
    assert relay.spoil == ""
    assert row["steps"] == walked(relay.seen, ENDPOINT)
    assert_narrowed(made)


def assert_narrowed(made: Made) -> None:
    """What a client that sends `authorization_details` and revokes its grant is told."""
    if "granted" in made:
        (granted,) = made["granted"]
        assert (granted["tool"], granted["max_calls"], granted["purpose"]) == (TOOL, 5, "look")
        assert made["tools"] == [TOOL]
        assert made["after"] == 401
    if "claims" in made:  # the client as a resource server: it holds the token against the published keys
        assert made["claims"]["scope"] == f"probe:{TOOL}"
        assert made["elsewhere"] == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_client_looks_at_who_answers_as_its_row_of_the_table_says(
    row: dict[str, Any],
    clients: dict[str, Callable[[Login], Made]],
    place: Place,
    tmp_path: Path,
) -> None:
    """The answer says that another server gave it (RFC 9207): a mix-up. Who does not look sends the code on."""
    remit, relay = place.remit, place.relay
    relay.begin()
    mixed_up = Login(f"{remit.url}{ENDPOINT}", tmp_path, person(remit, iss="https://other.example"), row["id"])
    with contextlib.suppress(GaveUp):
        clients[row["name"]](mixed_up)
    sent_on = at(relay.seen, "/token", 200, grant_type="authorization_code")
    assert row["iss"] == ("not compared" if sent_on else "compared")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", [row for row in ROWS if "unregistered" in row], ids=lambda row: row["name"])
def test_a_client_that_nobody_registered_comes_as_its_row_of_the_table_says(
    row: dict[str, Any], way: str, clients: dict[str, Callable[[Login], Made]], place: Place, tmp_path: Path
) -> None:
    place.relay.begin()
    document = place.document if way == "describes itself" else ""
    unknown = Login(f"{place.remit.url}{ENDPOINT}", tmp_path, person(place.remit), document=document)
    made = clients[row["name"]](unknown)
    assert TOOL in made["tools"]
    assert (way in row["unregistered"], walked(place.relay.seen, ENDPOINT)["registration"]) == (True, way)
