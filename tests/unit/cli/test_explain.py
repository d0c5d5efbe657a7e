"""`remit explain`: verdict, who, what, why, what next, on one screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from remit.cli.explain import explained
from tests.unit.cli.conftest import Running

DENIED: dict[str, Any] = {
    "decision_id": "dec_7Q2K",
    "kind": "denial",
    "at": "2026-11-20T14:00:00.000000Z",
    "decision": "deny",
    "asked": {
        "subject": "engineer", "client": "acme-client", "actors": ["administrator"], "tenant": "acme",
        "environment": "dev", "roles": ["engineer"], "presence": "autonomous", "purpose": "triage", "grant": "grt_1",
        "method": "tools/call", "action": "files/write_file", "server": "files", "target": "write_file",
    },
    "determining": [],
    "policy_version": "da0f0c34a539",
    "near_miss": {"policy": "write-inside (acme/files.cedar:12)", "failed": ['context.args.path like "/workspace/*"']},
    "reason": "policy_no_permit",
    "because": "no policy permits this",
    "next": "meet the condition of write-inside (acme/files.cedar:12), or ask its owner to change it",
}  # fmt: skip


def test_a_denial_fits_eight_lines_and_names_the_nearest_permit_with_its_place() -> None:
    lines = explained(DENIED).splitlines()
    assert len(lines) <= 8
    assert lines[0].startswith("DENIED  dec_7Q2K")
    assert lines[0].endswith("no policy permits this [policy_no_permit]")
    text = "\n".join(lines)
    assert "engineer of acme, roles engineer, through acme-client, acting: administrator (autonomous)" in text
    assert 'nearest  "write-inside" (acme/files.cedar:12) would permit if context.args.path like "/workspace/*"' in text
    assert "next     meet the condition" in text


def test_a_permit_names_the_policies_that_gave_it() -> None:
    permitted = {**DENIED, "decision": "permit", "kind": "intent", "near_miss": None, "outcome": "ok", "because": ""}
    permitted |= {"determining": ["read (acme/git.cedar:2)"], "reason": "", "next": ""}
    lines = explained(permitted).splitlines()
    assert lines[0].startswith("PERMITTED  dec_7Q2K")
    assert '  decided  permitted by "read" (acme/git.cedar:2)' in lines
    assert not any(line.strip().startswith("next") for line in lines)


def test_what_others_wrote_stays_on_its_line() -> None:
    hostile = {**DENIED, "asked": {**DENIED["asked"], "purpose": "x\n  decided  permitted by everybody\x1b[2J"}}
    lines = explained(hostile).splitlines()
    assert sum(line.startswith("  decided") for line in lines) == 1
    assert "\x1b" not in explained(hostile)


def test_the_command_asks_for_exactly_this_decision(
    remit: Callable[..., tuple[int, str, str]], running: Running
) -> None:
    running.answers["explain"] = DENIED
    code, out, _ = remit("explain", "dec_7Q2K", "--json")
    assert code == 0
    assert json.loads(out) == {"schema": "remit/explain/1", **DENIED}
    assert running.asked == [("explain", {"decision_id": "dec_7Q2K"})]


def test_an_administrative_act_names_who_did_what() -> None:
    story = {
        "decision_id": "dec_1", "kind": "admin", "at": "t", "decision": "admin", "outcome": "ok",
        "asked": {"administrator": "ann", "act": "revoke"},
    }  # fmt: skip
    assert explained(story).splitlines() == ["ADMIN  dec_1  t  ok", "  who      ann", "  asked    revoke"]
