"""Acts about people's accounts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, text
from remit.core.administration import Act, ThroughClient
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import INVITATION_S


async def invite(acting: Acting, arguments: Arguments) -> Answer:
    return await _link(acting, Act.ACCOUNT_INVITE, text(arguments, "account"), acting.remit.sign_in.invite)


async def first(acting: Acting, arguments: Arguments) -> Answer:
    """Without a name it is the account there is, if there is one alone."""
    return await _link(acting, Act.ACCOUNT_FIRST, _first_of(acting, arguments), acting.remit.links.first)


async def recover(acting: Acting, arguments: Arguments) -> Answer:
    return await _link(acting, Act.ACCOUNT_RECOVER, text(arguments, "account"), acting.remit.links.recover)


def makes_another_person(acting: Acting, act: str, arguments: Arguments) -> bool:
    """Whether the act would let whoever asks for it be a second administrator besides themselves. One who was never in,
    and is known by nothing but the account, gets their first link like anybody: nobody else could begin.
    """
    if act not in (Act.ACCOUNT_INVITE, Act.ACCOUNT_FIRST, Act.ACCOUNT_RECOVER):
        return False
    name = _first_of(acting, arguments) if act == Act.ACCOUNT_FIRST else text(arguments, "account")
    account = acting.remit.create_grant.registry.accounts.get(name)
    if account is None or account.tenant not in acting.administrator.tenants:  # it looks like none at all
        return False
    begins = not acting.remit.sign_in.is_in(name)
    return any(
        other.origin != acting.administrator.origin and not (begins and other.uid is None and not other.delegated_by)
        for other in acting.remit.administer.of_account(name)
    )


def _first_of(acting: Acting, arguments: Arguments) -> str:
    accounts = acting.remit.create_grant.registry.accounts
    mine = [name for name, account in accounts.items() if account.tenant in acting.administrator.tenants]
    return text(arguments, "account") or (mine[0] if len(mine) == 1 else "")


async def _link(acting: Acting, act: Act, name: str, make: Callable[..., Awaitable[Secret]]) -> Answer:
    """Another tenant's account looks like none at all."""
    account = acting.remit.create_grant.registry.accounts.get(name)
    tenants = acting.administrator.tenants & ({account.tenant} if account else set())
    detail = {"account": name[:256]}
    if not tenants:
        found = f"no account {name[:80]!r} is registered" if name else "which account? Several are registered, or none"
        await acting.nothing_there(act, detail, refuse(Reason.NOT_FOUND, found))
    permitted = await acting.permit(act, tenants, detail)
    with acting.refusals_recorded(permitted):
        _require_no_climbing(acting, name)
        token = await make(name, by=acting.administrator.name)
    public_url = acting.remit.configuration.settings.public_url
    return {
        "account": name,
        "link": f"{public_url}/password?link={token.expose().decode('ascii')}",
        "expires_in_s": int(INVITATION_S),
        "decision_id": permitted.decision_id,
    }


def _require_no_climbing(acting: Acting, account: str) -> None:
    """Who sets an administrator's password can be them, for good: only whoever holds all their roles already makes the
    link, and makes it themselves. A client, which a delegate always asks through, would have more than it was let do.
    """
    for other in acting.remit.administer.of_account(account):
        if isinstance(acting.asker.way, ThroughClient):
            raise refuse(Reason.ROLE_MISSING, f"{account} administers: their link is made at the socket, by no client")
        if not acting.administrator.holds_all_of(other):
            raise refuse(Reason.ROLE_MISSING, f"{account} administers what {acting.administrator.name} does not")
