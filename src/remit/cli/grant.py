"""`remit grant`: the authorization for one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from remit.cli.names import advice_on_grant, is_unknown
from remit.cli.options import DEFAULT, Options, seconds, usage
from remit.cli.output import emit, note, table
from remit.cli.revoke import report_end
from remit.cli.terminal import one_line
from remit.cli.times import until

app = App(name="grant", help="Make, list and end grants.")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What `grant create` is asked for."""

    user: Annotated[str, Parameter(help="the account the grant is for")]
    client: Annotated[str, Parameter(help="the registered client that will use it")]
    purpose: Annotated[str, Parameter(help="why, in your own words")]
    tool: Annotated[tuple[str, ...], Parameter(negative=(), help="SERVER/TOOL it covers; repeat for more")] = ()
    scope: Annotated[tuple[str, ...], Parameter(negative=(), help="SERVER or SERVER:TOOL; repeat for more")] = ()
    purpose_class: Annotated[str, Parameter(help="entry of the purpose catalogue that narrows the grant")] = ""
    resource: Annotated[str, Parameter(help="where the token is good: /mcp (the default) or /mcp/SERVER")] = "/mcp"
    ttl: Annotated[str, Parameter(help="how long it lasts, default 15m, at most 1h")] = "15m"
    calls_max: Annotated[int | None, Parameter(help="how many calls it is good for")] = None
    environment: Annotated[str, Parameter(help="needed where there are several")] = ""
    presence: Annotated[
        Literal["autonomous", "interactive"],
        Parameter(help="whether a person is there during the task, default autonomous"),
    ] = "autonomous"

    def arguments(self) -> dict[str, Any]:
        """As the administration socket takes them."""
        always = {
            "user": self.user,
            "client": self.client,
            "purpose": self.purpose,
            "tools": list(self.tool),
            "scopes": list(self.scope),
            "resource": self.resource,
            "ttl_s": seconds(self.ttl),
            "presence": self.presence,
        }
        given = {"purpose_class": self.purpose_class, "calls_max": self.calls_max, "environment": self.environment}
        return always | {name: value for name, value in given.items() if value}


@app.command
def create(*, asked: Asked, options: Options = DEFAULT) -> None:
    """Make a grant and print its access token, which lives as long as the grant."""
    if asked.calls_max is not None and asked.calls_max < 1:
        raise usage("--calls-max is at least 1")
    arguments = asked.arguments()
    advice = advice_on_grant(options.configuration().settings, arguments)
    with options.administration_or_alone() as administration:
        made = administration.act("grant.create", arguments, advice=advice)
    emit("grant", made, as_json=options.json, text=_made(made))
    if made["expires_in_s"] < arguments["ttl_s"] - 1:
        note(f"note   {asked.ttl} was asked for; it ends sooner: --ttl is at most 1h, and a purpose may say less")
    if not options.json:
        note("the token is a secret: hand it to the client, do not store it")


def _made(made: Mapping[str, Any]) -> str:
    grant = made["grant"]
    covers = " ".join(map(str, grant["scopes"]))
    rows = [
        ("grant", grant["id"]),
        ("for", f"{grant['subject']} of {grant['tenant']} through {grant['client']}, in {grant['environment']}"),
        ("covers", covers),
        ("resource", grant["resource"]),
        ("ends", until(grant["expires_at_s"])),
        ("decision", made["decision_id"]),
        ("token", made["access_token"]),
    ]
    return "\n".join(f"{name:9} {one_line(value, 4096)}" for name, value in rows)


@app.command(name="list")
def list_grants(
    *,
    user: Annotated[str, Parameter(help="only this account's")] = "",
    client: Annotated[str, Parameter(help="only this client's")] = "",
    tenant: Annotated[str, Parameter(help="only this tenant's")] = "",
    ended: Annotated[bool, Parameter(help="also those that are over")] = False,
    options: Options = DEFAULT,
) -> None:
    """List the grants you may see: whose, what for, how much is used, when they end."""
    given = {"user": user, "client": client, "tenant": tenant}
    with options.administration_or_alone() as administration:
        found = administration.act("grant.list", {name: value for name, value in given.items() if value})
    grants = [grant for grant in found["grants"] if ended or grant["state"] == "active"]
    for kind, name in given.items():
        if name and not grants and is_unknown(options.configuration().settings, kind, name):
            note(f"note   the configuration has no {kind} {one_line(name)}; is the name right?")
    emit("grants", {**found, "grants": grants}, as_json=options.json, text=_listed(grants))


def _listed(grants: list[dict[str, Any]]) -> str:
    if not grants:
        return "no grants"
    rows = [
        (
            grant["id"], grant["state"], one_line(grant["subject"], 40), one_line(grant["client"], 40), grant["tenant"],
            grant["calls_used"], _ends(grant), one_line(" ".join(map(str, grant["scopes"])), 48),
            one_line(grant["purpose"], 40),
        )
        for grant in grants
    ]  # fmt: skip
    return table(("grant", "state", "subject", "client", "tenant", "calls", "ends", "covers", "purpose"), rows)


def _ends(grant: Mapping[str, Any]) -> str:
    return until(grant["expires_at_s"]) if grant["state"] == "active" else "-"


@app.command
def end(grant: Annotated[str, Parameter(help="the grant's id")], /, *, options: Options = DEFAULT) -> None:
    """End one grant: its token, its calls in flight and its processes."""
    with options.administration_or_alone() as administration:
        done = administration.act("grant.end", {"grant": grant})
    report_end(done, f"grant {grant}", as_json=options.json)
