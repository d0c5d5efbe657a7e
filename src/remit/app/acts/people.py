"""Acts about people's accounts."""

from __future__ import annotations

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, text
from remit.core.administration import Act
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.sign_in import INVITATION_S


async def invite(acting: Acting, arguments: Arguments) -> Answer:
    """Another tenant's account looks like none at all."""
    name = text(arguments, "account")
    account = acting.remit.create_grant.registry.accounts.get(name)
    tenants = acting.administrator.tenants & ({account.tenant} if account else set())
    permitted = await acting.permit(
        Act.ACCOUNT_INVITE, tenants or acting.administrator.tenants, {"account": name[:256]}
    )
    with acting.refusals_recorded(permitted):
        if not tenants:
            raise refuse(Reason.INVALID_PARAMS, f"no account {name[:80]!r} is registered")
        token = await acting.remit.sign_in.invite(name, by=acting.administrator.name)
    public_url = acting.remit.configuration.settings.public_url
    return {
        "account": name,
        "link": f"{public_url}/password?link={token.expose().decode('ascii')}",
        "expires_in_s": int(INVITATION_S),
        "decision_id": permitted.decision_id,
    }
