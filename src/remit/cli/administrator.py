"""`remit administrator`: who administers, and whom they let do so for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.options import DEFAULT, Options, seconds
from remit.cli.output import emit, table
from remit.cli.terminal import one_line
from remit.cli.times import until

app = App(name="administrator", help="See who administers; let somebody do so for a while.")
DELEGATIONS = "remit administrator list shows them"


@app.command(name="list")
def list_administrators(*, options: Options = DEFAULT) -> None:
    """List who administers your tenants, and with which roles."""
    with options.administration_or_alone() as administration:
        found = administration.act("administrator.list")
    emit("administrators", found, as_json=options.json, text=_listed(found["administrators"]))


@app.command
def delegate(
    account: Annotated[str, Parameter(help="the account that is let administer")],
    /,
    *,
    role: Annotated[tuple[str, ...], Parameter(negative=(), help="a role you hold; repeat for more")],
    tenant: Annotated[tuple[str, ...], Parameter(negative=(), help="a tenant you hold it for; repeat for more")],
    ttl: Annotated[str, Parameter(help="how long, default 24h, at most 720h")] = "24h",
    options: Options = DEFAULT,
) -> None:
    """Let an account administer over HTTP for a while: what you hold at each moment, and no more than this."""
    asked = {"account": account, "roles": list(role), "tenants": list(tenant), "ttl_s": seconds(ttl)}
    with options.administration_or_alone() as administration:
        done = administration.act("administrator.delegate", asked)
    made = done["administrator"]
    text = f"{one_line(made['name'], 80)}  {_roles(made)}  {made['delegation']}  ends {until(made['expires_at_s'])}"
    emit("administrator-delegate", done, as_json=options.json, text=text)


@app.command
def undelegate(
    delegation: Annotated[str, Parameter(help="the delegation's id")], /, *, options: Options = DEFAULT
) -> None:
    """End a delegation. It counts from the next request on."""
    with options.administration_or_alone() as administration:
        done = administration.act("administrator.undelegate", {"delegation": delegation}, advice=DELEGATIONS)
    emit("administrator-undelegate", done, as_json=options.json, text=f"ended  {one_line(delegation)}")


def _listed(administrators: list[dict[str, Any]]) -> str:
    if not administrators:
        return "nobody"
    rows = [
        (
            one_line(each["name"], 48),
            "-" if each["uid"] is None else each["uid"],
            one_line(each["account"], 32) or "-",
            _roles(each),
            each["delegation"] or "-",
            until(each["expires_at_s"]) if each["expires_at_s"] else "-",
        )
        for each in administrators
    ]
    return table(("administrator", "uid", "account", "roles", "delegation", "ends"), rows)


def _roles(administrator: Mapping[str, Any]) -> str:
    return " ".join(f"{tenant}:{','.join(held) or '-'}" for tenant, held in administrator["roles"].items())
