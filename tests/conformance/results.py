"""What a run of the official suite found, and how two runs differ."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = re.compile(r"(?:authorization-)?server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")
_TRANSCRIPT: Final = {"outgoing-request", "incoming-response", "incoming-sse-event", "stream-closed"}
"""Notes on the traffic, not checks: how many there are depends on timing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its status (SUCCESS, FAILURE, WARNING, SKIPPED, INFO) and what the suite said about it."""

    status: str
    message: str


Findings = Mapping[str, Mapping[str, Finding]]
"""Scenario → check → finding."""


@dataclass(frozen=True, slots=True)
class LegRun:
    """One pass of the suite over one revision. `conformant`: every scenario the revision requires passed."""

    leg: str
    findings: Findings
    conformant: bool
    seconds: float

    @property
    def checks_passed(self) -> int:
        return sum(finding.status == "SUCCESS" for checks in self.findings.values() for finding in checks.values())

    @property
    def checks_failed(self) -> int:
        return sum(finding.status == "FAILURE" for checks in self.findings.values() for finding in checks.values())

    def __str__(self) -> str:
        verdict = "conformant" if self.conformant else "NOT CONFORMANT"
        return (
            f"{self.leg}: {verdict}, {len(self.findings)} scenarios, {self.checks_passed} checks passed, "
            f"{self.checks_failed} failed, {self.seconds:.1f} s"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A check on which two runs disagree; None where a run does not have it at all."""

    scenario: str
    check: str
    direct: Finding | None
    governed: Finding | None

    def __str__(self) -> str:
        said = next((f.message for f in (self.governed, self.direct) if f is not None and f.message), "")
        before, after = (found.status if found is not None else "absent" for found in (self.direct, self.governed))
        return f"{self.scenario} · {self.check}: direct {before}, governed {after}{said and f' ({said})'}"


def read_findings(folder: Path) -> Findings:
    """The findings below a suite's output folder. Raises ValueError when it holds none."""
    found: dict[str, dict[str, Finding]] = {}
    for file in sorted(folder.glob("*/checks.json")):
        if match := _FOLDER.fullmatch(file.parent.name):
            found[match["scenario"]] = dict(_named(json.loads(file.read_text())))
    if not found:
        raise ValueError(f"{folder} holds no SCENARIO/checks.json")
    return found


def _named(checks: list[dict[str, Any]]) -> Iterator[tuple[str, Finding]]:
    """Several checks may share an id; they are told apart by name and, where that is shared too, by position."""
    seen: dict[str, int] = {}
    for check in checks:
        if check["id"] in _TRANSCRIPT and check["status"] == "INFO":
            continue
        name = f"{check['id']}/{check['name']}"
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name}#{seen[name]}"
        yield label, Finding(check["status"], (check.get("errorMessage") or "").strip())


def differences(direct: Findings, governed: Findings) -> list[Difference]:
    """Every check that does not have the same status in both runs, scenario by scenario."""
    return [
        Difference(scenario, check, before.get(check), after.get(check))
        for scenario in sorted(direct.keys() | governed.keys())
        for before, after in [(direct.get(scenario, {}), governed.get(scenario, {}))]
        for check in sorted(before.keys() | after.keys())
        if _status(before.get(check)) != _status(after.get(check))
    ]


def _status(finding: Finding | None) -> str | None:
    return finding.status if finding is not None else None


def readable(found: list[Difference]) -> str:
    if not found:
        return "no check differs"
    return "\n".join([f"{len(found)} checks differ:", *(f"  {difference}" for difference in found)])
