"""Clients that nobody here wrote log in by themselves; docs/reference/clients.md is what they are seen to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from tools.reference.text import read

from tests.peers.browser import Browser
from tests.peers.clients import TOOL, GaveUp, Login, Made, Npm, python_sdk, registered
from tests.peers.person import POLICIES, SERVERS, answered, parameters_of, with_password
from tests.peers.relay import Relay, relayed
from tests.peers.remit_process import RemitProcess
from tests.peers.walked import at, walked

pytestmark = pytest.mark.timeout(120)

ENDPOINT = "/mcp/probe"
ROWS = read("clients")["clients"]


@pytest.fixture(scope="module")
def npm() -> Npm:
    return Npm.installed()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemitProcess, Relay]]:
    folder = tmp_path_factory.mktemp("clients")
    with relayed(folder, servers=SERVERS, policies=POLICIES, clients=registered(folder)) as (remit, relay):
        with_password(remit)
        yield remit, relay


@pytest.fixture(scope="module")
def clients(npm: Npm) -> dict[str, Callable[[Login], Made]]:
    return {
        "Python SDK": python_sdk,
        "TypeScript SDK 1": lambda login: npm.driver("sdk_v1", "typescript-sdk", login),
        "TypeScript SDK 2": lambda login: npm.driver("sdk_v2", "typescript-sdk", login),
        "mcp-remote": npm.mcp_remote,
        "Inspector CLI": npm.inspector,
        "openid-client": lambda login: npm.driver("openid_client", "openid-client", login),
        "oauth4webapi": lambda login: npm.driver("oauth4webapi", "oauth4webapi", login),
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
    place: tuple[RemitProcess, Relay],
    tmp_path: Path,
) -> None:
    remit, relay = place
    told = row["steps"]["refresh"] == "after a 401"
    relay.begin(spoil="tools/call" if told else "", hurried=not told)
    made = clients[row["name"]](Login(f"{remit.url}{ENDPOINT}", tmp_path, person(remit)))
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
    place: tuple[RemitProcess, Relay],
    tmp_path: Path,
) -> None:
    """The answer says that another server gave it (RFC 9207): a mix-up. Who does not look sends the code on."""
    remit, relay = place
    relay.begin()
    mixed_up = Login(f"{remit.url}{ENDPOINT}", tmp_path, person(remit, iss="https://other.example"))
    with contextlib.suppress(GaveUp):
        clients[row["name"]](mixed_up)
    sent_on = at(relay.seen, "/token", 200, grant_type="authorization_code")
    assert row["iss"] == ("not compared" if sent_on else "compared")
