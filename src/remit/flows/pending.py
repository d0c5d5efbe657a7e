"""A request that waits for a person's answer, the question it comes to, and what the person made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from remit.core.authorization_details import Asked
from remit.core.authorization_request import AuthorizationRequest, DeviceRequest
from remit.core.consent import Question
from remit.core.grant import Budget, Grant, Unmetered
from remit.core.scope import Constraint, Scope

# How long a person has for an answer.
REQUEST_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that is right, at one browser. `id` is its own, for the one code it may become."""

    id: str
    begun_at_s: float
    request: AuthorizationRequest | DeviceRequest


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person made of it: no more than was asked."""

    scopes: frozenset[Scope]
    environment: str
    purpose: str
    purpose_class: str
    ttl_s: float


def question_of(grant: Grant, pending: Pending) -> Question:
    """What a yes that makes this grant is a yes to."""
    return Question(
        grant.tenant, grant.subject, grant.client_id, pending.request.destination, grant.resource,
        grant.scopes, grant.constraints, grant.budget, grant.purpose.text, grant.purpose.klass, grant.environment,
        grant.expires_at_s - grant.created_at_s,
    )  # fmt: skip


def terms_of(
    request: AuthorizationRequest | DeviceRequest,
) -> tuple[frozenset[Scope], frozenset[Constraint], Budget, str, float]:
    """Scopes, limits, budget, purpose (empty when not stated) and seconds that the client asks for."""
    found = request.asked
    if isinstance(found, Asked):
        return found.scopes, found.constraints, found.budget, found.purpose, found.ttl_s
    return frozenset(), frozenset(), Unmetered(), "", float("inf")
