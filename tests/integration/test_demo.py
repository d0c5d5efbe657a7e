"""The demo, whole: a real client, real servers, one Remit process; and its ledger afterwards, in strangers' hands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WALK_S_MAX = 120
EXPECTED = [
    ("git/git_log", "PERMITTED", "read-repository"),
    ("git/git_status", "DENIED", "insufficient_scope"),
    ("files/write_file", "PERMITTED", "write-inside-workspace"),
    ("files/write_file", "DENIED", "near miss"),
    ("time/get_current_time", "PERMITTED", "ask-the-time"),
    ("git/git_log", "DENIED", "tool_unknown"),
    ("everything/trigger-long-running-operation", "REVOKED", "the client knew after"),
]
pytestmark = pytest.mark.timeout(WALK_S_MAX + 30)


@dataclass(frozen=True)
class Shown:
    """What one `remit demo --once --json` left behind."""

    folder: Path
    document: dict[str, Any]

    @property
    def ledger(self) -> Path:
        return self.folder / "state" / "ledger"

    def records(self) -> list[dict[str, Any]]:
        lines = [line for path in sorted(self.ledger.glob("*.jsonl")) for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]


def remit(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One command line, in a process of its own, as a person would type it."""
    environment = {**os.environ, "NO_COLOR": "1"}
    if folder is not None:
        environment["REMIT_CONFIG"] = str(folder / "remit.yaml")
    command = [sys.executable, "-m", "remit", *words]
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=WALK_S_MAX,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("demo") / "stage"
    done = remit("demo", "--once", "--json", "--folder", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr + (folder / "serve.log").read_text()
    yield Shown(folder, json.loads(done.stdout))
    shutil.rmtree(folder)


def test_every_call_went_as_its_grant_and_its_policy_say(shown: Shown) -> None:
    steps = shown.document["steps"]
    assert [(step["tool"], step["verdict"]) for step in steps] == [(tool, verdict) for tool, verdict, _ in EXPECTED]
    for step, (_, _, said) in zip(steps, EXPECTED, strict=True):
        assert said in step["because"]
        assert step["as_expected"]


def test_every_decision_is_in_the_ledger_under_its_id_and_permits_were_recorded_first(shown: Shown) -> None:
    records = shown.records()
    for step in shown.document["steps"]:
        found = [record["kind"] for record in records if record["id"] == step["decision_id"]]
        assert found == (["denial"] if step["verdict"] == "DENIED" else ["intent", "outcome"])


def test_the_revoked_call_is_recorded_as_revoked(shown: Shown) -> None:
    revoked = shown.document["steps"][-1]["decision_id"]
    (outcome,) = [r for r in shown.records() if r["id"] == revoked and r["kind"] == "outcome"]
    assert (outcome["status"], outcome["reason"]) == ("revoked", "grant_ended")


def test_no_token_is_in_the_ledger_the_store_or_the_log(shown: Shown) -> None:
    places = [path for path in shown.folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(places) > 5
    token = re.compile(rb"eyJ[\w-]{17}")  # three letters alone turn up in a file of random bytes
    assert [path.name for path in places if token.search(path.read_bytes())] == []


def test_nothing_of_the_demo_runs_on(shown: Shown) -> None:
    assert not (shown.folder / "state" / "admin.sock").exists()
    assert remit("server", "list", folder=shown.folder).returncode == 5


def test_the_ledger_verifies_elsewhere_with_its_public_key_alone(shown: Shown, tmp_path: Path) -> None:
    elsewhere, key = carried_away(shown, tmp_path)
    anchor = shown.folder / "anchor.json"
    done = remit("audit", "verify", str(elsewhere), "--key", str(key), "--anchor", str(anchor))
    assert (done.returncode, done.stdout.split()[0]) == (0, "VERIFIED")


def test_a_changed_record_is_named(shown: Shown, tmp_path: Path) -> None:
    elsewhere, key = carried_away(shown, tmp_path)
    (path,) = elsewhere.glob("*.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if '"kind":"denial"' in line)
    lines[at] = lines[at].replace('"engineer"', '"somebody"', 1)
    path.write_text("".join(lines))
    done = remit("audit", "verify", str(elsewhere), "--key", str(key), "--json")
    assert done.returncode == 1
    broken = json.loads(done.stdout)["break"]
    assert (broken["line"], broken["seq"]) == (at + 1, at + 1)


def test_a_ledger_cut_off_before_the_anchor_is_noticed(shown: Shown, tmp_path: Path) -> None:
    elsewhere, key = carried_away(shown, tmp_path)
    (path,) = elsewhere.glob("*.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-10]))
    words = ("audit", "verify", str(elsewhere), "--key", str(key))
    assert remit(*words, "--anchor", str(shown.folder / "anchor.json")).returncode == 1
    without = remit(*words)
    assert without.returncode == 0
    assert "cannot be seen" in without.stderr


def carried_away(shown: Shown, to: Path) -> tuple[Path, Path]:
    """The ledger's files and its public key, and nothing else."""
    elsewhere, key = to / "ledger", to / "key.pem"
    elsewhere.mkdir()
    for path in shown.ledger.glob("*.jsonl"):
        shutil.copy(path, elsewhere)
    key.write_text(remit("audit", "key", folder=shown.folder).stdout)
    return elsewhere, key


def test_its_policies_pass_their_tests_against_the_tools_the_servers_offered(shown: Shown) -> None:
    done = remit("policy", "test", "--json", folder=shown.folder)
    found = json.loads(done.stdout)
    assert (done.returncode, found["failed"]) == (0, 0)
    assert found["known_servers"] == ["everything", "files", "git", "time"]
    checked = remit("policy", "check", "--json", folder=shown.folder)
    assert checked.returncode == 0
    assert json.loads(checked.stdout)["tools"] > 20


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = remit("demo", "--once", "--folder", str(tmp_path))
    assert done.returncode == 2
    assert "not a demo's folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
