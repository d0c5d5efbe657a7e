"""The command line of `remit doctor URL`, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.peers.login_server import LoginServer, Said, login_server
from tests.peers.remit_process import free_port

Remit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[LoginServer]:
    with login_server() as found:
        yield found


def test_a_healthy_server_ends_with_0_and_needs_no_configuration(remit: Remit, server: LoginServer) -> None:
    code, out, err = remit("doctor", server.url)
    assert (code, err) == (0, "")
    assert out.startswith(f"{server.url}\n\n1  call without a token\n")


def test_a_likely_cause_ends_with_1(remit: Remit, server: LoginServer) -> None:
    server.server["issuer"] += "/"
    code, out, _ = remit("doctor", server.url)
    assert (code, "likely     issuer_mismatch" in out) == (1, True)


def test_nobody_there_ends_with_5(remit: Remit) -> None:
    code, out, _ = remit("doctor", f"http://127.0.0.1:{free_port()}/mcp")
    assert (code, "likely     unreachable" in out) == (5, True)


def test_json_has_a_schema(remit: Remit, server: LoginServer) -> None:
    code, out, _ = remit("doctor", server.url, "--json")
    document = json.loads(out)
    assert (code, document["schema"], document["url"]) == (0, "remit/diagnosis/1", server.url)
    assert {cause["verdict"] for cause in document["causes"]} == {"ruled out", "untested"}


@pytest.mark.parametrize(
    "url",
    ["http://example.com/mcp", "ftp://127.0.0.1/", "https://", "https://a:b@example.com/", "https://a.example/?k=v"],
)
def test_an_address_that_nothing_should_be_sent_to_is_refused(remit: Remit, url: str) -> None:
    code, _, err = remit("doctor", url)
    assert (code, "https://HOST/PATH" in err) == (2, True)


def test_the_token_is_taken_from_the_environment_and_never_shown(
    remit: Remit, server: LoginServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "t0ken-that-is-opaque"
    server.refused = Said(401, {"error": "not t0ken-that-is-opaque"})
    monkeypatch.setenv("MINE", server.token)
    code, out, err = remit("doctor", server.url, "--token-env", "MINE")
    assert (code, "tools           1" in out, server.token in out + err) == (0, True, False)
    monkeypatch.setenv("MINE", "t0ken-that-is-old")
    code, out, err = remit("doctor", server.url, "--token-env", "MINE", "--json")
    assert (code, "t0ken" in out + err) == (1, False)


@pytest.mark.parametrize("value", [None, "", "Bearer x", "tök"])
def test_a_variable_without_a_token_is_told(
    remit: Remit, server: LoginServer, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("MINE", value)
    assert remit("doctor", server.url, "--token-env", "MINE")[0] == 2
    assert server.asked == []


def test_options_of_the_walk_without_a_url_are_refused(remit: Remit) -> None:
    assert remit("doctor", "--client-id", "x")[0] == 2


def test_the_host_is_compared_as_clients_write_it(remit: Remit, server: LoginServer) -> None:
    code, out, _ = remit("doctor", server.url.replace("http://127", "HTTP://127"))
    assert (code, out.partition("\n")[0]) == (0, server.url)
