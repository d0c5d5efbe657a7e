"""The administrative acts: for each, who is touched, what is recorded, what is done, and what the operator sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from remit.app.acts import clients, consents, evidence, grants, logins, people, process, servers
from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments
from remit.app.wiring import Remit
from remit.core.errors import refuse
from remit.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class Acts:
    """Implements the admin surface's `CarryOut`. `started_s` is the monotonic moment of start, for `status`."""

    remit: Remit
    started_s: float

    async def __call__(self, uid: int, act: str, arguments: Arguments) -> Answer:
        """Raises `Refusal`."""
        carried_out = ACTS.get(act)
        if carried_out is None:
            raise refuse(Reason.UNKNOWN_METHOD, f"no administrative act {act[:40]!r}")
        asker = self.remit.administer.at_socket(uid)
        return await carried_out(Acting(self.remit, asker, self.started_s), arguments)


Carry = Callable[[Acting, Arguments], Awaitable[Answer]]
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
}
