"""The consent registry's value and rule: what a person agreed a client may do for them, and when that agreement stands
for another question (MCP security best practices, confused deputy). It stands for less, never for more or for else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from remit.core.errors import refuse
from remit.core.grant import Budget, tighter
from remit.core.principals import Principal
from remit.core.reasons import Reason
from remit.core.redirects import without_port
from remit.core.scope import Constraint, Scope, as_strict, within


class ConsentState(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"
    REPLACED = "replaced"


class ConsentEvent(StrEnum):
    REVOKE = "revoke"  # the person, or an administrator
    REPLACE = "replace"  # the person agreed anew for the same client


# The whole life of a consent but for time. A pair that is not here does not happen.
TRANSITIONS: Final[dict[tuple[ConsentState, ConsentEvent], ConsentState]] = {
    (ConsentState.ACTIVE, ConsentEvent.REVOKE): ConsentState.REVOKED,
    (ConsentState.ACTIVE, ConsentEvent.REPLACE): ConsentState.REPLACED,
    (ConsentState.REPLACED, ConsentEvent.REVOKE): ConsentState.REVOKED,  # a code given on it may still be under way
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a person would be asked to agree to. `purpose_class` is empty for a purpose outside the catalogue, and then
    its words are the class."""

    tenant: str
    subject: Principal
    client_id: str
    redirect: str
    resource: str
    scopes: frozenset[Scope]
    constraints: frozenset[Constraint]
    budget: Budget
    purpose: str
    purpose_class: str
    environment: str
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's agreement. `redirect` is where the code went, without its port on the person's own device; `ttl_s` is
    how long a grant may last. `device` is the browser it was given in, under its hash, without which it is not held to
    stand again; `by` is the rule of an administrator who agreed for the person. Times are seconds since the epoch.
    """

    id: str
    tenant: str
    subject: Principal
    client_id: str
    redirect: str
    resource: str
    scopes: frozenset[Scope]
    constraints: frozenset[Constraint]
    budget: Budget
    purpose: str
    purpose_class: str
    environment: str
    ttl_s: float
    given_at_s: float
    expires_at_s: float
    state: ConsentState = ConsentState.ACTIVE
    device: str = ""
    by: str = ""


def given(question: Question, *, id: str, now_s: float, expires_at_s: float, device: str = "", by: str = "") -> Consent:
    """The consent a yes to the question makes."""
    return Consent(
        id=id,
        tenant=question.tenant,
        subject=question.subject,
        client_id=question.client_id,
        redirect=without_port(question.redirect),
        resource=question.resource,
        scopes=question.scopes,
        constraints=question.constraints,
        budget=question.budget,
        purpose=question.purpose,
        purpose_class=question.purpose_class,
        environment=question.environment,
        ttl_s=question.ttl_s,
        given_at_s=now_s,
        expires_at_s=expires_at_s,
        device=device,
        by=by,
    )


def after(consent: Consent, event: ConsentEvent) -> Consent:
    """Move along `TRANSITIONS`. Raises `Invalid` if the consent had already ended."""
    state = TRANSITIONS.get((consent.state, event))
    if state is None:
        raise refuse(Reason.INVALID_PARAMS, f"consent {consent.id[:80]} is {consent.state} already")
    return replace(consent, state=state)


def covers(consent: Consent, question: Question, *, now_s: float) -> bool:
    """Whether the person agreed to all of this already, so that they need not be asked.

    A question without scopes is covered by nothing, since elsewhere it may stand for all there is. Before it was given
    (the clock was set back) a consent does not count: it would last longer than it was given for.
    """
    return (
        consent.state is ConsentState.ACTIVE
        and consent.given_at_s <= now_s < consent.expires_at_s
        and _who_and_where(consent) == _who_and_where(question)
        and consent.redirect == without_port(question.redirect)
        and bool(question.scopes)
        and within(question.scopes, consent.scopes)
        and as_strict(question.constraints, consent.constraints)
        and tighter(question.budget, consent.budget) == question.budget
        and 0 < question.ttl_s <= consent.ttl_s
    )


def _who_and_where(of: Consent | Question) -> tuple[object, ...]:
    purpose = of.purpose_class or of.purpose
    return of.tenant, of.subject, of.client_id, of.resource, of.purpose_class, purpose, of.environment
