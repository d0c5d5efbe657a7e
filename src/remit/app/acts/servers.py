"""Acts about servers and policies: what is there, what changed, what stands from now on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from remit.adapters.policy.loading import Fault
from remit.app.acts.acting import Acting, Answer
from remit.app.acts.answers import server_answer
from remit.app.acts.arguments import Arguments, text
from remit.core.administration import Act, ActPermitted
from remit.core.catalog import Server
from remit.core.errors import refuse
from remit.core.reasons import Reason


async def list_servers(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.SERVER_LIST, acting.tenants(Act.SERVER_LIST), {})
    return {"servers": servers(acting, permitted.tenants)}


async def diff(acting: Acting, arguments: Arguments) -> Answer:
    server, _ = await _server(acting, Act.SERVER_DIFF, arguments, {})
    return {"changes": acting.remit.servers.catalog.diff(server.name)}


async def approve(acting: Acting, arguments: Arguments) -> Answer:
    """One item, as `server.diff` showed it: a server may change it again after the review."""
    item, digest = text(arguments, "item"), text(arguments, "digest")
    server, permitted = await _server(acting, Act.SERVER_APPROVE, arguments, {"item": item, "digest": digest})
    approve = acting.remit.servers.catalog.approve
    with acting.refusals_recorded(permitted):
        return {"approved": [await approve(server.name, item, digest, by=acting.administrator.name)]}


async def check_policies(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.POLICY_CHECK, acting.tenants(Act.POLICY_CHECK), {})
    return {"tenants": policies(acting, permitted.tenants, ())}


async def reload_policies(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.POLICY_RELOAD, acting.tenants(Act.POLICY_RELOAD), {})
    faults = await acting.remit.reload_policies()
    return {"tenants": policies(acting, permitted.tenants, faults), "taken_over": not faults}


async def _server(
    acting: Acting, act: Act, arguments: Arguments, detail: dict[str, object]
) -> tuple[Server, ActPermitted]:
    """Whether there is one is told to nobody who may not look. Raises `Invalid` (`not_found`)."""
    name = text(arguments, "server")
    detail = {"server": name, **detail}
    server = acting.remit.servers.catalog.current().servers.get(name)
    if server is None or not server.tenants & acting.administrator.tenants:
        absent = refuse(Reason.NOT_FOUND, f"no server {name[:80]!r} is registered for your tenants")
        await acting.nothing_there(act, detail, absent)
    return server, await acting.permit(act, server.tenants, detail)


def servers(acting: Acting, tenants: frozenset[str]) -> list[dict[str, Any]]:
    catalog = acting.remit.servers.catalog
    return [
        server_answer(server, catalog.problems(name), catalog.misnamed(name))
        for name, server in sorted(catalog.current().servers.items())
        if server.tenants & tenants
    ]


def policies(acting: Acting, tenants: frozenset[str], faults: Iterable[Fault]) -> dict[str, Any]:
    notes = [*faults, *acting.remit.policy.notes()]
    return {
        tenant: {
            "version": acting.remit.policy.version(tenant),
            "problems": [asdict(note) for note in notes if note.concerns(tenant)],
        }
        for tenant in sorted(tenants)
    }
