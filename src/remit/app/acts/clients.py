"""Acts about clients that describe themselves: who asked to be let in, what they say, and the answer."""

from __future__ import annotations

from typing import Any

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.answers import ended_answer
from remit.app.acts.arguments import Arguments, client_id_of, text
from remit.core.administration import Act
from remit.core.grant import GrantEvent
from remit.core.grantbook import Selector
from remit.core.kept_client import KeptClient


async def list_clients(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.CLIENT_LIST, acting.tenants(Act.CLIENT_LIST), {})
    listed = acting.remit.described.listed(permitted.tenants)
    return {"clients": [_answer(client, standing, permitted.tenants) for client, standing in listed]}


async def show(acting: Acting, arguments: Arguments) -> Answer:
    """What its document says now: it is read again."""
    tenants, client_id = acting.tenants_named(Act.CLIENT_SHOW, text(arguments, "tenant")), client_id_of(arguments)
    permitted = await acting.permit(Act.CLIENT_SHOW, tenants, {"client": client_id})
    with acting.refusals_recorded(permitted):
        client = await acting.remit.described.read(client_id, tenants, by=acting.administrator.name)
    return _answer(client, acting.remit.described.standing(client, tenants), tenants)


async def admit(acting: Acting, arguments: Arguments) -> Answer:
    """As `client.show` showed it: the document may say something else a moment later."""
    tenants = acting.tenants_named(Act.CLIENT_ADMIT, text(arguments, "tenant"))
    client_id, digest = client_id_of(arguments), text(arguments, "digest")
    permitted = await acting.permit(Act.CLIENT_ADMIT, tenants, {"client": client_id, "digest": digest[:64]})
    with acting.refusals_recorded(permitted):
        client = await acting.remit.described.admit(client_id, digest, tenants, by=acting.administrator.name)
    standing = acting.remit.described.standing(client, tenants)
    return {**_answer(client, standing, tenants), "decision_id": permitted.decision_id}


async def refuse_client(acting: Acting, arguments: Arguments) -> Answer:
    """No new login, and what it may do for people of these tenants ends."""
    tenants, client_id = acting.tenants_named(Act.CLIENT_REFUSE, text(arguments, "tenant")), client_id_of(arguments)
    permitted = await acting.permit(Act.CLIENT_REFUSE, tenants, {"client": client_id})
    selector = Selector(client=client_id)
    with acting.refusals_recorded(permitted):
        acting.remit.described.require_known(client_id)
        acting.remit.authorize.void(selector, permitted.tenants)
        try:
            await acting.remit.described.shut_out(client_id, tenants, by=acting.administrator.name)
        finally:
            ended = await acting.remit.end_grant.end(
                selector, GrantEvent.REVOKE, tenants=permitted.tenants, by=acting.administrator.name
            )
    return ended_answer(ended, permitted)


def _answer(client: KeptClient, standing: dict[str, str], tenants: frozenset[str]) -> dict[str, Any]:
    """`says` is the client's own and nobody's word."""
    return {
        "client": client.url,
        "host": client.host,
        "says": {"name": client.name, "redirect_uris": list(client.redirects), "authentication": client.authentication},
        "digest": client.digest,
        "read_at_s": client.read_at_s,
        "standing": standing,
        "asked": {tenant: account for tenant, account in client.asked.items() if tenant in tenants},
        "admitted_by": {tenant: each.by for tenant, each in client.admitted.items() if tenant in tenants},
    }
