"""`remit server`: what is behind Remit, and what changed since it was trusted."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.connection import Proposed
from remit.cli.names import SERVERS
from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import CommandFailed, Exit, emit, note, table
from remit.cli.terminal import one_line, shown, somebody_answers

app = App(name="server", help="List servers, show what changed, approve changes.")
ITEM_HELP = "only this item, for example tool/write_file"
DIGEST_HELP = "only the definition that `remit server diff` showed with this digest"


@app.command(name="list")
def list_servers(
    *,
    tools: Annotated[bool, Parameter(negative=(), help="the tools instead, one SERVER/TOOL a line")] = False,
    options: Options = DEFAULT,
) -> None:
    """List the registered servers: health, eras, what they offer, what is withheld."""
    with options.administration() as administration:
        found = administration.act("server.list")
    text = named(found["servers"]) if tools else listed(found["servers"])
    emit("servers", found, as_json=options.json, text=text)
    withheld = [server["name"] for server in found["servers"] if server["withheld"]]
    if withheld and not options.json:
        note(f"changed since trusted: {', '.join(withheld)}\nnext   remit server diff {withheld[0]}")
    misnamed = [one_line(named) for server in found["servers"] for named in server["misnamed"]]
    if misnamed and not options.json:
        note("\n".join(["restrictions about no tool, which restrict nothing:", *misnamed]))


def named(servers: list[dict[str, Any]]) -> str:
    """Every tool by the name that policies, grants and `remit call` use."""
    names = [one_line(name) for server in servers for name in server["tool_names"]]
    return "\n".join(names) or "no server offers a tool"


def listed(servers: list[dict[str, Any]]) -> str:
    if not servers:
        return "no servers are registered"
    rows = [
        (
            server["name"],
            server["health"],
            " ".join(server["eras"]) or "-",
            *(server[kind] for kind in ("tools", "resources", "prompts")),
            len(server["withheld"]),
            one_line(server["mode"], 40),
            " ".join(server["tenants"]),
            server["environment"],
            one_line(server["owner"], 32),
        )
        for server in servers
    ]
    heads = (
        "server",
        "health",
        "eras",
        "tools",
        "resources",
        "prompts",
        "withheld",
        "mode",
        "tenants",
        "environment",
        "owner",
    )
    return table(heads, rows)


@app.command
def diff(server: str, /, *, options: Options = DEFAULT) -> int:
    """Show what a server changed since it was trusted. Exit code 1 when there is something to review."""
    with options.administration() as administration:
        found = administration.act("server.diff", {"server": server}, advice=SERVERS)
    emit("server-diff", found, as_json=options.json, text=diffed(server, found["changes"]))
    if found["changes"] and not options.json:
        note(f"next   remit server approve {server}   (or with --item, one at a time)")
    return Exit.FINDINGS if found["changes"] else Exit.OK


def diffed(server: str, changes: list[dict[str, Any]]) -> str:
    if not changes:
        return f"{server}: everything is as it was trusted"
    return "\n".join(line for change in changes for line in _change(change))


def _change(change: dict[str, Any]) -> list[str]:
    head = f"{change['drift']}  {change['kind']}/{one_line(change['name'])}"
    before, after = _pretty(change.get("before")), _pretty(change.get("after"))
    gone = [f"  - {line}" for line in before if line not in after]
    came = [f"  + {line}" for line in after if line not in before]
    digest = [f"  digest {one_line(change['digest'])}"] if change.get("digest") else []
    return [head, *gone, *came, *digest]


def _pretty(definition: object) -> list[str]:
    """A definition as sorted JSON lines, each safe to show."""
    if not definition:
        return []
    try:
        value = json.loads(definition) if isinstance(definition, str | bytes) else definition
    except ValueError:
        value = definition
    return [shown(line) for line in json.dumps(value, indent=2, sort_keys=True, default=str).splitlines()]


@app.command
def approve(
    server: str,
    /,
    *,
    item: Annotated[str, Parameter(help=ITEM_HELP)] = "",
    digest: Annotated[str, Parameter(help=DIGEST_HELP)] = "",
    yes: Annotated[bool, Parameter(help="do not ask", negative="")] = False,
    options: Options = DEFAULT,
) -> None:
    """Show what changed, ask, and trust exactly that. Each approval is a decision and is recorded."""
    with options.administration() as administration:
        changes = administration.act("server.diff", {"server": server}, advice=SERVERS)["changes"]
        chosen = [change for change in changes if _wanted(change, item, digest)]
        if item and not chosen:
            raise usage(f"{server}: nothing like {item} is waiting for approval", f"remit server diff {server}")
        if chosen:
            note(diffed(server, chosen))
            if not yes and not digest:
                _confirm(len(chosen))
        approved, waiting = list[str](), list[dict[str, Any]]()
        for change in chosen:
            asked = {"server": server, "item": _name(change), "digest": change.get("digest", "")}
            try:
                approved += administration.act("server.approve", asked)["approved"]
            except Proposed as proposed:
                waiting += proposed.proposals
        if waiting:
            raise Proposed(waiting)
    text = "\n".join(f"approved  {server} {one_line(name)}" for name in approved) or f"{server}: nothing was waiting"
    emit("server-approve", {"approved": approved}, as_json=options.json, text=text)


def _name(change: dict[str, Any]) -> str:
    return f"{change['kind']}/{change['name']}"


def _wanted(change: dict[str, Any], item: str, digest: str) -> bool:
    return (not item or _name(change) == item) and (not digest or change.get("digest") == digest)


def _confirm(count: int) -> None:
    """Raises `CommandFailed` unless a person at a terminal agrees."""
    if not somebody_answers():
        raise usage("nobody is there to be asked", "read the diff, then repeat with --yes")
    note(f"trust {'this' if count == 1 else f'these {count}'}? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed(Exit.FINDINGS, "nothing was approved")
