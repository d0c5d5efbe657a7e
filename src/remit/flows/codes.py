"""The codes that answers became: exchanged once, and known for as long as the request could be answered again."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from remit.core.authorization_code import CODE_S, KeptCode
from remit.core.authorization_request import DeviceRequest
from remit.core.clients import Account
from remit.core.grant import Calls, Grant
from remit.core.grantbook import Selector
from remit.core.rows import from_row, to_row
from remit.core.scope import parse_scope
from remit.core.stored_grant import constraints_from_stored, constraints_to_stored
from remit.flows.grant_requests import ConsentRequest
from remit.flows.pending import REQUEST_S, Pending
from remit.ports.clock import Clock
from remit.ports.store import Store

CODE: Final = "code"


@dataclass(slots=True)
class Codes:
    """`known` by row: the digest of a code that was sent, or the device that waits for it."""

    store: Store
    clock: Clock
    known: dict[str, KeptCode] = field(init=False, default_factory=dict)
    under_way: set[str] = field(init=False, default_factory=set)  # not in the store yet: a device waits
    _voided: set[str] = field(init=False, default_factory=set)  # over here, not yet in the store

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(CODE):
            self.known[row.id] = from_row(row.content, KeptCode)

    def answers(self, request: str) -> bool:
        """Whether the request became a code already."""
        return any(code.request == request for code in self.known.values())

    async def keep(self, id: str, code: KeptCode, *, recorded: Awaitable[None]) -> None:
        """Known before the first wait, so that one request is answered once; good once the consent is `recorded`.
        Raises what that does, and `Outage`.
        """
        self.known[id] = code
        self.under_way.add(id)
        try:
            await recorded
            await self.store.put(CODE, id, to_row(code))
        except BaseException:
            del self.known[id]
            raise
        finally:
            self.under_way.discard(id)

    async def use_up(self, id: str, code: KeptCode) -> bool:
        """False if it was voided meanwhile. Raises `Outage`, and then it can be exchanged again."""
        if self.known.get(id) is not code:
            return False
        used = replace(code, used=True)
        self.known[id] = used
        try:
            await self.store.put(CODE, id, to_row(used))
        except BaseException:
            if self.known.get(id) is used:
                self.known[id] = code
            raise
        return True

    def void(self, selector: Selector, tenants: frozenset[str], accounts: Mapping[str, Account]) -> None:
        """No code that was given and not exchanged becomes a grant that the selector names. The sweep, a second later,
        tells the store: a crash before that leaves such a code good for the rest of its minute.
        """
        for id, code in list(self.known.items()):
            account = accounts.get(code.account)
            tenant = account.tenant if account is not None else ""
            if not code.used and tenant in tenants and selector.names(
                grant=code.grant, subject=code.account, client=code.client, tenant=tenant,
                servers=frozenset(scope.partition(":")[0] for scope in code.scopes),
            ):  # fmt: skip
                self.known[id] = replace(code, used=True)
                self._voided.add(id)

    async def sweep(self) -> None:
        """Forget those whose request could not be answered again. Raises `Outage`."""
        for id in list(self._voided & self.known.keys() - self.under_way):
            await self.store.put(CODE, id, to_row(self.known[id]))
            self._voided.discard(id)
        for id, code in list(self.known.items()):
            if self.clock.now_s() - code.issued_at_s >= max(REQUEST_S, CODE_S):
                self.known.pop(id)
                await self.store.remove(CODE, id)


def code_for(grant: Grant, pending: Pending, *, consent: str, issued_at_s: float) -> KeptCode:
    """What a yes to this grant is kept as until the code is exchanged. `consent` is the id of the yes."""
    budget, request = grant.budget, pending.request
    return KeptCode(
        client=grant.client_id, redirect_uri=request.destination,
        challenge="" if isinstance(request, DeviceRequest) else request.challenge.digest,
        resource=grant.resource, consent=consent, grant=grant.id, account=grant.subject.id,
        scopes=tuple(sorted(map(str, grant.scopes))), constraints=constraints_to_stored(grant.constraints),
        calls_max=budget.calls_max if isinstance(budget, Calls) else None, purpose=grant.purpose.text,
        purpose_class=grant.purpose.klass, environment=grant.environment,
        ttl_s=grant.expires_at_s - grant.created_at_s, request=pending.id, issued_at_s=issued_at_s,
        used=False, methods=grant.authentication.methods, signed_in_at_s=grant.authentication.at_s,
    )  # fmt: skip


def consented_to(code: KeptCode) -> ConsentRequest:
    """The grant that the code is exchanged for."""
    return ConsentRequest(
        account=code.account, client=code.client, resource=code.resource, environment=code.environment,
        purpose=code.purpose, purpose_class=code.purpose_class, scopes=frozenset(map(parse_scope, code.scopes)),
        constraints=constraints_from_stored(code.constraints), ttl_s=code.ttl_s, budget=code.budget,
        consent=code.consent, grant_id=code.grant, login=code.request, authentication=code.authentication,
    )  # fmt: skip
