"""kill -9 at any instant: the ledger verifies, what was acknowledged is there, what did not finish reads `unknown`."""

from __future__ import annotations

import random
import select
import subprocess
import sys
import time
from pathlib import Path

from remit.adapters.ledger.index import LedgerIndex
from remit.adapters.ledger.segment import read_left
from remit.core.ledger import RecordKind
from tests.scenes.ledger import Scene

ROOT = Path(__file__).parents[2]
KILLS = 30


def acknowledged_until_killed(directory: Path, run: int, run_s: float) -> list[str]:
    """Start a writer, kill it `run_s` after its first acknowledgement, and return all it acknowledged."""
    command = [sys.executable, "-m", "tests.integration.ledger_writer", str(directory), str(run)]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, bufsize=0)
    assert writer.stdout is not None
    try:
        said = writer.stdout.read(1)
        assert said, "the writer ended by itself"
        kill_at_s = time.monotonic() + run_s
        while (left_s := kill_at_s - time.monotonic()) > 0:
            if select.select([writer.stdout], [], [], left_s)[0]:
                said += writer.stdout.read(65536)
    finally:
        writer.kill()
        with writer.stdout:
            said += writer.stdout.read()
        assert writer.wait() == -9, "it was to be killed, and ended otherwise"
    return said.decode().splitlines()


def test_the_ledger_verifies_after_kill_9_at_thirty_instants(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "ledger")
    dice = random.Random(20261120)
    acknowledged: set[str] = set()
    unknown: list[str] = []
    for run in range(KILLS):
        acknowledged.update(acknowledged_until_killed(scene.directory, run, dice.uniform(0, 0.06)))
        report = scene.verify()
        assert report.verified, f"run {run}: {report.broken}"
        left = read_left(scene.directory)
        assert not left.damaged
        unknown += left.unfinished

    records = scene.records()
    intents = [record["id"] for record in records if record["kind"] == RecordKind.INTENT]
    outcomes = {record["id"] for record in records if record["kind"] == RecordKind.OUTCOME}
    named = [decision_id for r in records if r["kind"] == RecordKind.SEGMENT for decision_id in r["unknown"]]
    assert acknowledged <= set(intents)
    assert len(intents) == len(set(intents))
    assert set(intents) - outcomes == set(unknown)
    assert named == unknown[: len(named)]
    assert len(acknowledged) > KILLS
    assert unknown, "no kill hit a call in flight, so nothing was proven"

    index = LedgerIndex(tmp_path / "index.sqlite3", scene.directory)
    explained = [index.explain(decision_id) for decision_id in intents]
    assert {found.record["id"] for found in explained if found and found.status == "unknown"} == set(unknown)
    assert None not in explained
    index.close()


def test_a_killed_writer_leaves_no_lock_and_its_successor_names_what_it_left(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "ledger")
    acknowledged_until_killed(scene.directory, 0, 0.02)
    before = read_left(scene.directory)
    ledger = scene.open()
    assert list(ledger.left.unfinished) == list(before.unfinished)
    first = scene.records()[-1]
    assert first["kind"] == RecordKind.SEGMENT
    assert first["predecessor"] == before.as_predecessor()
    assert first["unknown"] == list(before.unfinished)
    anchor = ledger.head()
    ledger.close()
    assert scene.verify(anchor).verified
