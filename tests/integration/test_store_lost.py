"""The store is gone and the ledger is not: what was pinned is not pinned a second time without a word."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.peers import remit_process
from tests.peers.remit_process import RemitProcess

PROBE = Path(__file__).parents[1] / "peers" / "stdio_probe.py"
SERVERS = {"probe": {"stdio": {"command": [sys.executable, str(PROBE)]}}}
WHO = ("--user", "engineer", "--client", "editor", "--purpose", "test")


def again(before: RemitProcess) -> RemitProcess:
    """Remit after a restart, once it has asked its server."""
    running = remit_process.start(before.folder, before.url)
    remit_process.wait_for_servers(running)
    return running


def offered(running: RemitProcess) -> tuple[int, list[str]]:
    server: dict[str, Any] = running.cli("server", "list")["servers"][0]
    return server["tools"], server["withheld"]


def test_a_deleted_store_withholds_everything_until_it_is_approved_and_says_so(tmp_path: Path) -> None:
    with remit_process.remit_process(tmp_path, SERVERS, {}) as first:
        first.cli("grant", "create", *WHO)
        remit_process.stop(first)
        kept = again(first)
        try:
            assert offered(kept) == (2, [])
        finally:
            remit_process.stop(kept)
        log = tmp_path / "serve.log"
        assert "pins_lost" not in log.read_text()
        for part in (tmp_path / "state").glob("store.sqlite3*"):
            part.unlink()
        lost = again(first)
        try:
            tools, withheld = offered(lost)
            assert (tools, len(withheld)) == (0, 2)
            assert all(event in log.read_text() for event in ("store_behind_ledger", "pins_lost"))
            lost.cli("server", "approve", "probe", "--yes")
            assert offered(lost) == (2, [])
        finally:
            remit_process.stop(lost)
