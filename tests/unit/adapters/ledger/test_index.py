from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.adapters.ledger.file import FileLedger
from remit.adapters.ledger.index import LedgerIndex
from remit.core.ledger import RecordKind
from tests.scenes.ledger import FIELDS, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "ledger")


@pytest.fixture
def ledger(scene: Scene) -> Iterator[FileLedger]:
    ledger = scene.open()
    ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    ledger.write(RecordKind.INTENT, "dec_2", FIELDS | {"grant": "grt_2", "subject": "human:analyst"})
    ledger.write(RecordKind.DENIAL, "dec_3", FIELDS | {"reason": "policy_forbid", "tenant": "globex"})
    yield ledger
    if not ledger.failure:
        ledger.close()


@pytest.fixture
def index(ledger: FileLedger, scene: Scene, tmp_path: Path) -> Iterator[LedgerIndex]:
    index = LedgerIndex(tmp_path / "index.sqlite3", scene.directory)
    yield index
    index.close()


def test_a_finished_call_is_explained_by_its_intent_and_outcome(index: LedgerIndex) -> None:
    explained = index.explain("dec_1")
    assert explained is not None
    assert explained.record["action"] == "git/git_log"
    assert explained.outcome is not None
    assert explained.status == explained.outcome["status"] == "ok"


def test_a_call_without_an_outcome_is_unknown_and_never_failed(index: LedgerIndex) -> None:
    explained = index.explain("dec_2")
    assert explained is not None
    assert (explained.status, explained.outcome) == ("unknown", None)


def test_a_denial_is_explained_by_its_record(index: LedgerIndex) -> None:
    explained = index.explain("dec_3")
    assert explained is not None
    assert (explained.status, explained.record["reason"]) == ("denial", "policy_forbid")


def test_a_decision_that_was_never_made_is_not_found(index: LedgerIndex) -> None:
    assert index.explain("dec_nobody") is None


def test_an_answer_is_current_without_anybody_asking_for_it(index: LedgerIndex, ledger: FileLedger) -> None:
    assert index.explain("dec_4") is None
    ledger.write(RecordKind.INTENT, "dec_4", FIELDS)
    explained = index.explain("dec_4")
    assert explained is not None
    assert explained.status == "unknown"
    ledger.write(RecordKind.OUTCOME, "dec_4", {"status": "tool_error"})
    explained = index.explain("dec_4")
    assert explained is not None
    assert explained.status == "tool_error"


def test_the_newest_record_of_a_kind_is_found_as_it_stands(index: LedgerIndex) -> None:
    (newest,) = index.newest(RecordKind.INTENT)
    assert (newest["id"], newest["subject"]) == ("dec_2", "human:analyst")
    assert [record["id"] for record in index.newest(RecordKind.INTENT, 9)] == ["dec_2", "dec_1"]
    assert index.newest(RecordKind.GRANT) == []


def test_the_calls_of_a_grant_are_counted_across_restarts(index: LedgerIndex, ledger: FileLedger, scene: Scene) -> None:
    assert index.calls_by_grant() == {"grt_1": 1, "grt_2": 1}
    ledger.close()
    again = scene.open()
    again.write(RecordKind.INTENT, "dec_5", FIELDS | {"target_kind": "Tool"})
    assert index.calls_by_grant() == {"grt_1": 2, "grt_2": 1}
    again.close()


def test_opening_a_session_is_not_a_call_of_the_grant(index: LedgerIndex, ledger: FileLedger) -> None:
    ledger.write(RecordKind.INTENT, "dec_5", FIELDS | {"target_kind": "Server"})
    assert index.calls_by_grant()["grt_1"] == 1


def test_a_server_was_pinned_if_the_catalog_has_a_record_of_it(index: LedgerIndex, ledger: FileLedger) -> None:
    ledger.write(RecordKind.INTENT, "dec_5", FIELDS | {"server": "git"})
    assert index.servers_pinned() == set()
    for number, server in enumerate(("files", "files", "crm")):
        ledger.write(RecordKind.CATALOG, f"cat_{number}", {"server": server, "event": "baseline"})
    assert index.servers_pinned() == {"files", "crm"}


def test_an_index_of_another_version_is_read_again(index: LedgerIndex, scene: Scene, tmp_path: Path) -> None:
    """Whatever its tables are: those of an earlier Remit, or of a later one."""
    assert index.catch_up() == 5
    path = tmp_path / "index.sqlite3"
    db = sqlite3.connect(path)
    db.executescript("DROP TABLE record; CREATE TABLE record (seq, subject); PRAGMA user_version = 2;")
    db.close()
    other = LedgerIndex(path, scene.directory)
    assert other.catch_up() == 5
    assert other.calls_by_grant() == {"grt_1": 1, "grt_2": 1}
    other.close()


def test_an_index_of_another_ledger_starts_over_by_itself(index: LedgerIndex, scene: Scene, ledger: FileLedger) -> None:
    assert index.explain("dec_1") is not None
    ledger.close()
    for path in scene.directory.iterdir():
        path.unlink()
    other = scene.open()
    other.write(RecordKind.INTENT, "dec_other", FIELDS)
    assert index.explain("dec_1") is None
    assert index.explain("dec_other") is not None
    other.close()


def test_two_processes_may_share_the_index(index: LedgerIndex, scene: Scene, tmp_path: Path) -> None:
    other = LedgerIndex(tmp_path / "index.sqlite3", scene.directory)
    assert index.catch_up() == 5
    assert other.catch_up() == 0
    assert other.newest(RecordKind.INTENT, 9) == index.newest(RecordKind.INTENT, 9) != []
    other.close()


def test_a_file_that_is_no_database_is_thrown_away_and_read_again(
    index: LedgerIndex, scene: Scene, tmp_path: Path
) -> None:
    garbage = tmp_path / "garbage.sqlite3"
    garbage.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    other = LedgerIndex(garbage, scene.directory)
    assert other.catch_up() == index.catch_up() == 5
    other.close()


def test_a_torn_or_damaged_line_is_left_to_verification(index: LedgerIndex, ledger: FileLedger, scene: Scene) -> None:
    ledger.close()
    scene.rewrite(lambda content: content + b"not json\n" + b'{"seq":')
    assert index.catch_up() == 6
    assert [record["id"] for record in index.newest(RecordKind.DENIAL)] == ["dec_3"]
