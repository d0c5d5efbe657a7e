"""The same classes against `remit serve` as an operator runs it: a process, its files, a real port, a real server.

CVE-2026-59822, CVE-2026-42271, CVE-2026-48710, CVE-2026-79537, CVE-2026-110279, CVE-2026-101084, CVE-2026-81094, token
passthrough, and CVE-2026-77250, CVE-2026-77256, CVE-2026-77268 (mcp-atlassian: tokens lying in plain files).
"""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from tests.attack.test_commands_in_requests import PAGES, commanding
from tests.attack.test_host_and_path_tricks import HOSTS, PATHS
from tests.attack.test_session_ids import LOOKS
from tests.attack.test_trusted_headers import UPSTREAM, WHO
from tests.peers import remit_process
from tests.peers.recording_server import Recording, recording_server
from tests.peers.remit_process import RemitProcess
from tests.scenes.mcp import modern_request

POLICY = '@id("echo")\npermit(principal, action == Action::"files/echo", resource);\n'
CREDENTIAL = "brokered-credential-0815"
TELLING_NOTHING = ('{"alive":true}', '{"ready":true}', '{"error":"not_found"}')
ECHO: dict[str, Any] = {"name": "echo", "arguments": {}}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RemitProcess, Recording]]:
    with recording_server() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("REMIT_TEST_CREDENTIAL", CREDENTIAL)
        http = {
            "url": f"http://127.0.0.1:{server.server_port}/mcp",
            "headers": {"Authorization": "Bearer ${env:REMIT_TEST_CREDENTIAL}"},
        }
        folder, policies = tmp_path_factory.mktemp("attacked"), {"acme/echo.cedar": POLICY}
        with remit_process.remit_process(folder, {"files": {"http": http}}, policies) as running:
            yield running, server


def call(
    remit: RemitProcess, path: str, token: str | None, asked: Mapping[str, Any] = ECHO, **headers: str
) -> httpx2.Response:
    body, mirrored = modern_request(b"", "tools/call", asked)
    sent = {name.decode(): value.decode() for name, value in mirrored.items() if value and name != b"authorization"}
    sent |= {"content-type": "application/json", "accept": "application/json, text/event-stream"} | headers
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    return httpx2.post(remit.url + path, content=body, headers=sent, timeout=10, trust_env=False)


def assert_served(answer: httpx2.Response) -> None:
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"]["content"][0]["text"] == "done"


def raw(remit: RemitProcess, request: bytes) -> bytes:
    """The first line of the answer to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", int(remit.url.rsplit(":", 1)[1])), 5) as connection:
        connection.sendall(request)
        return connection.recv(65_536).split(b"\r\n")[0]


def test_no_byte_of_a_token_is_on_a_server_s_socket_or_in_any_file(played: tuple[RemitProcess, Recording]) -> None:
    remit, server = played
    token = remit.token("/mcp/files")
    assert_served(call(remit, "/mcp/files", token))
    refused = [
        call(remit, "/mcp/files", token, {"name": "forbidden", "arguments": {}}),
        call(remit, "/mcp/files", token, {"name": "xyz", "arguments": {}}),
        call(remit, "/mcp", token),
        call(remit, "/mcp/files", token[:-4] + "AAAA"),
    ]
    assert [answer.status_code for answer in refused] == [200, 400, 401, 401]
    _, payload, signature = token.split(".")
    files = {path: path.read_bytes() for path in remit.folder.rglob("*") if path.is_file()}
    assert {path.suffix for path in files} >= {".jsonl", ".log", ".sqlite3"}
    for piece in (token.encode(), payload.encode(), signature.encode()):
        assert [path for path, content in files.items() if piece in content] == []
        assert [request for request in server.received if piece in request] == []
        assert [answer for answer in refused if piece in answer.content + repr(answer.headers).encode()] == []


def test_the_broker_s_credential_is_the_only_one_and_is_nowhere_else(played: tuple[RemitProcess, Recording]) -> None:
    remit, server = played
    token = remit.token("/mcp/files")
    for header in (*UPSTREAM, *WHO):
        assert_served(call(remit, "/mcp/files", token, **{header.decode(): "Bearer smuggled-4711"}))
    assert not any(b"smuggled-4711" in request for request in server.received)
    assert all(request.lower().count(b"authorization:") == 1 for request in server.received)
    assert all(CREDENTIAL.encode() in request for request in server.received)
    held = [path for path in remit.folder.rglob("*") if path.is_file() and CREDENTIAL.encode() in path.read_bytes()]
    assert held == []


def test_every_file_is_its_owner_s_alone(played: tuple[RemitProcess, Recording]) -> None:
    remit, _ = played
    found = list((remit.folder / "state").rglob("*"))
    assert len(found) > 5
    assert [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_made_up_tokens_and_headers_reach_nothing(played: tuple[RemitProcess, Recording]) -> None:
    remit, server = played
    before = server.calls()
    for token in (None, "sk-1234", "null", "eyJhbGciOiJub25lIn0.e30.", "a.b.c"):
        assert call(remit, "/mcp/files", token).status_code == 401
    for header in WHO:
        assert call(remit, "/mcp/files", None, **{header.decode(): "engineer"}).status_code == 401
    assert server.calls() == before
    assert_served(call(remit, "/mcp/files", remit.token("/mcp/files")))


def test_another_tenant_s_token_reaches_nothing_on_any_route(played: tuple[RemitProcess, Recording]) -> None:
    remit, server = played
    before = server.calls()
    given = ("--user", "analyst", "--client", "notebook", "--purpose", "test")
    for resource in ("/mcp", "/mcp/files"):
        error = remit.cli("grant", "create", *given, "--resource", resource, expect=4)["error"]
        assert error["reason"] in ("server_unknown", "outside_grant")
    assert server.calls() == before
    assert_served(call(remit, "/mcp", remit.token("/mcp")))


def test_host_and_path_tricks_reach_nothing(played: tuple[RemitProcess, Recording]) -> None:
    remit, server = played
    before = server.calls()
    token = remit.token("/mcp/files")
    body, mirrored = modern_request(f"Bearer {token}".encode(), "tools/call", ECHO)
    own = remit.url.removeprefix("http://").encode()
    lines = b"".join(b"%b: %b\r\n" % (name, value) for name, value in mirrored.items() if value is not None)
    lines += b"content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
    lines += b"content-length: %d\r\n" % len(body)
    for host in HOSTS:
        host = host.replace(b"8700", own.rsplit(b":", 1)[1])
        line = raw(remit, b"POST /mcp/files HTTP/1.1\r\nhost: %b\r\n%b\r\n%b" % (host, lines, body))
        assert line.split(b" ")[1] in (b"400", b"403", b"421"), host
    for path in PATHS:
        line = raw(remit, b"POST %b HTTP/1.1\r\nhost: %b\r\n%b\r\n%b" % (path, own, lines, body))
        assert line.split(b" ")[1] in (b"400", b"401", b"404"), path
    assert server.calls() == before
    served = raw(remit, b"POST /mcp/files HTTP/1.1\r\nhost: %b\r\n%b\r\n%b" % (own, lines, body))
    assert served == b"HTTP/1.1 200 OK"


def test_no_page_tells_and_none_runs_a_program(played: tuple[RemitProcess, Recording], tmp_path: Path) -> None:
    remit, _ = played
    token, marker = remit.token("/mcp/files"), tmp_path / "marker"
    for page in LOOKS:
        answer = httpx2.get(remit.url + page.decode(), timeout=10, trust_env=False)
        assert answer.status_code == 401 or answer.text in TELLING_NOTHING, page
        assert not any(word in answer.text for word in ("files", "echo", "engineer", "acme")), page
    for page in PAGES:
        for headers in ({}, {"authorization": f"Bearer {token}"}):
            sent = {"content-type": "application/json"} | headers
            answer = httpx2.post(
                remit.url + page.decode(), content=orjson.dumps(commanding(marker)), headers=sent, trust_env=False
            )
            assert answer.status_code >= 400, page
    assert not marker.exists()
    assert_served(call(remit, "/mcp/files", token))


def test_a_port_open_to_the_outside_without_tls_is_refused_at_start(tmp_path: Path) -> None:
    settings = remit_process.configuration(remit_process.free_port(), {})
    remit_process.write(tmp_path, settings | {"listen": "0.0.0.0:8700"}, {})
    command = [sys.executable, "-m", "remit", "serve", "--config", str(tmp_path / "remit.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "has no TLS" in done.stderr
    assert not (tmp_path / "state").exists()
    with remit_process.remit_process(tmp_path / "twin", {}, {}) as running:  # the same on loopback
        assert httpx2.get(f"{running.url}/healthz", trust_env=False).status_code == 200
