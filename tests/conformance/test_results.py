import json
from pathlib import Path

import pytest

from tests.conformance.results import Difference, Finding, LegRun, differences, read_findings, readable


def write_checks(folder: Path, scenario: str, *checks: tuple[str, str, str]) -> None:
    place = folder / f"server-{scenario}-2026-11-20T13-53-29-632Z"
    place.mkdir(parents=True)
    (place / "checks.json").write_text(
        json.dumps([{"id": id_, "name": name, "status": status} for id_, name, status in checks])
    )


PASSED = Finding("SUCCESS", "")
FAILED = Finding("FAILURE", "Expected 404, got 200")


def test_checks_that_share_an_id_are_kept_apart(tmp_path: Path) -> None:
    write_checks(tmp_path, "caching", ("a", "A", "SUCCESS"), ("a", "A", "FAILURE"), ("a", "B", "WARNING"))
    (checks,) = read_findings(tmp_path).values()
    assert {check: finding.status for check, finding in checks.items()} == {
        "a/A": "SUCCESS",
        "a/A#2": "FAILURE",
        "a/B": "WARNING",
    }


def test_notes_on_the_traffic_are_no_checks_unless_they_fail(tmp_path: Path) -> None:
    write_checks(tmp_path, "poll", ("incoming-sse-event", "E", "INFO"), ("incoming-sse-event", "E", "FAILURE"))
    assert read_findings(tmp_path) == {"poll": {"incoming-sse-event/E": Finding("FAILURE", "")}}


def test_a_folder_without_findings_is_an_error_and_not_an_empty_success(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no SCENARIO/checks\.json"):
        read_findings(tmp_path)


def test_equal_runs_do_not_differ() -> None:
    runs = {"ping": {"ping/Ping": PASSED}}
    assert differences(runs, dict(runs)) == []
    assert readable([]) == "no check differs"


def test_a_changed_a_missing_and_a_new_check_each_differ() -> None:
    direct = {"ping": {"a": PASSED, "b": PASSED}, "gone": {"c": PASSED}}
    governed = {"ping": {"a": FAILED, "b": PASSED, "new": PASSED}}
    assert differences(direct, governed) == [
        Difference("gone", "c", PASSED, None),
        Difference("ping", "a", PASSED, FAILED),
        Difference("ping", "new", None, PASSED),
    ]


def test_a_difference_reads_as_what_was_expected_and_what_was_found() -> None:
    text = readable([Difference("ping", "a", PASSED, FAILED)])
    assert text == "1 checks differ:\n  ping · a: direct SUCCESS, governed FAILURE (Expected 404, got 200)"


def test_a_run_counts_what_passed_and_what_failed() -> None:
    run = LegRun("2025-11-25", {"ping": {"a": PASSED, "b": FAILED}}, conformant=False, seconds=1.25)
    assert (run.checks_passed, run.checks_failed) == (1, 1)
    assert str(run) == "2025-11-25: NOT CONFORMANT, 1 scenarios, 1 checks passed, 1 failed, 1.2 s"
