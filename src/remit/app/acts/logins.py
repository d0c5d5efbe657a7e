"""Acts about logins: which were begun lately, and what became of one, for whoever is asked for help."""

from __future__ import annotations

from typing import Any

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, text
from remit.core.administration import Act
from remit.core.errors import refuse
from remit.core.logins import Login, Taken, concerns
from remit.core.reasons import Reason

LOGIN_ID_LENGTH_MAX = 64
LISTED_MAX = 200


async def list_logins(acting: Acting, arguments: Arguments) -> Answer:
    """The newest first; `user` and `client` choose."""
    user, client = text(arguments, "user"), text(arguments, "client")
    permitted = await acting.permit(Act.LOGIN_LIST, acting.tenants(Act.LOGIN_LIST), {})
    chosen = [
        login
        for login in acting.remit.authorize.trace.book
        if _sees(acting, login, permitted.tenants) and user in ("", login.account) and client in ("", login.client)
    ]
    return {"logins": [_answer(login) for login in chosen[:LISTED_MAX]], "left_out": max(len(chosen) - LISTED_MAX, 0)}


async def trace(acting: Acting, arguments: Arguments) -> Answer:
    """Another tenant's login looks like none at all."""
    id = text(arguments, "login")
    if len(id) > LOGIN_ID_LENGTH_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"login: at most {LOGIN_ID_LENGTH_MAX} characters")
    permitted = await acting.permit(Act.LOGIN_TRACE, acting.tenants(Act.LOGIN_TRACE), {"login": id})
    with acting.refusals_recorded(permitted):
        login = acting.remit.authorize.trace.book.find(id)
        if login is None or not _sees(acting, login, permitted.tenants):
            found = f"no login {id!r} is remembered; a restart forgets them, and what came of it is in the records"
            raise refuse(Reason.INVALID_PARAMS, found)
    return _answer(login) | {"steps": [_step(taken) for taken in login.steps], "left_out": login.left_out}


def _sees(acting: Acting, login: Login, tenants: frozenset[str]) -> bool:
    registry = acting.remit.create_grant.registry
    everybody = acting.remit.configuration.settings.tenants
    return concerns(login, tenants, registry.accounts, registry.clients, everybody)


def _answer(login: Login) -> dict[str, Any]:
    last = login.steps[-1]
    return {
        "login": login.id,
        "begun_at_s": login.begun_at_s,
        "client": login.client,
        "resource": login.resource,
        "account": login.account,
        "grant": login.grant,
        "last": _step(last),
    }


def _step(taken: Taken) -> dict[str, Any]:
    return {
        "step": taken.step.value,
        "at_s": taken.at_s,
        "last_at_s": taken.last_at_s,
        "times": taken.times,
        "detail": taken.detail,
    }
