"""`remit consent`: what people agreed to, and what administrators decide about that in advance."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.names import is_unknown
from remit.cli.options import DEFAULT, Options, seconds
from remit.cli.output import emit, note
from remit.cli.terminal import one_line
from remit.cli.times import moment, span

app = App(name="consent", help="See, export and end what people agreed to; approve or forbid in advance.")

Client = Annotated[str, Parameter(help="a client's id")]
Tenant = Annotated[str, Parameter(help="for this tenant; needed if you administer several")]
COLUMNS = (
    "id", "tenant", "user", "client", "redirect", "resource", "scopes", "constraints", "calls_max", "purpose",
    "purpose_class", "environment", "ttl_s", "given_at_s", "expires_at_s", "rule",
)  # fmt: skip


@app.command(name="list")
def list_consents(
    *,
    user: Annotated[str, Parameter(help="of this account only")] = "",
    client: Annotated[str, Parameter(help="for this client only")] = "",
    csv: Annotated[bool, Parameter(negative=(), help="print all of it as CSV, to hand on")] = False,
    options: Options = DEFAULT,
) -> None:
    """Show what people agreed to and have not taken back."""
    with options.administration_or_alone() as administration:
        done = administration.act("consent.list", {"user": user, "client": client})
    text = _as_csv(done["consents"]) if csv else "\n".join(map(_line, done["consents"])) or "nobody agreed to anything"
    emit("consent-list", done, as_json=options.json, text=text)


@app.command
def end(
    consent: Annotated[str, Parameter(help="its id, as `consent list` shows it")], *, options: Options = DEFAULT
) -> None:
    """Take a consent back for the person who gave it, and end every grant on it."""
    with options.administration_or_alone() as administration:
        done = administration.act("consent.end", {"consent": consent})
    text = f"TAKEN BACK  {one_line(consent)}  {len(done['grants'])} grants ended  {done['decision_id']}"
    emit("consent-end", done, as_json=options.json, text=text)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Approval:
    """What is agreed to for others."""

    scope: Annotated[list[str], Parameter(help="SERVER or SERVER:TOOL; again for more", negative=())]
    environment: Annotated[str, Parameter(help="where")]
    purpose: Annotated[str, Parameter(help="what for: it stands in every record")]
    purpose_class: Annotated[str, Parameter(help="an entry of the purpose catalogue")] = ""
    user: Annotated[list[str], Parameter(help="for this account only; again for more", negative=())] = field(
        default_factory=list
    )
    ttl: Annotated[str, Parameter(help="how long each grant lasts, default 1h, at most 8h")] = "1h"


@app.command
def approve(client: Client, *, approval: Approval, tenant: Tenant = "", options: Options = DEFAULT) -> None:
    """Agree for everybody of a tenant, so that they need not be asked: a click, or nothing for a client with a key."""
    asked = asdict(approval)
    asked |= {
        "ttl_s": seconds(asked.pop("ttl")),
        "scopes": asked.pop("scope"),
        "users": asked.pop("user"),
        "client": client,
        "tenant": tenant,
    }
    with options.administration_or_alone() as administration:
        done = administration.act("consent.approve", asked)
    _note_unknown(options, client, [scope.partition(":")[0] for scope in approval.scope])
    emit("consent-approve", done, as_json=options.json, text=f"APPROVED  {_rule_line(done)}  {done['decision_id']}")


@app.command
def forbid(
    client: Client,
    *,
    server: Annotated[list[str] | None, Parameter(help="this server only; again for more", negative=())] = None,
    tenant: Tenant = "",
    options: Options = DEFAULT,
) -> None:
    """Let nobody of a tenant say yes to this client, or not for these servers. What it may do there ends now."""
    with options.administration_or_alone() as administration:
        done = administration.act("consent.forbid", {"client": client, "scopes": server or [], "tenant": tenant})
    _note_unknown(options, client, server or [])
    text = f"FORBIDDEN  {_rule_line(done)}  {len(done['grants'])} grants ended  {done['decision_id']}"
    emit("consent-forbid", done, as_json=options.json, text=text)


@app.command
def rules(*, options: Options = DEFAULT) -> None:
    """Show what was approved and forbidden in advance."""
    with options.administration_or_alone() as administration:
        done = administration.act("consent.rules")
    text = "\n".join(f"{rule['effect']:8}  {_rule_line(rule)}" for rule in done["rules"])
    emit("consent-rules", done, as_json=options.json, text=text or "nothing was approved or forbidden in advance")


@app.command
def drop(
    rule: Annotated[str, Parameter(help="its id, as `consent rules` shows it")], *, options: Options = DEFAULT
) -> None:
    """Drop such a rule. Grants that were made on an approval go on until they end."""
    with options.administration_or_alone() as administration:
        done = administration.act("consent.drop", {"rule": rule})
    emit("consent-drop", done, as_json=options.json, text=f"DROPPED  {_rule_line(done)}  {done['decision_id']}")


def _note_unknown(options: Options, client: str, servers: list[str]) -> None:
    """A rule may come before what it is about; a mistyped name must not pass for one that is there."""
    settings = options.configuration().settings
    if is_unknown(settings, "client", client) and not client.startswith(("https://", "dcr_")):
        note(f"note   the configuration has no client {one_line(client)}; is the name right?")
    for server in servers:
        if is_unknown(settings, "server", server):
            note(f"note   the configuration has no server {one_line(server)}; is the name right?")


def _line(consent: Mapping[str, Any]) -> str:
    parts = (
        consent["id"], consent["user"], consent["client"], " ".join(consent["scopes"]), consent["environment"],
        f"given {moment(consent['given_at_s'])}",
    )  # fmt: skip
    return "  ".join(map(one_line, parts))


def _rule_line(rule: Mapping[str, Any]) -> str:
    what = " ".join(rule["scopes"]) or "everything"
    more = f"{rule['environment']}  {span(rule['ttl_s'])}  {rule['purpose']}" if rule["effect"] == "approve" else ""
    whom = f"for {', '.join(rule['users'])}" if rule["users"] else f"for all of {rule['tenant']}"
    return "  ".join(one_line(part) for part in (rule["rule"], rule["client"], what, more, whom) if part)


def _as_csv(consents: list[Mapping[str, Any]]) -> str:
    """A value that a spreadsheet would take for a formula is quoted as text: clients name themselves."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for consent in consents:
        writer.writerow([_cell(consent[name]) for name in COLUMNS])
    return out.getvalue().rstrip("\n")


def _cell(value: object) -> str:
    text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
