"""The administrative acts: for each, who is touched, what is recorded, what is done, and what the operator sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from remit.app.acts import (
    clients,
    consents,
    delegations,
    evidence,
    grants,
    logins,
    people,
    process,
    proposals,
    servers,
)
from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments
from remit.app.wiring import Remit
from remit.core.administration import Asker
from remit.core.errors import refuse
from remit.core.reasons import Reason

Carry = Callable[[Acting, Arguments], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts of one running Remit. `started_s` is the monotonic moment of start, for `status`."""

    remit: Remit
    started_s: float

    async def at_socket(self, uid: int, act: str, arguments: Arguments) -> Answer:
        """For the peer of the administration socket. Raises `Refusal`."""
        _known(act)
        return await self(self.remit.administer.at_socket(uid), act, arguments)

    async def __call__(self, asker: Asker, act: str, arguments: Arguments) -> Answer:
        """Raises `Refusal`."""
        acting, carry = Acting(self.remit, asker, self.started_s), _known(act)
        waiting = self.remit.propose.acts
        if act in waiting or (waiting and people.makes_another_person(acting, act, arguments)):
            return await proposals.proposed(acting, act, carry, arguments)
        return await carry(acting, arguments)


def _known(act: str) -> Carry:
    carried_out = ACTS.get(act)
    if carried_out is None:
        raise refuse(Reason.UNKNOWN_METHOD, f"no administrative act {act[:40]!r}")
    return carried_out


async def _confirm(acting: Acting, arguments: Arguments) -> Answer:
    return await proposals.confirm(acting, arguments, _known)


ACTS: dict[str, Carry] = {
    "grant.create": grants.create,
    "grant.list": grants.list_grants,
    "grant.end": grants.finish,
    "revoke": grants.revoke,
    "server.list": servers.list_servers,
    "server.diff": servers.diff,
    "server.approve": servers.approve,
    "policy.check": servers.check_policies,
    "policy.reload": servers.reload_policies,
    "explain": evidence.explain,
    "audit.tail": evidence.tail,
    "audit.page": evidence.page,
    "audit.head": evidence.head,
    "audit.export": evidence.export,
    "audit.prove": evidence.prove,
    "audit.erase": evidence.erase,
    "account.invite": people.invite,
    "consent.list": consents.list_consents,
    "consent.end": consents.end_consent,
    "consent.rules": consents.list_rules,
    "consent.approve": consents.approve,
    "consent.forbid": consents.forbid,
    "consent.drop": consents.drop,
    "account.first": people.first,
    "account.recover": people.recover,
    "client.list": clients.list_clients,
    "client.show": clients.show,
    "client.admit": clients.admit,
    "client.refuse": clients.refuse_client,
    "login.list": logins.list_logins,
    "login.trace": logins.trace,
    "key.rotate": process.rotate,
    "status": process.status,
    "administrator.list": delegations.list_administrators,
    "administrator.delegate": delegations.delegate,
    "administrator.undelegate": delegations.undelegate,
    "proposal.list": proposals.list_proposals,
    "proposal.confirm": _confirm,
    "proposal.withdraw": proposals.withdraw,
}
