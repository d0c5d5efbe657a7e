"""The commands against a running Remit with real servers: what a person types, what they read, how it ends."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.app.demo import PEERS, ServeProcess, Stage, set_stage
from remit.app.peers.prepare import prepare
from remit.cli.connection import Administration
from tests.integration.test_demo import remit

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("commands") / "stage"
    stage = set_stage(folder, prepare(PEERS))
    serving = ServeProcess(stage)
    try:
        serving.start()
        serving.wait_until(stage.socket.exists, every_s=0.02)
        serving.wait_until(lambda: known(stage) == len(PEERS), every_s=0.25)
        yield stage
    finally:
        serving.stop()
        shutil.rmtree(folder)


def known(stage: Stage) -> int:
    with Administration.at(stage.socket) as administration:
        return sum(server["health"] == "ok" for server in administration.act("server.list")["servers"])


def called(stage: Stage, *words: str) -> tuple[int, dict[str, Any]]:
    done = remit("call", *words, "--json", folder=stage.folder)
    return done.returncode, json.loads(done.stdout)


def test_policies_of_tools_that_are_there_are_found_well_before_any_call(stage: Stage) -> None:
    findings = json.loads(remit("doctor", "--json", folder=stage.folder).stdout)["findings"]
    assert [
        found["found"] for found in findings if found["what"].startswith("policies") and found["state"] != "ok"
    ] == []


def test_a_legacy_servers_tool_is_called_with_the_arguments_typed(stage: Stage) -> None:
    code, found = called(
        stage, "everything/trigger-long-running-operation", "duration=0.1", "steps=1", "--as", "engineer"
    )
    assert (code, found["outcome"]) == (0, "ok")
    assert "Duration: 0.1 seconds, Steps: 1" in found["result"]["content"][0]["text"]


def test_a_modern_servers_tool_is_called_the_modern_way(stage: Stage) -> None:
    code, found = called(stage, "git/git_log", f"repo_path={stage.repository}", "max_count=1", "--as", "engineer")
    assert (code, found["outcome"]) == (0, "ok")
    assert "Say what it is for" in json.dumps(found["result"])
    assert "initialize" not in [record.get("method") for record in tail(stage, 8)]


def test_a_denial_can_be_explained_and_says_where_its_nearest_permit_stands(stage: Stage) -> None:
    code, found = called(stage, "files/write_file", "path=/etc/passwd", "content=x", "--as", "engineer")
    assert (code, found["outcome"], found["decision"]["reason"]) == (4, "denied", "policy_no_permit")
    explained = remit("explain", found["decision"]["decision_id"], folder=stage.folder)
    assert explained.returncode == 0
    assert '"write-inside-workspace" (acme/files.cedar:10)' in explained.stdout
    assert not Path("/etc/passwd").read_text().startswith("x")


def test_the_same_call_inside_is_permitted(stage: Stage) -> None:
    path = stage.workspace / "typed.txt"
    code, _ = called(stage, "files/write_file", f"path={path}", "content=x", "--as", "engineer")
    assert code == 0
    assert path.read_text() == "x"


def test_a_call_leaves_no_live_grant_behind(stage: Stage) -> None:
    called(stage, "time/get_current_time", "timezone=UTC", "--as", "analyst")
    listed = remit("grant", "list", "--user", "analyst", "--json", folder=stage.folder)
    assert json.loads(listed.stdout)["grants"] == []


def without_decisions(text: str) -> str:
    return re.sub(r"dec_\w+", "dec_", text)


def test_a_server_of_another_tenant_looks_like_none(stage: Stage) -> None:
    other = remit("call", "git/git_log", f"repo_path={stage.repository}", "--as", "analyst", folder=stage.folder)
    none = remit("call", "nothing/git_log", "--as", "analyst", folder=stage.folder)
    assert (other.returncode, none.returncode) == (4, 4)
    assert without_decisions(other.stderr) == without_decisions(none.stderr)


def test_what_is_revoked_is_listed_with_its_time_to_effect(stage: Stage) -> None:
    words = ("--user", "engineer", "--client", "acme-client", "--purpose", "try", "--scope", "git")
    made = json.loads(remit("grant", "create", *words, "--json", folder=stage.folder).stdout)
    revoked = json.loads(remit("revoke", "--user", "engineer", "--json", folder=stage.folder).stdout)
    assert revoked["grants"] == [made["grant"]["id"]]
    assert revoked["elapsed_ms"] < 1000
    again = json.loads(remit("revoke", "--user", "engineer", "--json", folder=stage.folder).stdout)
    assert again["grants"] == []


def test_a_running_remit_is_found_well(stage: Stage) -> None:
    done = remit("doctor", "--json", folder=stage.folder)
    states = {finding["what"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, done.stdout
    assert {states[f"server {name}"] for name in ("everything", "files", "git", "time")} == {"ok"}
    assert states["public_url"] == "ok"


def test_the_ledger_is_read_and_verified_while_it_is_written(stage: Stage) -> None:
    exported = remit("audit", "export", "--first", "1", "--last", "3", folder=stage.folder)
    assert [json.loads(line)["seq"] for line in exported.stdout.splitlines()] == [1, 2, 3]
    assert remit("audit", "verify", folder=stage.folder).returncode == 0


def write_intent(stage: Stage, path: Path, content: str) -> str:
    assert called(stage, "files/write_file", f"path={path}", f"content={content}", "--as", "engineer")[0] == 0
    newest = reversed(tail(stage, 8))
    return next(str(record["id"]) for record in newest if record.get("action") == "files/write_file")


def proof(stage: Stage, decision: str, arguments: Path) -> tuple[int, str]:
    done = remit("audit", "prove", decision, "--arguments", str(arguments), "--json", folder=stage.folder)
    return done.returncode, json.loads(done.stdout)["proof"]


def test_arguments_are_proven_until_they_are_erased_and_the_ledger_verifies_after(stage: Stage) -> None:
    path, given = stage.workspace / "proven.txt", stage.folder / "given.json"
    decision, kept = write_intent(stage, path, "said-only-once"), write_intent(stage, path, "two")
    given.write_text(json.dumps({"content": "said-only-once", "path": str(path)}))
    assert proof(stage, decision, given) == (0, "matches")
    assert proof(stage, kept, given) == (1, "differs")
    erased = remit("audit", "erase", decision, "--json", folder=stage.folder)
    assert json.loads(erased.stdout)["erased"] is True
    assert proof(stage, decision, given) == (1, "erased")
    assert proof(stage, kept, given) == (1, "differs"), "only one salt is gone"
    assert remit("audit", "verify", folder=stage.folder).returncode == 0
    acts = [(record.get("act"), record.get("decision")) for record in tail(stage, 40)]
    assert ("audit.erase", decision) in acts
    assert "said-only-once" not in json.dumps(tail(stage, 40)), "what was given to prove is kept nowhere"


def test_an_erasure_that_fails_is_on_record_as_refused(stage: Stage) -> None:
    decision = write_intent(stage, stage.workspace / "kept.txt", "x")
    (salts,) = [path for path in (stage.folder / "state" / "ledger").glob("salts-*.bin") if path.stat().st_size > 65000]
    salts.rename(salts.with_name("away"))
    try:
        done = remit("audit", "erase", decision, "--json", folder=stage.folder)
    finally:
        salts.with_name("away").rename(salts)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["reason"]) == (5, "ledger_unavailable")
    assert remit("explain", error["decision_id"], folder=stage.folder).stdout.count("ledger_unavailable") == 1
    assert json.loads(remit("audit", "erase", decision, "--json", folder=stage.folder).stdout)["erased"] is True


@pytest.mark.parametrize("given", ["[]", "NaN", '{"a": NaN}', '"\\ud800"', "{" * 300, '{"a":' * 300 + "1" + "}" * 300])
def test_what_could_not_be_a_call_s_arguments_is_refused_with_a_sentence(stage: Stage, given: str) -> None:
    file = stage.folder / "odd.json"
    file.write_text(given)
    done = remit("audit", "prove", "dec_none", "--arguments", str(file), folder=stage.folder)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "decision" not in done.stderr.splitlines()[0]


def test_a_decision_that_never_was_is_neither_proven_nor_erased(stage: Stage) -> None:
    for words in (("erase", "dec_none"), ("prove", "dec_none", "--arguments", str(stage.folder / "remit.yaml"))):
        done = remit("audit", *words, folder=stage.folder)
        assert done.returncode != 0
    done = remit("audit", "erase", "dec_none", folder=stage.folder)
    assert "no decision 'dec_none' that you may see" in done.stderr


def tail(stage: Stage, count: int) -> list[dict[str, Any]]:
    done = remit("audit", "tail", "--count", str(count), "--json", folder=stage.folder)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert {document["schema"] for document in documents} == {"remit/audit-record/1"}
    return [document["record"] for document in documents]
