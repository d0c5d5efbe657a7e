"""Acts about grants: make one, list them, end one, revoke many."""

from __future__ import annotations

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.answers import ended_answer, granted_answer, live_answer
from remit.app.acts.arguments import (
    SELECTED_BY,
    Arguments,
    budget_of,
    presence_of,
    scopes_of,
    selector_of,
    text,
    ttl_s_of,
)
from remit.core.administration import Act
from remit.core.errors import refuse
from remit.core.grant import GrantEvent
from remit.core.grantbook import Selector
from remit.core.reasons import Reason
from remit.flows.grant_requests import AdministrationRequest


async def create(acting: Acting, arguments: Arguments) -> Answer:
    """Another tenant's account looks like none at all."""
    user = text(arguments, "user")
    account = acting.remit.create_grant.registry.accounts.get(user)
    tenants = acting.administrator.tenants & ({account.tenant} if account else set())
    detail = {"user": user, "client": text(arguments, "client")}
    if not tenants:
        absent = refuse(Reason.INVALID_PARAMS, f"no account {user[:80]!r} is registered")
        await acting.nothing_there(Act.GRANT_CREATE, detail, absent)
    permitted = await acting.permit(Act.GRANT_CREATE, tenants, detail)
    with acting.refusals_recorded(permitted):
        granted = await acting.remit.create_grant.for_administration(_request(acting, arguments))
    return granted_answer(granted, permitted, acting.remit.files.clock.now_s())


def _request(acting: Acting, arguments: Arguments) -> AdministrationRequest:
    environments = acting.remit.configuration.settings.environments
    return AdministrationRequest(
        account=text(arguments, "user"),
        client=text(arguments, "client"),
        purpose=text(arguments, "purpose"),
        purpose_class=text(arguments, "purpose_class"),
        resource=text(arguments, "resource") or "/mcp",
        environment=text(arguments, "environment") or (environments[0] if len(environments) == 1 else ""),
        administrator=acting.administrator.name,
        assurance="same-user" if acting.same_user else "separate-user",
        scopes=scopes_of(arguments),
        ttl_s=ttl_s_of(arguments),
        budget=budget_of(arguments),
        presence=presence_of(arguments),
    )


async def list_grants(acting: Acting, arguments: Arguments) -> Answer:
    permitted = await acting.permit(Act.GRANT_LIST, acting.tenants(Act.GRANT_LIST), {})
    chosen = [live for live in acting.remit.grants if live.grant.tenant in permitted.tenants]
    selector = selector_of(arguments)
    if selector != Selector():
        chosen = [live for live in chosen if selector.matches(live.grant)]
    return {"grants": [live_answer(live) for live in sorted(chosen, key=lambda live: live.grant.created_at_s)]}


async def finish(acting: Acting, arguments: Arguments) -> Answer:
    grant_id = text(arguments, "grant")
    live = acting.remit.grants.find(grant_id)
    own = acting.administrator.tenants  # another tenant's grant looks like one there never was
    tenants = frozenset({live.grant.tenant}) & own if live else frozenset()
    tenants = tenants or acting.tenants(Act.GRANT_END)
    permitted = await acting.permit(Act.GRANT_END, tenants, {"grant": grant_id})
    selector = Selector(grant=grant_id)
    ended = await acting.remit.end_grant.end(
        selector, GrantEvent.FINISH, tenants=permitted.tenants, by=acting.administrator.name
    )
    return ended_answer(ended, permitted)


async def revoke(acting: Acting, arguments: Arguments) -> Answer:
    selector = selector_of(arguments)
    if selector == Selector():
        raise refuse(Reason.INVALID_PARAMS, "revoke needs a user, client, server, tenant, actor, grant or all")
    tenants = acting.tenants_named(Act.REVOKE, selector.tenant)
    detail: dict[str, object] = {name: arguments[name] for name in SELECTED_BY if arguments.get(name)}
    detail |= {"everything": True} if selector.everything else {}
    permitted = await acting.permit(Act.REVOKE, tenants, detail)
    acting.remit.authorize.void(selector, permitted.tenants)
    try:
        ended = await acting.remit.end_grant.end(
            selector, GrantEvent.REVOKE, tenants=permitted.tenants, by=acting.administrator.name
        )
    finally:
        await acting.remit.sign_in.end_sessions(_signed_out(acting, selector, permitted.tenants))
    return ended_answer(ended, permitted)


def _signed_out(acting: Acting, selector: Selector, tenants: frozenset[str]) -> list[str]:
    """Whoever is revoked as a person is signed out too; a client, server or grant is nobody's session."""
    accounts = acting.remit.create_grant.registry.accounts
    return [
        name
        for name, account in accounts.items()
        if account.tenant in tenants
        and selector in (Selector(subject=name), Selector(tenant=account.tenant), Selector(everything=True))
    ]
