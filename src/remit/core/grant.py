"""The grant: the authorization for one task, and the only session Remit knows.

A `Grant` is what was given and never changes. A `LiveGrant` is its life in memory: state, calls used, last use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from remit.core.authentication import NOBODY, Authentication
from remit.core.errors import Refusal, refuse
from remit.core.fixed import Fixed
from remit.core.principals import Attestation, Authenticated, Presence, Principal
from remit.core.reasons import Reason
from remit.core.scope import Constraint, Scope, intersect


class GrantState(StrEnum):
    ACTIVE = "active"
    FINISHED = "finished"
    REVOKED = "revoked"
    EXPIRED = "expired"
    IDLE = "idle"
    EXHAUSTED = "exhausted"


class GrantEvent(StrEnum):
    FINISH = "finish"  # the user or the client says the task is done
    REVOKE = "revoke"  # an administrator, or a cascade from a user, client, server or tenant
    EXPIRE = "expire"
    IDLE_OUT = "idle_out"
    EXHAUST = "exhaust"


# The whole life of a grant. A pair that is not here does not happen.
TRANSITIONS: Final[dict[tuple[GrantState, GrantEvent], GrantState]] = {
    (GrantState.ACTIVE, GrantEvent.FINISH): GrantState.FINISHED,
    (GrantState.ACTIVE, GrantEvent.REVOKE): GrantState.REVOKED,
    (GrantState.ACTIVE, GrantEvent.EXPIRE): GrantState.EXPIRED,
    (GrantState.ACTIVE, GrantEvent.IDLE_OUT): GrantState.IDLE,
    (GrantState.ACTIVE, GrantEvent.EXHAUST): GrantState.EXHAUSTED,
}

ENDED_REASON: Final[dict[GrantState, Reason]] = {
    GrantState.FINISHED: Reason.GRANT_ENDED,
    GrantState.REVOKED: Reason.GRANT_ENDED,
    GrantState.EXPIRED: Reason.GRANT_EXPIRED,
    GrantState.IDLE: Reason.GRANT_IDLE,
    GrantState.EXHAUSTED: Reason.BUDGET_EXHAUSTED,
}


@dataclass(frozen=True, slots=True)
class Calls:
    """At most this many calls."""

    calls_max: int


@dataclass(frozen=True, slots=True)
class Unmetered:
    """No call budget was set. Said by name, so that a forgotten budget is not an endless one."""


Budget = Calls | Unmetered


def tighter(left: Budget, right: Budget) -> Budget:
    if isinstance(left, Unmetered):
        return right
    if isinstance(right, Unmetered):
        return left
    return Calls(min(left.calls_max, right.calls_max))


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why: what the human wrote, and the class it was mapped to by the purpose catalogue (empty when none was)."""

    text: str
    klass: str = ""


# How a grant came about.
BY_CONSENT: Final = "consent"
BY_CLIENT_CREDENTIALS: Final = "client_credentials"
BY_ADMINISTRATION: Final = "administration"


@dataclass(frozen=True, slots=True)
class Origin:
    """How the grant came about, one of the three above; `by` which consent, client or administrator; and whether agent
    and Remit share a user.
    """

    how: str
    by: str
    assurance: str = "separate-user"


@dataclass(frozen=True, slots=True)
class Grant:
    """RFC 9396 `authorization_details` of type `mcp_tool`, held on our side. Times are seconds since the epoch."""

    id: str
    tenant: str
    environment: str
    subject: Principal
    roles: frozenset[str]
    client_id: str
    attestation: Attestation
    actors: tuple[str, ...]
    presence: Presence
    purpose: Purpose
    resource: str
    scopes: frozenset[Scope]
    constraints: frozenset[Constraint]
    budget: Budget
    idle_s_max: float
    created_at_s: float
    expires_at_s: float
    origin: Origin
    high_risk: bool = False
    parent: str = ""
    authentication: Authentication = NOBODY


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What to keep of a grant. It can only be applied by `narrow`, which intersects."""

    scopes: frozenset[Scope]
    constraints: frozenset[Constraint] = frozenset()
    budget: Budget = field(default_factory=Unmetered)
    expires_at_s: float = float("inf")
    idle_s_max: float = float("inf")
    roles: frozenset[str] | None = None


def narrow(parent: Grant, to: Narrowing, *, id: str, actor: str, now_s: float) -> Grant:
    """A child grant for `actor`: every part is the intersection with the parent's, so nothing can widen."""
    scopes = intersect(parent.scopes, to.scopes)
    if not scopes:
        raise refuse(Reason.OUTSIDE_GRANT, "nothing is left of the grant after narrowing")
    return Grant(
        id=id,
        tenant=parent.tenant,
        environment=parent.environment,
        subject=parent.subject,
        roles=parent.roles if to.roles is None else parent.roles & to.roles,
        client_id=parent.client_id,
        attestation=parent.attestation,
        actors=(actor, *parent.actors),
        presence=parent.presence,
        purpose=parent.purpose,
        resource=parent.resource,
        scopes=scopes,
        constraints=parent.constraints | to.constraints,
        budget=tighter(parent.budget, to.budget),
        idle_s_max=min(parent.idle_s_max, to.idle_s_max),
        created_at_s=now_s,
        expires_at_s=min(parent.expires_at_s, to.expires_at_s),
        origin=parent.origin,
        high_risk=parent.high_risk,
        parent=parent.id,
        authentication=parent.authentication,
    )


class LiveGrant:
    """A grant in memory. `used_at_s` and `deadline_s` are on the monotonic clock, so that a stepped wall clock
    revives nothing.
    """

    __slots__ = ("calls_used", "deadline_s", "decisions", "fixed", "grant", "parent", "state", "told", "used_at_s")

    def __init__(
        self, grant: Grant, *, now_s: float, monotonic_s: float, calls_used: int = 0, parent: LiveGrant | None = None
    ) -> None:
        self.grant = grant
        self.parent = parent
        self.state = GrantState.ACTIVE
        self.calls_used = calls_used
        self.told = False  # whether a use after the end is on record: the first is, the rest are counted
        self.used_at_s = monotonic_s
        self.deadline_s = monotonic_s + (grant.expires_at_s - now_s)
        self.fixed: dict[object, Fixed] = {}  # what its records have in common, ready to be written
        self.decisions: dict[object, object] = {}  # the policy adapter's cache for this grant: it dies with it

    def due(self, monotonic_s: float) -> GrantEvent | None:
        """The event that time or use has brought about and that nobody has applied yet."""
        if self.state is not GrantState.ACTIVE:
            return None
        if monotonic_s >= self.deadline_s:
            return GrantEvent.EXPIRE
        if monotonic_s - self.used_at_s >= self.grant.idle_s_max:
            return GrantEvent.IDLE_OUT
        budget = self.grant.budget
        if isinstance(budget, Calls) and self.calls_used >= budget.calls_max:
            return GrantEvent.EXHAUST
        return None

    def remaining_s(self, monotonic_s: float) -> float:
        """How long until it expires: what a standing stream of this grant may last."""
        return max(0.0, self.deadline_s - monotonic_s)

    def apply(self, event: GrantEvent) -> bool:
        """Move along `TRANSITIONS`. False if the grant had already ended: ending twice changes nothing."""
        after = TRANSITIONS.get((self.state, event))
        if after is None:
            return False
        self.state = after
        self.decisions.clear()
        self.fixed.clear()
        return True

    def touch(self, monotonic_s: float) -> None:
        """Use of a grant is use of every grant it was narrowed from."""
        live: LiveGrant | None = self
        while live is not None:
            live.used_at_s = monotonic_s
            live = live.parent

    def charge(self) -> None:
        """Count one call against this grant and every grant it was narrowed from."""
        live: LiveGrant | None = self
        while live is not None:
            live.calls_used += 1
            live = live.parent


class Bound(msgspec.Struct, frozen=True):
    """Proof of stage 2: the token's grant is known, theirs, alive and within its limits."""

    authenticated: Authenticated
    live: LiveGrant

    @property
    def grant(self) -> Grant:
        return self.live.grant


def ended(state: GrantState) -> Refusal:
    return refuse(ENDED_REASON[state])


def require_alive(live: LiveGrant, *, monotonic_s: float, spends: bool) -> None:
    """Raises the refusal of the first grant in the line, this one or an ancestor, that is over.

    A used-up budget stops only what `spends` from it: a client that lists the tools after its last call is answered
    until the grant is swept up.
    """
    ancestor: LiveGrant | None = live
    while ancestor is not None:
        if ancestor.state is not GrantState.ACTIVE:
            raise ended(ancestor.state)
        event = ancestor.due(monotonic_s)
        if event is not None and (spends or event is not GrantEvent.EXHAUST):
            raise ended(TRANSITIONS[ancestor.state, event])
        ancestor = ancestor.parent


def bind(authenticated: Authenticated, live: LiveGrant | None, *, monotonic_s: float) -> Bound:
    """Stage 2. Raises `Unauthenticated` if the grant is unknown, another's, or over."""
    found = require_fits(authenticated, live, monotonic_s=monotonic_s, spends=False)
    found.touch(monotonic_s)
    return Bound(authenticated, found)


def require_fits(
    authenticated: Authenticated, live: LiveGrant | None, *, monotonic_s: float, spends: bool
) -> LiveGrant:
    """The grant a token is of, unused by looking at it. Raises as `bind` does."""
    if live is None:
        raise refuse(Reason.GRANT_UNKNOWN)
    claims, grant = authenticated.claims, live.grant
    if (
        claims.grant_id != grant.id
        or claims.subject != grant.subject.id
        or claims.client_id != grant.client_id
        or claims.tenant != grant.tenant
        or claims.actors != grant.actors
        or authenticated.resource != grant.resource
    ):
        raise refuse(Reason.GRANT_MISMATCH)
    require_alive(live, monotonic_s=monotonic_s, spends=spends)
    return live
