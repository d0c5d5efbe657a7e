"""`remit client`: clients that describe themselves, and whether they are let in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.options import DEFAULT, Options
from remit.cli.output import emit
from remit.cli.revoke import ended_text
from remit.cli.terminal import one_line
from remit.cli.times import moment

app = App(name="client", help="Let in clients that describe themselves, or refuse them.")

ClientId = Annotated[str, Parameter(help="the client's id: the https URL at which it describes itself")]
Tenant = Annotated[str, Parameter(help="for this tenant only; otherwise for all of yours")]


@app.command(name="list")
def list_clients(*, options: Options = DEFAULT) -> None:
    """Show the clients that have described themselves, and how each stands with your tenants."""
    with options.administration_or_alone() as administration:
        done = administration.act("client.list")
    lines = [
        f"{state:8}  {one_line(tenant):12}  {one_line(client['client'])}  {_asked(client, tenant)}".rstrip()
        for client in done["clients"]
        for tenant, state in client["standing"].items()
    ]
    emit("client-list", done, as_json=options.json, text="\n".join(lines) or "no client has described itself here")


@app.command
def show(client: ClientId, *, tenant: Tenant = "", options: Options = DEFAULT) -> None:
    """Read what the client says of itself now: its name, where answers may go, and the digest to admit it by."""
    with options.administration_or_alone() as administration:
        done = administration.act("client.show", {"client": client, "tenant": tenant})
    emit("client-show", done, as_json=options.json, text=_shown(done))


@app.command
def admit(
    client: ClientId,
    *,
    digest: Annotated[str, Parameter(help="as `client show` printed it: what you have looked at")],
    tenant: Tenant = "",
    options: Options = DEFAULT,
) -> None:
    """Let the client in as you saw it. When its document says something else, you are asked again."""
    with options.administration_or_alone() as administration:
        done = administration.act("client.admit", {"client": client, "digest": digest, "tenant": tenant})
    tenants = ", ".join(done["standing"])
    text = f"ADMITTED  {one_line(client)}  for {one_line(tenants)}  {done['decision_id']}"
    emit("client-admit", done, as_json=options.json, text=text)


@app.command
def refuse(client: ClientId, *, tenant: Tenant = "", options: Options = DEFAULT) -> None:
    """Shut the client out, whatever its domain is worth, and end every grant that it has."""
    with options.administration_or_alone() as administration:
        done = administration.act("client.refuse", {"client": client, "tenant": tenant})
    emit("client-refuse", done, as_json=options.json, text=ended_text(done, f"client {client}"))


def _asked(client: Mapping[str, Any], tenant: str) -> str:
    who = client["asked"].get(tenant)
    return f"asked for by {one_line(who)}" if who else ""


def _shown(client: Mapping[str, Any]) -> str:
    says = client["says"]
    lines = [
        f"client    {one_line(client['client'])}",
        f"domain    {one_line(client['host'])}  (verified)",
        f"name      {one_line(says['name'])}  (its own word)",
        f"proves    {says['authentication']}",
        *(f"redirect  {one_line(uri)}" for uri in says["redirect_uris"]),
        *(
            f"standing  {one_line(tenant)}: {state}  {_asked(client, tenant)}"
            for tenant, state in client["standing"].items()
        ),
        f"read      {moment(client['read_at_s'])}",
        f"digest    {client['digest']}",
    ]
    return "\n".join(line.rstrip() for line in lines)
