"""Whoever reaches the administration socket without the command line: what cannot be read must not be taken for "no
limit", and nobody writes fields of their own into a record.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import remit_process
from tests.peers.remit_process import RemitProcess

GRANT = {"user": "engineer", "client": "editor", "purpose": "test", "resource": "/mcp/dead"}


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    servers = {"dead": {"http": {"url": f"http://127.0.0.1:{remit_process.free_port()}/mcp"}}}
    policies = {"acme/all.cedar": remit_process.PERMIT_ALL}
    folder = tmp_path_factory.mktemp("administration")
    with remit_process.remit_process(folder, servers, policies, surveyed=False) as running:
        yield running


def said(remit: RemitProcess, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(remit.folder / "state" / "admin.sock"))
        connection.sendall(line + b"\n")
        answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
    return answer


def act(remit: RemitProcess, name: str, **arguments: Any) -> dict[str, Any]:
    return said(remit, json.dumps({"act": name, "arguments": arguments}).encode())


@pytest.mark.parametrize(
    "limit",
    [
        {"calls_max": 1.5}, {"calls_max": "5"}, {"calls_max": True}, {"calls_max": []}, {"calls_max": 10**30},
        {"ttl_s": "60"}, {"ttl_s": True}, {"ttl_s": [60]}, {"ttl_s": 10**400},
        {"tools": "dead/read"}, {"tools": {"dead/read": 1}}, {"tools": [None]}, {"scopes": [5]}, {"scopes": "dead"},
    ],
)  # fmt: skip
def test_a_limit_that_cannot_be_read_is_refused_and_never_dropped(remit: RemitProcess, limit: dict[str, Any]) -> None:
    answer = act(remit, "grant.create", **GRANT, **limit)
    assert answer["ok"] is False
    assert answer["error"]["kind"] == "invalid"


def test_the_same_limits_as_they_should_be_are_kept(remit: RemitProcess) -> None:
    answer = act(remit, "grant.create", **GRANT, calls_max=5, ttl_s=60, tools=["dead/read"])
    grant = answer["result"]["grant"]
    assert grant["calls_max"] == 5
    assert grant["expires_at_s"] - grant["created_at_s"] == 60
    assert grant["scopes"] == ["dead:read"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_a_number_json_does_not_have_is_no_time_to_live(remit: RemitProcess, number: bytes) -> None:
    line = json.dumps({"act": "grant.create", "arguments": GRANT}).encode()[:-2] + b',"ttl_s":' + number + b"}}"
    assert said(remit, line)["error"]["reason"] == "malformed_json"


@pytest.mark.parametrize("name", ["user", "client", "purpose"])
def test_half_a_surrogate_pair_is_malformed_and_no_outage_of_the_ledger(remit: RemitProcess, name: str) -> None:
    assert act(remit, "grant.create", **{**GRANT, name: "\ud800"})["error"]["reason"] == "malformed_json"


def test_an_administrator_cannot_add_fields_to_the_record_of_an_act(remit: RemitProcess) -> None:
    forged = {"subject": "victim", "reason": "approved", "decision": "dec_0", "padding": "x" * 100_000}
    answer = act(remit, "revoke", grant="grt_none", **forged)
    records = _tail(remit)
    (record,) = [found for found in records if found["id"] == answer["result"]["decision_id"]]
    assert record["grant"] == "grt_none"
    assert not record.keys() & forged.keys()


def _tail(remit: RemitProcess) -> list[dict[str, Any]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(remit.folder / "state" / "admin.sock"))
        connection.sendall(b'{"act": "audit.tail", "arguments": {"count": 50}}\n')
        lines = connection.makefile("rb")
        records: list[dict[str, Any]] = []
        while "item" in (message := json.loads(lines.readline())):
            records.append(message["item"])
    return records


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_state_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    _state(tmp_path, mode)
    with (
        pytest.raises(AssertionError, match="others may write"),
        remit_process.remit_process(tmp_path, {}, {}, surveyed=False),
    ):
        pass


def test_a_ledger_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    _state(tmp_path, 0o700)
    (tmp_path / "state" / "ledger").mkdir()
    (tmp_path / "state" / "ledger").chmod(0o777)
    with (
        pytest.raises(AssertionError, match="others may write"),
        remit_process.remit_process(tmp_path, {}, {}, surveyed=False),
    ):
        pass


def test_a_state_folder_that_others_may_only_enter_is_used(tmp_path: Path) -> None:
    _state(tmp_path, 0o711)
    with remit_process.remit_process(tmp_path, {}, {}, surveyed=False) as running:
        assert running.cli("grant", "list")["grants"] == []


def _state(folder: Path, mode: int) -> None:
    (folder / "state").mkdir()
    (folder / "state").chmod(mode)
