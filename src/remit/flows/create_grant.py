"""Making a grant: what could widen it is intersected away, it is recorded, and only then is there a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from remit.core.catalog import Catalog
from remit.core.clients import Client, reach
from remit.core.clock_steps import ClockSteps
from remit.core.errors import Refusal, refuse
from remit.core.grant import BY_CONSENT, Calls, Grant, GrantEvent, GrantState, LiveGrant, tighter
from remit.core.grantbook import GrantBook
from remit.core.ledger import Position, RecordKind, grant_fields
from remit.core.principals import Claims
from remit.core.purposes import classify
from remit.core.reasons import Reason
from remit.core.scope import OneTool, Scope, WholeServer, covers, intersect, scope_text
from remit.core.secret import Secret
from remit.core.stored_grant import to_stored
from remit.flows.grant_requests import (
    AdministrationRequest,
    ConsentRequest,
    Draft,
    GrantLimits,
    of_administration,
    of_client,
    of_consent,
)
from remit.flows.registry import Registry
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger
from remit.ports.store import Store
from remit.ports.tokens import TokenSigner


@dataclass(frozen=True, slots=True)
class Granted:
    """`token` expires at `token_expires_at_s`, never after the grant."""

    grant: Grant
    token: Secret
    token_expires_at_s: int


def _nothing(_tenant: str, _client: str, _server: str) -> bool:
    return False


@dataclass(slots=True)
class CreateGrant:
    """The walk and its ports. `catalog` returns the current catalog: a grant names only servers that are there.
    `forbids` says of a tenant, a client and a server whether its people cannot say yes to that.
    """

    registry: Registry
    catalog: Callable[[], Catalog]
    grants: GrantBook
    store: Store
    ledger: Ledger
    tokens: TokenSigner
    clock: Clock
    entropy: Entropy
    limits: GrantLimits = field(default_factory=GrantLimits)
    forbids: Callable[[str, str, str], bool] = _nothing
    _steps: ClockSteps = field(init=False)
    _positions: dict[str, Position] = field(init=False)  # records that have not been seen durable yet, by grant

    def __post_init__(self) -> None:
        self._steps = ClockSteps(self.clock.now_s(), self.clock.monotonic_s())
        self._positions = {}

    async def for_administration(self, request: AdministrationRequest) -> Granted:
        """A new grant for an account, used through a registered client. Raises `Invalid`, `Denied`, `Outage`."""
        grant = self._composed(of_administration(request, self.registry, self.limits))
        for scope in sorted(request.scopes, key=str):  # who names tools means all of them
            if not covers(grant.scopes, scope.server, scope.tool if isinstance(scope, OneTool) else None):
                raise refuse(Reason.OUTSIDE_GRANT, f"scope {scope} is beyond what may be granted here")
        live = await self._made(grant, keep_one=False)
        return self._granted(live, self.limits.administration_ttl_s_max)

    async def for_client(self, client: Client, resource: str, asked: frozenset[Scope]) -> Granted:
        """The client's own grant for this resource: the one it has, or a new one within its terms.

        Of the scopes it asks for it gets what its terms cover, and is told so (RFC 6749 section 3.3): clients ask for
        what the resource's metadata lists. Raises `Denied` when that is nothing, and `Outage`.
        """
        terms = client.terms
        if terms is None or not client.tenant:
            raise refuse(Reason.OUTSIDE_GRANT, f"client {client.id} is registered without a grant of its own")
        draft = of_client(client, terms, resource, asked, self.limits)
        grant = self._within_term(self._composed(draft))
        live = self._alive_like(grant)
        if live is None:
            self._require_not_taken_away(grant)
            live = await self._made(grant, keep_one=True)
        await self._durable(live)
        return self._granted(live, self.limits.client_token_ttl_s)

    def preview(self, request: ConsentRequest) -> Grant:
        """The grant a yes would make, for the page that asks. Raises what `for_consent` does."""
        return self._composed(of_consent(request, self.registry, self.limits))

    async def for_consent(self, request: ConsentRequest) -> Granted:
        """The grant a person agreed to. Raises `Invalid`, `Denied`, `Outage`."""
        live = self.grants.find(request.grant_id)
        if live is None:
            live = await self._made(self.preview(request), keep_one=False, login=request.login)
        await self._durable(live)
        return self.token_for(live)

    def token_for(self, live: LiveGrant) -> Granted:
        """A further token of a person's grant. Raises `Unauthenticated` when it is over, or one of the two has left."""
        account = self.registry.accounts.get(live.grant.subject.id)
        client = self.registry.clients.get(live.grant.client_id)
        tenant = live.grant.tenant
        if account is None or client is None or account.tenant != tenant or tenant not in client.tenants:
            raise refuse(Reason.GRANT_ENDED, "the account or the client is not registered any more")
        return self._granted(live, self.limits.consent_token_ttl_s)

    def _within_term(self, grant: Grant) -> Grant:
        """A client's grants end together with the first of them, and with them the budget they share."""
        monotonic_s = self.clock.monotonic_s()
        term = self.grants.term_of(grant.origin, monotonic_s)
        if term is None:
            return grant
        if term.due(monotonic_s) is GrantEvent.EXHAUST:
            raise refuse(Reason.BUDGET_EXHAUSTED, "until the grant would have expired there is no other")
        ends_at_s = self.clock.now_s() + term.deadline_s - monotonic_s
        return replace(grant, expires_at_s=min(grant.expires_at_s, ends_at_s))

    def _composed(self, draft: Draft) -> Grant:
        """The grant: ceiling, tenant, environment, resource, purpose and request, all of them intersected."""
        now_s = self.clock.now_s()
        self._steps.require_steady(now_s, self.clock.monotonic_s())
        proper = draft.origin.how == BY_CONSENT and self.registry.clients.is_registered(draft.client_id)
        self.registry.administration.require_proper(draft.resource, agreed_to=proper)
        if draft.environment not in self.registry.environments_at(draft.resource):
            raise refuse(Reason.INVALID_PARAMS, f"no environment {draft.environment[:80]!r} is registered")
        if not draft.ttl_s >= 1:
            raise refuse(Reason.INVALID_PARAMS, f"ttl: expected at least 1 second, found {draft.ttl_s:g}")
        if isinstance(draft.budget, Calls) and draft.budget.calls_max < 1:
            raise refuse(Reason.INVALID_PARAMS, f"calls: expected at least 1, found {draft.budget.calls_max}")
        purpose, klass = classify(draft.purpose, draft.purpose_class, self.registry.purposes)
        self.registry.administration.require_kept(draft.resource, klass)
        scopes = klass.keep(self._reachable(draft))
        if draft.asked:
            scopes = intersect(scopes, draft.asked)
        if not scopes:
            raise refuse(
                Reason.OUTSIDE_GRANT, "nothing is left that purpose, account or client, resource and scope share"
            )
        return Grant(
            id=draft.grant_id or self.entropy.id("grt"), tenant=draft.tenant, environment=draft.environment,
            subject=draft.subject,
            roles=draft.roles, client_id=draft.client_id, attestation=draft.attestation, actors=draft.actors,
            presence=draft.presence, purpose=purpose, resource=draft.resource, scopes=scopes,
            constraints=klass.constraints | draft.constraints,
            budget=tighter(draft.budget, klass.budget), idle_s_max=draft.idle_s_max,
            created_at_s=now_s, expires_at_s=now_s + min(draft.ttl_s, klass.ttl_s), origin=draft.origin,
            high_risk=False, authentication=draft.authentication,
        )  # fmt: skip

    def _reachable(self, draft: Draft) -> frozenset[Scope]:
        """What ceiling, tenant, environment and resource share. Another tenant's server looks like none at all."""
        if self.registry.administration.is_for(draft.resource):
            return self.registry.administration.held(draft.subject.subject)
        root = f"{self.registry.issuer}/mcp"
        available: frozenset[Scope] = frozenset(
            WholeServer(name)
            for name, found in self.catalog().servers.items()
            if draft.tenant in found.tenants
            and draft.environment == found.environment
            and not (draft.origin.how == BY_CONSENT and self.forbids(draft.tenant, draft.client_id, name))
        )
        within = reach(draft.ceiling, available)
        if draft.resource == root:
            return within
        for server in available:
            if draft.resource == f"{root}/{server}":
                return intersect(within, frozenset({server}))
        raise refuse(Reason.SERVER_UNKNOWN, f"resource: expected {root} or {root}/SERVER with a server of yours")

    async def _made(self, grant: Grant, *, keep_one: bool, login: str = "") -> LiveGrant:
        """Store, then record and book in one step. With `keep_one` a grant that another request made meanwhile wins."""
        sequence = await self.store.put("grant", grant.id, to_stored(grant, GrantState.ACTIVE))
        twin = self._alive_like(grant) if keep_one else None
        if twin is not None:
            await self.store.remove("grant", grant.id)
            return twin
        live = LiveGrant(grant, now_s=self.clock.now_s(), monotonic_s=self.clock.monotonic_s())
        decision_id = self.entropy.id("dec")
        try:
            position = self.ledger.write(RecordKind.GRANT, decision_id, created_fields(grant, sequence, login))
        except Refusal:
            await self.store.remove("grant", grant.id)
            raise
        self._positions[grant.id] = position
        self.grants.add(live)
        await self._durable(live)
        return live

    async def _durable(self, live: LiveGrant) -> None:
        position = self._positions.get(live.grant.id)
        if position is not None:
            await self.ledger.durable(position)
            self._positions.pop(live.grant.id, None)

    def _alive_like(self, grant: Grant) -> LiveGrant | None:
        """A client's grant of the same kind that still serves."""
        for live in self.grants:
            serves = live.state is GrantState.ACTIVE and live.due(self.clock.monotonic_s()) is None
            if serves and _kind(live.grant) == _kind(grant):
                return live
        return None

    def _require_not_taken_away(self, grant: Grant) -> None:
        """A client whose grant was revoked or used up gets no other before that one would have expired."""
        monotonic_s = self.clock.monotonic_s()
        for live in self.grants:
            if live.grant.origin != grant.origin or monotonic_s >= live.deadline_s:
                continue
            budget = live.grant.budget
            if live.state is GrantState.REVOKED:
                raise refuse(Reason.GRANT_ENDED, "it was revoked; until it would have expired there is no other")
            used_up = isinstance(budget, Calls) and live.calls_used >= budget.calls_max
            if used_up or live.state is GrantState.EXHAUSTED:
                raise refuse(Reason.BUDGET_EXHAUSTED, "until the grant would have expired there is no other")

    def _granted(self, live: LiveGrant, token_ttl_s: float) -> Granted:
        """An access token for the grant (RFC 9068)."""
        grant, now_s = live.grant, int(self.clock.now_s())
        left_s = live.remaining_s(self.clock.monotonic_s())  # by both clocks: the wall clock may have been set back
        expires_at_s = int(min(now_s + token_ttl_s, now_s + left_s, grant.expires_at_s))
        if live.state is not GrantState.ACTIVE or expires_at_s <= now_s:
            raise refuse(Reason.GRANT_EXPIRED if live.state is GrantState.ACTIVE else Reason.GRANT_ENDED)
        claims = Claims(
            issuer=self.registry.issuer, subject=grant.subject.id, client_id=grant.client_id, grant_id=grant.id,
            tenant=grant.tenant, audience=grant.resource, token_id=self.entropy.id("tok"), issued_at_s=now_s,
            not_before_s=now_s, expires_at_s=expires_at_s, actors=grant.actors, scope=scope_text(grant.scopes),
            authentication=grant.authentication,
        )  # fmt: skip
        return Granted(grant, self.tokens.mint(claims), expires_at_s)


def _kind(grant: Grant) -> tuple[object, ...]:
    """What makes two grants of one client the same authorization."""
    return grant.origin, grant.tenant, grant.environment, grant.resource, grant.scopes, grant.purpose


def created_fields(grant: Grant, sequence: int, login: str = "") -> dict[str, object]:
    """The record of a new grant: all it allows, so that a review needs nothing else."""
    budget = grant.budget
    return grant_fields(grant) | {
        "event": "created",
        "resource": grant.resource,
        "scope": scope_text(grant.scopes),
        "constraints": sorted(
            f"{limit.tool} {limit.argument} {limit.check} {', '.join(map(str, limit.values))}"
            for limit in grant.constraints
        ),
        "calls_max": budget.calls_max if isinstance(budget, Calls) else "unmetered",
        "expires_at_s": grant.expires_at_s,
        "origin": grant.origin.how,
        "origin_by": grant.origin.by,
        "parent": grant.parent,
        "acr": grant.authentication.acr.value,
        "store_sequence": sequence,
        **({"login": login} if login else {}),
    }
