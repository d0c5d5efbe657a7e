"""A grant as the store keeps it: JSON whose every field must be there, so that a half-read grant is no grant."""

from __future__ import annotations

import json
from typing import Any, Final

from remit.core.authentication import Authentication
from remit.core.errors import Invalid, refuse
from remit.core.grant import Budget, Calls, Grant, GrantState, Origin, Purpose, Unmetered
from remit.core.principals import Attestation, Presence, Principal, PrincipalKind
from remit.core.reasons import Reason
from remit.core.scope import Constraint, ToolName, constraint, parse_scope

FORMAT: Final = "remit.grant/1"


def to_stored(grant: Grant, state: GrantState) -> bytes:
    """`state` is kept so that a grant that was taken away stays away after a restart."""
    budget = grant.budget
    document = {
        "format": FORMAT,
        "state": state.value,
        "id": grant.id,
        "tenant": grant.tenant,
        "environment": grant.environment,
        "subject": [grant.subject.kind.value, grant.subject.subject, grant.subject.issuer],
        "roles": sorted(grant.roles),
        "client_id": grant.client_id,
        "attestation": grant.attestation.value,
        "actors": list(grant.actors),
        "presence": grant.presence.value,
        "purpose": [grant.purpose.text, grant.purpose.klass],
        "resource": grant.resource,
        "scopes": sorted(map(str, grant.scopes)),
        "constraints": constraints_to_stored(grant.constraints),
        "calls_max": budget.calls_max if isinstance(budget, Calls) else "unmetered",
        "idle_s_max": _finite(grant.idle_s_max),
        "created_at_s": grant.created_at_s,
        "expires_at_s": grant.expires_at_s,
        "origin": [grant.origin.how, grant.origin.by, grant.origin.assurance],
        "high_risk": grant.high_risk,
        "parent": grant.parent,
        "authentication": [list(grant.authentication.methods), grant.authentication.at_s],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def from_stored(content: bytes) -> tuple[Grant, GrantState]:
    """Raises `Outage` if the row is not a whole grant."""
    try:
        return _read(json.loads(content))
    except (ValueError, KeyError, TypeError, Invalid) as error:
        raise refuse(Reason.STORE_UNAVAILABLE, f"a stored grant cannot be read: {type(error).__name__}") from error


def _read(stored: dict[str, Any]) -> tuple[Grant, GrantState]:
    if stored["format"] != FORMAT:
        raise ValueError(stored["format"])
    kind, subject, issuer = stored["subject"]
    methods, at_s = stored["authentication"]
    grant = Grant(
        id=stored["id"],
        tenant=stored["tenant"],
        environment=stored["environment"],
        subject=Principal(PrincipalKind(kind), subject, issuer),
        roles=frozenset(stored["roles"]),
        client_id=stored["client_id"],
        attestation=Attestation(stored["attestation"]),
        actors=tuple(stored["actors"]),
        presence=Presence(stored["presence"]),
        purpose=Purpose(*stored["purpose"]),
        resource=stored["resource"],
        scopes=frozenset(map(parse_scope, stored["scopes"])),
        constraints=constraints_from_stored(stored["constraints"]),
        budget=_budget(stored["calls_max"]),
        idle_s_max=float(stored["idle_s_max"]),
        created_at_s=stored["created_at_s"],
        expires_at_s=stored["expires_at_s"],
        origin=Origin(*stored["origin"]),
        high_risk=stored["high_risk"] is True,
        parent=stored["parent"],
        authentication=Authentication(tuple(methods), at_s),
    )
    return grant, GrantState(stored["state"])


def constraints_to_stored(constraints: frozenset[Constraint]) -> list[list[Any]]:
    return [
        [str(limit.tool), limit.argument, limit.check, list(limit.values)] for limit in sorted(constraints, key=repr)
    ]


def constraints_from_stored(stored: list[Any]) -> frozenset[Constraint]:
    return frozenset(
        constraint(ToolName.parse(tool), argument, check, values) for tool, argument, check, values in stored
    )


def _budget(stored: Any) -> Budget:
    if stored == "unmetered":
        return Unmetered()
    if type(stored) is not int:
        raise TypeError("calls_max")
    return Calls(stored)


def _finite(seconds: float) -> float | str:
    """JSON has no infinity; `float` reads the word."""
    return "inf" if seconds == float("inf") else seconds
