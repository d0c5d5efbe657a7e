"""`remit proposal`: acts that wait for a second person."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import CommandFailed, Exit, emit, note, table
from remit.cli.terminal import one_line, shown, somebody_answers
from remit.cli.times import until

app = App(name="proposal", help="List, confirm and withdraw what waits for a second person.")
PROPOSALS = "remit proposal list shows them"
DIGEST_HELP = "only what `remit proposal list` showed with this digest"
Name = Annotated[str, Parameter(help="the proposal's id")]


@app.command(name="list")
def list_proposals(
    *,
    ended: Annotated[bool, Parameter(help="also those that are over")] = False,
    options: Options = DEFAULT,
) -> None:
    """List what waits for a second person: what was asked, by whom, and until when it may be confirmed."""
    with options.administration_or_alone() as administration:
        found = administration.act("proposal.list")["proposals"]
    chosen = [each for each in found if ended or each["state"] == "open"]
    emit("proposals", {"proposals": chosen}, as_json=options.json, text=_listed(chosen))


@app.command
def confirm(
    proposal: Name,
    /,
    *,
    digest: Annotated[str, Parameter(help=DIGEST_HELP)] = "",
    yes: Annotated[bool, Parameter(help="do not ask", negative="")] = False,
    options: Options = DEFAULT,
) -> None:
    """Show what was proposed, ask, and carry out exactly that. Not for whoever proposed it."""
    with options.administration_or_alone() as administration:
        found = {each["id"]: each for each in administration.act("proposal.list")["proposals"]}.get(proposal)
        if found is None:
            raise usage(f"no proposal {one_line(proposal)} that you may see", PROPOSALS)
        note(_told(found))
        if not yes and not digest:
            _agree()
        asked = {"proposal": proposal, "digest": digest or found["digest"]}
        done = administration.act("proposal.confirm", asked, advice=PROPOSALS)
    text = f"done  {done['act']}  {done['decision_id']}\n{_pretty(done['result'])}"
    emit("proposal-confirm", done, as_json=options.json, text=text)


@app.command
def withdraw(proposal: Name, /, *, options: Options = DEFAULT) -> None:
    """Take a proposal back, or say no to one that is yours to confirm."""
    with options.administration_or_alone() as administration:
        done = administration.act("proposal.withdraw", {"proposal": proposal}, advice=PROPOSALS)
    emit("proposal-withdraw", done, as_json=options.json, text=f"withdrawn  {one_line(proposal)}")


def proposed_text(proposal: Mapping[str, Any]) -> str:
    """What is said where an act would have said what it did."""
    lines = [f"PROPOSED  {proposal['act']}  {proposal['id']}  open until {until(proposal['expires_at_s'])}"]
    return "\n".join([*lines, f"next   another administrator: remit proposal confirm {proposal['id']}"])


def _listed(proposals: list[dict[str, Any]]) -> str:
    if not proposals:
        return "nothing waits for a second person"
    heads = ("proposal", "state", "act", "by", "tenants", "ends", "arguments")
    rows = [
        (
            each["id"], each["state"], each["act"], one_line(each["by"], 32), " ".join(each["tenants"]),
            until(each["expires_at_s"]), one_line(json.dumps(each["arguments"]), 60),
        )
        for each in proposals
    ]  # fmt: skip
    return table(heads, rows)


def _told(proposal: Mapping[str, Any]) -> str:
    whose = ", ".join(proposal["tenants"]) or "the process"
    head = f"{proposal['act']} for {whose}, proposed by {one_line(proposal['by'])}"
    return "\n".join([head, _pretty(proposal["arguments"]), f"  digest {one_line(proposal['digest'])}"])


def _pretty(value: object) -> str:
    return "\n".join(f"  {shown(line)}" for line in json.dumps(value, indent=2, default=str).splitlines())


def _agree() -> None:
    """Raises `CommandFailed` unless a person at a terminal agrees."""
    if not somebody_answers():
        raise usage("nobody is there to be asked", "read it, then repeat with --yes or --digest")
    note("do this? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed(Exit.FINDINGS, "nothing was done")
