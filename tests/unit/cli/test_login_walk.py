"""The walk asks what a client asks, in its order, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from remit.cli.login_walk import Given, other_port, walk
from remit.cli.probe import Probe
from remit.core.secret import Secret
from tests.peers.login_server import OAUTH, RESOURCE, LoginServer, Said, login_server

DESKTOP = Given("desktop", "http://127.0.0.1/callback")


@pytest.fixture
def server() -> Iterator[LoginServer]:
    with login_server() as found:
        yield found


def asked(server: LoginServer) -> list[str]:
    return [f"{method} {urlsplit(path).path}" for method, path, _ in server.asked]


def test_a_walk_asks_in_the_order_of_a_client(server: LoginServer) -> None:
    walk(server.url, DESKTOP, Probe(server.url))
    assert asked(server) == [
        "POST /mcp",
        "POST /mcp",
        f"GET {RESOURCE}/mcp",
        f"GET {RESOURCE}",
        f"GET {OAUTH}",
        "GET /.well-known/openid-configuration",
        "GET /authorize",
        "GET /authorize",
    ]


def test_the_authorization_request_is_correct(server: LoginServer) -> None:
    walk(server.url, DESKTOP, Probe(server.url))
    sent = dict(parse_qsl(urlsplit(server.asked[-2][1]).query))
    assert sent.keys() == {
        "response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "resource",
        "scope",
    }  # fmt: skip
    assert (sent["resource"], sent["scope"], len(sent["code_challenge"])) == (server.url, "look", 43)


def test_without_a_client_id_nobody_is_asked_to_authorize(server: LoginServer) -> None:
    walk(server.url, Given(), Probe(server.url))
    assert "GET /authorize" not in asked(server)


def test_a_server_that_takes_pushed_requests_only_is_not_asked_to_authorize(server: LoginServer) -> None:
    server.server["require_pushed_authorization_requests"] = True
    walk(server.url, DESKTOP, Probe(server.url))
    assert "GET /authorize" not in asked(server)


def test_an_open_server_is_asked_for_no_metadata(server: LoginServer) -> None:
    server.refusal = Said(200, {"jsonrpc": "2.0", "id": 1, "result": {}}, {"Mcp-Session-Id": "s1"})
    evidence = walk(server.url, Given(), Probe(server.url))
    assert evidence.is_open
    assert asked(server) == ["POST /mcp", "POST /mcp", "DELETE /mcp"]
    assert server.asked[-1][2]["Mcp-Session-Id"] == "s1"


def test_without_metadata_the_origin_is_tried_as_old_clients_do(server: LoginServer) -> None:
    del server.pages[f"{RESOURCE}/mcp"]
    evidence = walk(server.url, Given(), Probe(server.url))
    assert (evidence.issuer, evidence.walked_as_legacy) == (server.origin, True)
    assert evidence.server["issuer"] == server.origin


def test_with_a_token_the_tools_are_listed(server: LoginServer) -> None:
    server.token = "t0ken"
    evidence = walk(server.url, Given(token=Secret(b"t0ken")), Probe(server.url))
    assert [(heard.place, heard.status) for heard in evidence.calls] == [("discover", 200), ("tools/list", 200)]


def test_with_a_token_that_is_refused_the_call_ends_there(server: LoginServer) -> None:
    evidence = walk(server.url, Given(token=Secret(b"t0ken")), Probe(server.url))
    assert [(heard.place, heard.status) for heard in evidence.calls] == [("discover", 401)]


def test_the_clock_of_the_server_is_read(server: LoginServer) -> None:
    assert abs(walk(server.url, Given(), Probe(server.url)).skew_s or 0.0) <= 2


@pytest.mark.parametrize(
    ("redirect", "elsewhere"),
    [
        ("http://127.0.0.1/callback?a=b", "http://127.0.0.1:49199/callback?a=b"),
        ("http://localhost:49199/", "http://localhost:49198/"),
        ("http://[::1]:1/x", "http://[::1]:49199/x"),
        ("https://app.example/callback", ""),
        ("com.example.app:/x", ""),
        ("", ""),
    ],
)
def test_another_port_is_tried_for_programs_on_the_device_only(redirect: str, elsewhere: str) -> None:
    assert other_port(redirect) == elsewhere
