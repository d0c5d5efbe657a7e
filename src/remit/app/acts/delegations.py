"""Acts about who administers: see them, let another person do so for a while, end that."""

from __future__ import annotations

from typing import Any, Final

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, text, texts
from remit.core.administration import Act, Administrator, Role
from remit.core.delegation import DELEGATION_S_MAX, DELEGATION_S_MIN, Delegation
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.scope import SERVER_NAME

TENANTS_MAX: Final = 256


async def list_administrators(acting: Acting, arguments: Arguments) -> Answer:
    """Those of the tenants one administers oneself, and their roles for these."""
    permitted = await acting.permit(Act.ADMINISTRATOR_LIST, acting.tenants(Act.ADMINISTRATOR_LIST), {})
    delegate = acting.remit.delegate
    found = [(each, "") for each in delegate.configured]
    found += [(each, id) for id in delegate.known if (each := delegate.administrator(id)) is not None]
    return {
        "administrators": [
            _shown(acting, each, id, permitted.tenants) for each, id in found if each.tenants & permitted.tenants
        ]
    }


async def delegate(acting: Acting, arguments: Arguments) -> Answer:
    """Never more than one holds, to nobody who administers already, and not what was delegated to oneself."""
    id, asked = acting.remit.files.entropy.id("dlg"), _asked(acting, arguments)
    detail = {"delegation": id, "account": asked.account[:256], "roles": list(asked.roles)}
    permitted = await acting.permit(Act.ADMINISTRATOR_DELEGATE, frozenset(asked.tenants), detail)
    with acting.refusals_recorded(permitted):
        registry = acting.remit.create_grant.registry
        account = registry.accounts.get(asked.account)
        if account is None or account.tenant not in acting.administrator.tenants:
            raise refuse(Reason.NOT_FOUND, f"no account {asked.account[:80]!r} is registered for your tenants")
        if not registry.administration.url:
            raise refuse(Reason.INVALID_PARAMS, "whoever is let administer does so over HTTP: set admin_url first")
        held = acting.administrator.roles
        for tenant in asked.tenants:
            if lacking := sorted(set(asked.roles) - held.get(tenant, frozenset())):
                raise refuse(Reason.ROLE_MISSING, f"{', '.join(lacking)} for {tenant} is not theirs to delegate")
        await acting.remit.delegate.keep(id, asked)
    made = acting.remit.delegate.administrator(id)
    shown = _shown(acting, made, id, permitted.tenants) if made is not None else {}
    return {"administrator": shown, "decision_id": permitted.decision_id}


async def undelegate(acting: Acting, arguments: Arguments) -> Answer:
    """By who delegated it, or whoever holds all of it themselves. It counts from the next request on."""
    id = text(arguments, "delegation")
    made = acting.remit.delegate.administrator(id)
    own = made is not None and (
        made.delegated_by == acting.administrator.name
        or (bool(made.tenants) and acting.administrator.holds_all_of(made))
    )
    tenants = made.tenants & acting.administrator.tenants if own and made is not None else frozenset[str]()
    act = Act.ADMINISTRATOR_UNDELEGATE
    permitted = await acting.permit(act, tenants or acting.tenants(act), {"delegation": id[:64]})
    with acting.refusals_recorded(permitted):
        if not own:
            raise refuse(Reason.NOT_FOUND, f"no delegation {id[:40]!r} that is yours to end")
        await acting.remit.delegate.end(id)
    return {"ended": id, "decision_id": permitted.decision_id}


def _asked(acting: Acting, arguments: Arguments) -> Delegation:
    ttl_s, now_s = arguments.get("ttl_s"), acting.remit.files.clock.now_s()
    if type(ttl_s) not in (int, float) or not DELEGATION_S_MIN <= float(ttl_s or 0) <= DELEGATION_S_MAX:
        bounds = f"{DELEGATION_S_MIN:.0f} to {DELEGATION_S_MAX:.0f}"
        raise refuse(Reason.INVALID_PARAMS, f"ttl_s: expected {bounds} seconds")
    roles, tenants = texts(arguments, "roles"), texts(arguments, "tenants")
    unknown = sorted(set(roles) - set(Role))
    if unknown or not roles or not tenants:
        found = f"found {unknown[0][:40]!r}" if unknown else "found none"
        raise refuse(
            Reason.INVALID_PARAMS, f"roles, tenants: expected some of {', '.join(Role)} for some tenants, {found}"
        )
    if len(tenants) > TENANTS_MAX or not all(map(SERVER_NAME.match, tenants)):
        raise refuse(Reason.INVALID_PARAMS, f"tenants: expected at most {TENANTS_MAX}, by name")
    return Delegation(
        by=acting.administrator.name, account=text(arguments, "account"), roles=tuple(sorted(map(Role, set(roles)))),
        tenants=tuple(sorted(set(tenants))), delegated_at_s=now_s, expires_at_s=now_s + float(ttl_s or 0),
    )  # fmt: skip


def _shown(acting: Acting, administrator: Administrator, id: str, tenants: frozenset[str]) -> dict[str, Any]:
    kept = acting.remit.delegate.known.get(id)
    return {
        "name": administrator.name,
        "uid": administrator.uid,
        "account": administrator.account,
        "roles": {tenant: sorted(held) for tenant, held in sorted(administrator.roles.items()) if tenant in tenants},
        "delegation": id,
        "delegated_by": administrator.delegated_by,
        "expires_at_s": kept.expires_at_s if kept is not None else None,
    }
