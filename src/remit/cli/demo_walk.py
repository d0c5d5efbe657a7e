"""The demo's steps: what each shows, and what really happened."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from remit.app.demo import Stage
from remit.app.demo_client import Answer, call
from remit.app.settings import load
from remit.app.verification import own_public_keys, read_anchor, verify_ledger
from remit.cli.call import near_miss, quoted
from remit.cli.connection import Administration
from remit.cli.output import paint
from remit.cli.terminal import one_line

COLOUR = {"PERMITTED": "32", "DENIED": "31", "REVOKED": "33"}


@dataclass(frozen=True, slots=True)
class Step:
    """One call: who, at which endpoint, with a grant for what, calls which tool, and how it should end."""

    title: str
    user: str
    client: str
    endpoint: str
    granted: str
    tool: str
    arguments: dict[str, Any]
    expected: str

    @property
    def bare_tool(self) -> str:
        return self.tool.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Shown:
    """What happened in a step. `elapsed_ms` is the call's, or how long a revocation took to reach the client."""

    title: str
    verdict: str
    decision_id: str
    user: str
    tool: str
    because: str
    elapsed_ms: float
    as_expected: bool

    def line(self) -> str:
        verdict = paint(COLOUR.get(self.verdict, "35"), f"{self.verdict:9}")
        odd = "" if self.as_expected else "   NOT AS EXPECTED"
        who = f"{self.user:8}  {self.tool:23}"
        return f"{self.title:21}  {verdict}  {self.decision_id:20}  {who}  {self.because}{odd}".rstrip()

    def document(self) -> dict[str, Any]:
        return asdict(self)


def steps(stage: Stage) -> list[Step]:
    """Each denial stands beside a call that is permitted and differs in one thing."""
    repository, outside = {"repo_path": str(stage.repository)}, {"path": "/etc/passwd", "content": "mine"}
    inside = {"path": str(stage.workspace / "report.txt"), "content": "written through Remit\n"}
    git = ("engineer", "acme-client", "/mcp/git", "git/git_log")
    files = ("engineer", "acme-client", "/mcp/files", "files/write_file")
    analyst = ("analyst", "globex-client", "/mcp", "time/get_current_time")
    return [
        Step("allowed", *git, "git/git_log", {**repository, "max_count": 3}, "PERMITTED"),
        Step("outside the grant", *git, "git/git_status", repository, "DENIED"),
        Step("allowed", *files, "files/write_file", inside, "PERMITTED"),
        Step("other arguments", *files, "files/write_file", outside, "DENIED"),
        Step("allowed", *analyst, "time/get_current_time", {"timezone": "UTC"}, "PERMITTED"),
        Step("another tenant's", *analyst, "git/git_log", repository, "DENIED"),
    ]


def walk(stage: Stage, administration: Administration) -> Iterator[Shown]:
    """Take the steps, one after the other, then revoke a grant in the middle of a long call."""
    for step in steps(stage):
        yield asyncio.run(_take(step, stage, administration))
    yield asyncio.run(_revoked(stage, administration))


async def _take(step: Step, stage: Stage, administration: Administration) -> Shown:
    made = _grant(step, administration)
    started_s = time.monotonic()
    answer = await call(f"{stage.url}{step.endpoint}", made["access_token"], step.bare_tool, step.arguments)
    elapsed_ms = (time.monotonic() - started_s) * 1000
    administration.act("grant.end", {"grant": made["grant"]["id"]})
    if answer.decision:
        decision_id = str(answer.decision["decision_id"])
        recorded = administration.act("explain", {"decision_id": decision_id}).get("reason", "")
        return _shown(step, "DENIED", decision_id, _why(answer.decision, str(recorded)), elapsed_ms)
    record = _intent_of(made["grant"]["id"], administration)
    verdict = "FAILED" if answer.failed else "PERMITTED"
    because = f"by {quoted(record.get('determining', []))}: {one_line(answer.text, 48)}"
    return _shown(step, verdict, str(record.get("id", "")), because, elapsed_ms)


def _grant(step: Step, administration: Administration) -> dict[str, Any]:
    return administration.act(
        "grant.create",
        {
            "user": step.user,
            "client": step.client,
            "purpose": f"demo: {step.title}",
            "tools": [step.granted],
            "scopes": [],
            "resource": step.endpoint,
            "ttl_s": 300,
            "presence": "autonomous",
            "environment": "dev",
        },
    )


def _shown(step: Step, verdict: str, decision_id: str, because: str, elapsed_ms: float) -> Shown:
    expected = verdict == step.expected and bool(decision_id)
    return Shown(step.title, verdict, decision_id, step.user, step.tool, one_line(because, 200), elapsed_ms, expected)


def _why(decision: Mapping[str, Any], recorded: str) -> str:
    """What the client was told, and what is on record where the client may not know it."""
    why = str(decision.get("reason", ""))
    if recorded != why:
        why = f"{recorded} on record; the client is told {why}"
    if decision.get("policy"):
        why += f" by {quoted(decision['policy'])}"
    return f"{why}; near miss: {near_miss(decision['near_miss'])}" if decision.get("near_miss") else why


def _intent_of(grant: str, administration: Administration) -> Mapping[str, Any]:
    """The record of the tool call made under a grant, from the ledger itself."""
    records = administration.items("audit.tail", {"count": 200, "follow": False})
    found = [
        r for r in records if r.get("kind") == "intent" and r.get("grant") == grant and "/" in str(r.get("action"))
    ]
    return next((r for r in reversed(found) if r.get("method") == "tools/call"), {})


async def _revoked(stage: Stage, administration: Administration) -> Shown:
    """A call that would take half a minute, and the end of its grant as soon as it reports progress."""
    name = "everything/trigger-long-running-operation"
    where = ("engineer", "acme-client", "/mcp/everything", name, name)
    step = Step("revoked in the middle", *where, {"duration": 30, "steps": 60}, "REVOKED")
    made = _grant(step, administration)
    started = asyncio.Event()
    url = f"{stage.url}{step.endpoint}"
    running = asyncio.create_task(call(url, made["access_token"], step.bare_tool, step.arguments, started=started))
    first = asyncio.create_task(started.wait())
    await asyncio.wait({running, first}, return_when=asyncio.FIRST_COMPLETED)
    first.cancel()
    revoked_s = time.monotonic()
    done = await asyncio.to_thread(administration.act, "revoke", {"grant": made["grant"]["id"]})
    answer: Answer = await running
    effect_ms = (time.monotonic() - revoked_s) * 1000
    record = _intent_of(made["grant"]["id"], administration)
    verdict = "REVOKED" if answer.failed and done["calls"] else "PERMITTED"
    ended = f"{done['calls']} requests in flight and {done['processes']} process ended in {done['elapsed_ms']:.0f} ms"
    because = f"{ended}; the client knew after {effect_ms:.0f} ms"
    return _shown(step, verdict, str(record.get("id", "")), because, effect_ms)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger after the walk: verified against its key and a fresh anchor, and every decision looked up in it."""

    records: int
    verified: bool
    missing: tuple[str, ...]
    anchored_at: str

    @classmethod
    def examined(cls, administration: Administration, stage: Stage, shown: list[Shown]) -> Ledger:
        known = {str(record.get("id")) for record in administration.items("audit.export")}
        anchor = stage.folder / "anchor.json"
        anchor.write_text(json.dumps(administration.act("audit.head")))
        configuration = load(stage.configuration)
        found = verify_ledger(configuration.ledger_dir, own_public_keys(configuration), read_anchor(anchor))
        missing = tuple(step.decision_id for step in shown if step.decision_id not in known)
        return cls(found["records"], found["verified"], missing, str(anchor))

    @property
    def holds(self) -> bool:
        return self.verified and not self.missing

    def line(self) -> str:
        found = f"not in it: {', '.join(self.missing)}" if self.missing else "every decision is in it"
        state = "verified" if self.verified else "BROKEN"
        return f"ledger of {self.records} records {state}; {found}; anchor in {self.anchored_at}"

    def document(self) -> dict[str, Any]:
        return asdict(self)
