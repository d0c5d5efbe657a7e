"""Policy tests: what passes, what fails and where, what is not a test at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.adapters.policy.expectations import Outcome, run_tests
from tests.scenes.policy import CATALOG, write

POLICIES = """@id("workspace")
permit (principal in Role::"engineer", action == Action::"files/read_file", resource)
when { context.args.path like "/workspace/*" && context.time < datetime("2026-06-01") };
"""


def outcomes(policies_dir: Path, tests: str, policies: str = POLICIES) -> list[Outcome]:
    write(policies_dir, acme__a=policies)
    (policies_dir / "acme" / "a.test.yaml").write_text(tests)
    return run_tests(policies_dir, CATALOG)


def test_expectations_that_hold_pass(tmp_path: Path) -> None:
    found = outcomes(
        tmp_path,
        """given: {roles: [engineer], tool: files/read_file, args: {path: /workspace/a}}
tests:
  - {name: inside, expect: permit, by: workspace}
  - {name: outside, args: {path: /etc}, expect: no_permit}
  - {name: nobody, roles: [], expect: deny}
  - {name: later, time: 2026-07-01T00:00:00Z, expect: deny}
  - {name: listed, args: unknown, expect: permit}
  - {name: production, environment: prod, expect: forbid, by: [base-environment]}
  - {name: wiped, tool: files/wipe, expect: forbid, by: base-high-risk}
  - {name: session, tool: files/read_file, expect: permit}
  - {name: elsewhere, expect: deny, kind: Workload, roles: [ci]}
""",
    )
    assert [outcome for outcome in found if not outcome.passed] == []
    assert [outcome.line for outcome in found] == list(range(3, 12))


def test_other_methods_are_asked_about_by_name(tmp_path: Path) -> None:
    found = outcomes(
        tmp_path,
        """given: {server: files}
tests:
  - {name: open, method: initialize, expect: permit, by: base-session}
  - {name: read, method: resources/read, target: "file:///a", expect: no_permit}
""",
    )
    assert [outcome.problem for outcome in found] == ["", ""]


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("expect: permit, args: {path: /etc}", "expected permit, found no_permit"),
        ("expect: deny, args: {path: /workspace/a}", "expected deny, found permit by workspace"),
        ("expect: permit, by: other, args: {path: /workspace/a}", "expected permit by other, found it by workspace"),
        ("expect: maybe", "expect is 'maybe'"),
        ("expect: deny, colour: red", "unknown key 'colour'"),
        ("expect: deny, tool: files/nothing", "server files has no tool 'nothing'"),
        ("expect: deny, tool: crm/find", "tenant acme has no server 'crm'"),
        ("expect: deny, args: {path: 1, __entity: {}}", "refused before policy"),
        ("expect: deny, args: [1]", "args are list"),
        ("expect: deny, attestation: strong", "'strong' is not a valid Attestation"),
        ("expect: deny, time: yesterday", "time: "),
    ],
)
def test_an_expectation_that_does_not_hold_fails_with_its_line(tmp_path: Path, test: str, problem: str) -> None:
    given = "given: {roles: [engineer], tool: files/read_file}"
    (outcome,) = outcomes(tmp_path, f"{given}\n\ntests:\n  - {{name: one, {test}}}\n")
    assert (outcome.file, outcome.line, outcome.name, outcome.passed) == ("acme/a.test.yaml", 4, "one", False)
    assert problem in outcome.problem


@pytest.mark.parametrize(
    "text", ["", "tests: []", "tests: {a: 1}", "[1]", "tests: [", "tests: [{}]\nextra: 1", "tests: [3]"]
)
def test_a_file_without_tests_is_a_failure_not_a_pass(tmp_path: Path, text: str) -> None:
    found = outcomes(tmp_path, text)
    assert found
    assert not any(outcome.passed for outcome in found)


def test_tests_of_a_faulty_set_fail(tmp_path: Path) -> None:
    (outcome,) = outcomes(tmp_path, "tests: [{expect: deny, tool: files/read_file}]", "permit (nobody);")
    assert "acme/a.cedar:1" in outcome.problem


def test_tests_in_a_folder_that_cannot_be_read_are_a_failure_not_a_pass(tmp_path: Path) -> None:
    (tmp_path / "acme").symlink_to("acme")
    (tmp_path / "file").write_text("")
    for folder, file in ((tmp_path, "acme/"), (tmp_path / "file", "file")):
        (outcome,) = run_tests(folder, CATALOG)
        assert (outcome.file, outcome.passed) == (file, False)
