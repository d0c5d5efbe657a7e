"""Commands while no Remit runs: the same decisions and records, one writer at a time, and nobody else is woken."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.app.alone import Alone
from remit.app.settings import Configuration, load
from remit.app.wiring import assemble
from remit.cli.connection import Administration
from remit.cli.output import CommandFailed, Exit
from remit.core.errors import Outage
from remit.core.reasons import Reason
from tests.peers import remit_process
from tests.peers.remit_process import RemitProcess

POLICIES = {"acme/all.cedar": remit_process.PERMIT_ALL}
WHO = ("--user", "engineer", "--client", "editor", "--purpose", "test")


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[RemitProcess]:
    """A Remit that has run and was killed. Its one server leaves a file behind whenever it is started."""
    woken = {"touch": {"stdio": {"command": ["touch", str(tmp_path / "woken")]}}}
    with remit_process.remit_process(tmp_path, woken, POLICIES, surveyed=False) as running:
        running.cli("grant", "create", *WHO)
        deadline_s = time.monotonic() + 10
        while not (tmp_path / "woken").exists() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        running.kill()
        (tmp_path / "woken").unlink()
        yield running


def configured(remit: RemitProcess) -> Configuration:
    return load(remit.folder / "remit.yaml")


def test_what_a_command_makes_alone_stands_when_remit_is_back(stopped: RemitProcess) -> None:
    made = stopped.cli("grant", "create", *WHO)["grant"]["id"]
    assert stopped.cli("explain", stopped.cli("revoke", "--grant", made)["decision_id"])["outcome"] == "ok"
    kept = stopped.cli("grant", "create", *WHO)["grant"]["id"]
    assert stopped.cli("audit", "verify")["verified"] is True
    back = remit_process.start(stopped.folder, stopped.url)
    try:
        states = {grant["id"]: grant["state"] for grant in back.cli("grant", "list")["grants"]}
        assert states[kept] == "active"
        assert states.get(made, "revoked") == "revoked"
    finally:
        remit_process.stop(back)


def test_a_command_alone_starts_no_server_and_opens_no_port(stopped: RemitProcess) -> None:
    stopped.cli("grant", "list")
    stopped.cli("audit", "head")
    assert not (stopped.folder / "woken").exists()


def test_while_a_command_is_alone_no_remit_starts_and_after_it_one_does(stopped: RemitProcess) -> None:
    alone = Alone(configured(stopped))
    with pytest.raises(Outage) as refused:
        asyncio.run(assemble(configured(stopped), ask_servers=False))
    assert "stop it first" in refused.value.detail
    with pytest.raises(Outage):
        Alone(configured(stopped))
    alone.close()
    Alone(configured(stopped)).close()


def test_who_is_alone_is_decided_like_anybody(stopped: RemitProcess) -> None:
    config = stopped.folder / "remit.yaml"
    config.write_text(config.read_text() + "administrators: {other: {uid: 4294967, roles: [audit], tenants: [acme]}}\n")
    alone = Alone(configured(stopped))
    with Administration(alone.socket, alone.close) as administration, pytest.raises(CommandFailed) as caught:
        administration.act("grant.list")
    assert (caught.value.code, caught.value.reason) == (Exit.DENIED, "role_missing")


def test_a_reader_that_stops_to_think_keeps_nobody_waiting(stopped: RemitProcess) -> None:
    for _ in range(3):  # more than the pipe holds
        stopped.cli("grant", "create", *WHO[:-1], "x" * 400)
    theirs, ours = os.pipe()
    fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "remit", "audit", "export", "--config", str(stopped.folder / "remit.yaml")]
    with subprocess.Popen(command, stdout=ours) as reading, os.fdopen(theirs) as exported:
        os.close(ours)
        assert '"segment"' in exported.readline()
        stopped.cli("revoke", "--user", "engineer")
        assert reading.poll() is None
        assert len(exported.readlines()) > 12


def test_commands_that_come_at_once_wait_for_each_other(stopped: RemitProcess) -> None:
    command = [sys.executable, "-m", "remit", "grant", "create", *WHO, "--config", str(stopped.folder / "remit.yaml")]
    several = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [each.wait(30) for each in several] == [0, 0, 0]
    assert len(stopped.cli("grant", "list")["grants"]) == 4


def test_a_start_that_fails_gives_the_ledger_back(stopped: RemitProcess) -> None:
    store = stopped.folder / "state" / "store.sqlite3"
    store.chmod(0o644)
    for _ in range(2):  # the second would find the lock still held
        with pytest.raises(Outage) as refused:
            Alone(configured(stopped))
        assert refused.value.reason is Reason.STORE_UNAVAILABLE
    store.chmod(0o600)
    Alone(configured(stopped)).close()


def test_a_port_that_is_taken_leaves_an_orderly_end_behind(stopped: RemitProcess) -> None:
    command = [sys.executable, "-m", "remit", "serve", "--config", str(stopped.folder / "remit.yaml")]
    with socket.create_server(("127.0.0.1", int(stopped.url.rpartition(":")[2]))):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "another process has" in done.stderr) == (5, True)
    newest = max((stopped.folder / "state" / "ledger").glob("*.jsonl"))
    last = json.loads(newest.read_text().splitlines()[-1])
    assert (last["kind"], last["why"]) == ("checkpoint", "shutdown")


def test_git_does_not_take_the_keys_along(stopped: RemitProcess) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(stopped.folder), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    git("init", "-q")
    git("add", "-A")
    listed = git("ls-files").splitlines()
    assert "remit.yaml" in listed
    assert [name for name in listed if name.startswith("state/")] == []


def test_a_command_alone_leaves_little_behind(stopped: RemitProcess) -> None:
    stopped.cli("audit", "head")
    newest = max((stopped.folder / "state" / "ledger").glob("salts-*.bin"))
    assert newest.stat().st_size <= 1024


@pytest.mark.parametrize("words", [("doctor",), ("server", "list"), ("audit", "tail", "--follow")])
def test_what_is_about_the_running_remit_still_needs_one(stopped: RemitProcess, words: tuple[str, ...]) -> None:
    assert stopped.cli(*words, expect=5)["error"]["message"] == "no running Remit for this configuration"


def test_where_remit_never_ran_a_command_makes_nothing(tmp_path: Path) -> None:
    remit_process.write(tmp_path, remit_process.configuration(8788, {}), POLICIES)
    command = [sys.executable, "-m", "remit", "grant", "list", "--config", str(tmp_path / "remit.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5
    assert "remit serve" in done.stderr
    assert not (tmp_path / "state").exists()
