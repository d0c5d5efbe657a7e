"""`remit doctor URL` at servers of others: what people report at their own, each beside the same server in health."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import run
from tests.peers.login_server import OAUTH, OPENID, RESOURCE, LoginServer, Said, login_server
from tests.peers.person import CALLBACK, with_person
from tests.peers.remit_process import RemitProcess
from tests.peers.sdk_login_server import CALLBACK as SDK_CALLBACK
from tests.peers.sdk_login_server import sdk_login_server

pytestmark = pytest.mark.timeout(120)
Change = Callable[[LoginServer], object]
CALL = ("--client-id", "desktop", "--redirect", "http://127.0.0.1/callback", "--token-env", "REMIT_TEST_TOKEN")
MOVED = Said(301, b"", {"Location": "/elsewhere"})
PAGE = Said(200, b"<html></html>", {"Content-Type": "text/html"})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginServer]:
    with login_server() as found:
        found.token = jwt(iss=found.origin, aud=found.url, exp=time.time() + 600, scope="look")
        monkeypatch.setenv("REMIT_TEST_TOKEN", found.token)
        yield found


@pytest.fixture
def diagnosed(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, dict[str, Any]]]:
    """Every cause by its name."""

    def doctor(url: str, *more: str) -> dict[str, dict[str, Any]]:
        capsys.readouterr()
        run(["doctor", url, "--json", *more])
        return {cause["id"]: cause for cause in json.loads(capsys.readouterr().out)["causes"]}

    return doctor


def jwt(**claims: Any) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"typ": "at+jwt"}, claims)]
    return b".".join([*(part.rstrip(b"=") for part in parts), b"c2lnbmF0dXJlIG9mIG5vYm9keQ"]).decode()


def verdicts(causes: dict[str, dict[str, Any]], verdict: str) -> list[str]:
    return [id for id, cause in causes.items() if cause["verdict"] == verdict]


def unregistered(server: LoginServer) -> None:
    del server.server["client_id_metadata_document_supported"]


def refuses_resource(server: LoginServer) -> None:
    server.authorize = lambda sent: Said(200, b"<p>AADSTS9010010: The resource parameter provided", {})


def one_port(server: LoginServer) -> None:
    server.port_free = False


def forgetful(server: LoginServer) -> None:
    server.redirects = set()


CASES: list[tuple[str, Change, str, str]] = [
    ("1 no way to register", unregistered, "possible", "no_registration"),
    ("2 slash added to resource", lambda s: s.resource.update(resource=f"{s.url}/"), "possible", "resource_mismatch"),
    ("2 resource of another", lambda s: s.resource.update(resource=f"{s.origin}/sse"), "likely", "resource_mismatch"),
    ("2 resource refused", refuses_resource, "likely", "resource_refused"),
    ("3 plain http", lambda s: s.resource.update(resource="http://mcp.internal/mcp"), "likely", "advertised_insecure"),
    ("3 inner name", lambda s: s.server.update(token_endpoint="https://a.invalid/"), "likely", "advertised_inside"),
    ("3 metadata moved", lambda s: s.pages.update({RESOURCE + "/mcp": MOVED}), "likely", "metadata_redirects"),
    ("3 page over it", lambda s: s.pages.update({RESOURCE + "/mcp": PAGE}), "likely", "metadata_unreadable"),
    ("3 server's moved", lambda s: s.pages.update({OPENID: s.pages[OAUTH], OAUTH: MOVED}), "possible", "server_form"),
    ("3 issuer's slash", lambda s: s.server.update(issuer=f"{s.origin}/"), "likely", "issuer_mismatch"),
    ("4 no refresh", lambda s: s.server.update(grant_types_supported=["authorization_code"]), "possible", "no_refresh"),
    ("5 one loopback port", one_port, "likely", "loopback_port"),
    ("6 forgotten clients", forgetful, "likely", "client_refused"),
    ("12 unknown scope", lambda s: s.server.update(scopes_supported=["see"]), "possible", "scope_unknown"),
    ("13 no challenge", lambda s: s.challenge(None), "possible", "challenge"),
    ("13 no metadata", lambda s: s.pages.pop(RESOURCE + "/mcp"), "possible", "metadata_missing"),
    ("13 no PKCE", lambda s: s.server.pop("code_challenge_methods_supported"), "likely", "pkce_unadvertised"),
    ("13 token refused", lambda s: setattr(s, "token", "another"), "likely", "token_refused"),
    ("13 no tools", lambda s: s.tools.clear(), "likely", "no_tools"),
]


@pytest.mark.parametrize(("change", "verdict", "cause"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_wrong_is_named_and_in_health_it_is_not(
    server: LoginServer, diagnosed: Callable[..., Any], change: Change, verdict: str, cause: str
) -> None:
    more = CALL[2:] if cause == "no_registration" else CALL
    assert verdicts(diagnosed(server.url, *more), "likely") == verdicts(diagnosed(server.url, *more), "possible") == []
    change(server)
    found = diagnosed(server.url, *more)
    assert found[cause]["verdict"] == verdict
    assert found[cause]["next"]


def test_the_strings_that_differ_are_told_to_the_character(server: LoginServer, diagnosed: Callable[..., Any]) -> None:
    server.server["issuer"] = f"{server.origin}/"
    (difference,) = diagnosed(server.url)["issuer_mismatch"]["differences"]
    assert difference == {
        "what": "issuer",
        "expected": server.origin,
        "found": f"{server.origin}/",
        "at": len(server.origin),
    }


# Remit itself -------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("people")) as running:
        yield running


def test_at_remit_nothing_is_wrong_but_that_clients_are_registered_by_hand(
    remit: RemitProcess, diagnosed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{remit.url}/mcp/probe"
    assert verdicts(diagnosed(url), "likely") == []
    monkeypatch.setenv("REMIT_TEST_TOKEN", remit.token("/mcp/probe"))
    known = diagnosed(url, "--client-id", "desktop", "--redirect", CALLBACK, "--token-env", "REMIT_TEST_TOKEN")
    assert (verdicts(known, "likely"), verdicts(known, "possible")) == ([], [])
    assert (known["client_refused"]["verdict"], known["no_tools"]["verdict"]) == ("untested", "ruled out")


def test_at_remit_a_client_with_another_redirect_and_a_token_for_another_endpoint_are_found(
    remit: RemitProcess, diagnosed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_TEST_TOKEN", remit.token("/mcp"))
    wrong = ("--client-id", "desktop", "--redirect", "http://localhost/callback", "--token-env", "REMIT_TEST_TOKEN")
    found = diagnosed(f"{remit.url}/mcp/probe", *wrong)
    assert verdicts(found, "likely") == ["client_refused", "token_audience", "token_refused"]
    assert "redirect_uri" in found["client_refused"]["said"]
    assert found["token_audience"]["differences"][0]["found"] == f"{remit.url}/mcp"


def test_an_examination_leaves_nothing_behind_at_remit(remit: RemitProcess, diagnosed: Callable[..., Any]) -> None:
    before = on_record(remit)
    diagnosed(f"{remit.url}/mcp/probe", "--client-id", "desktop", "--redirect", CALLBACK)
    assert on_record(remit) == before


def on_record(remit: RemitProcess) -> int:
    """How many records there are."""
    return sum(path.read_text().count("\n") for path in (remit.folder / "state" / "ledger").glob("*.jsonl"))


# the official SDK ---------------------------------------------------------------------------------------------------
def test_at_a_server_of_the_official_sdk_what_it_gets_wrong_is_found(diagnosed: Callable[..., Any]) -> None:
    known = ("--client-id", "desktop", "--redirect", SDK_CALLBACK)
    with sdk_login_server() as url:
        right = diagnosed(url, *known)
    with sdk_login_server("/elsewhere") as url:
        wrong = diagnosed(url, *known)
    # its redirect URIs are compared with their port, and its metadata offers secrets only
    assert verdicts(right, "likely") == ["loopback_port"]
    assert verdicts(right, "possible") == ["public_clients"]
    assert verdicts(wrong, "likely") == ["resource_mismatch", "loopback_port"]


def test_a_folder_without_a_configuration_is_no_obstacle(
    server: LoginServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor", server.url, *CALL]) == 0
