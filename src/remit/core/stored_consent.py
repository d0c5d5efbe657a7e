"""A consent as the store keeps it: JSON whose every field must be there and of its type, so that a half-read consent is
no consent.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Final

from remit.core.consent import Consent, ConsentState
from remit.core.errors import Invalid, refuse
from remit.core.grant import Budget, Calls, Unmetered
from remit.core.principals import Principal, PrincipalKind
from remit.core.reasons import Reason
from remit.core.scope import parse_scope
from remit.core.stored_grant import constraints_from_stored, constraints_to_stored

FORMAT: Final = "remit.consent/2"


def to_stored(consent: Consent) -> bytes:
    document = {
        "format": FORMAT,
        "state": consent.state.value,
        "id": consent.id,
        "tenant": consent.tenant,
        "subject": [consent.subject.kind.value, consent.subject.subject, consent.subject.issuer],
        "client_id": consent.client_id,
        "redirect": consent.redirect,
        "resource": consent.resource,
        "scopes": sorted(map(str, consent.scopes)),
        "constraints": constraints_to_stored(consent.constraints),
        "calls_max": consent.budget.calls_max if isinstance(consent.budget, Calls) else None,
        "purpose": consent.purpose,
        "purpose_class": consent.purpose_class,
        "environment": consent.environment,
        "ttl_s": consent.ttl_s,
        "given_at_s": consent.given_at_s,
        "expires_at_s": consent.expires_at_s,
        "device": consent.device,
        "by": consent.by,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def from_stored(content: bytes) -> Consent:
    """Raises `Outage` if the row is not a whole consent."""
    try:
        return _read(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, Invalid) as error:
        raise refuse(Reason.STORE_UNAVAILABLE, f"a stored consent cannot be read: {type(error).__name__}") from error


def _read(stored: dict[str, Any]) -> Consent:
    if stored["format"] != FORMAT:
        raise ValueError(stored["format"])
    kind, subject, issuer = map(_text, stored["subject"])
    return Consent(
        id=_text(stored["id"]),
        tenant=_text(stored["tenant"]),
        subject=Principal(PrincipalKind(kind), subject, issuer),
        client_id=_text(stored["client_id"]),
        redirect=_text(stored["redirect"]),
        resource=_text(stored["resource"]),
        scopes=frozenset(map(parse_scope, _list(stored["scopes"]))),
        constraints=constraints_from_stored(_list(stored["constraints"])),
        budget=_budget(stored["calls_max"]),
        purpose=_text(stored["purpose"]),
        purpose_class=_text(stored["purpose_class"]),
        environment=_text(stored["environment"]),
        ttl_s=_seconds(stored["ttl_s"]),
        given_at_s=_seconds(stored["given_at_s"]),
        expires_at_s=_seconds(stored["expires_at_s"]),
        state=ConsentState(stored["state"]),
        device=_text(stored["device"]),
        by=_text(stored["by"]),
    )


def _text(stored: object) -> str:
    if not isinstance(stored, str):
        raise TypeError("expected text")
    return stored


def _list(stored: object) -> list[Any]:
    if not isinstance(stored, list):
        raise TypeError("expected a list")
    return stored


def _budget(stored: object) -> Budget:
    if stored is None:
        return Unmetered()
    if type(stored) is not int or stored < 1:
        raise TypeError("expected a whole number above 0")
    return Calls(stored)


def _seconds(stored: object) -> float:
    if isinstance(stored, bool) or not isinstance(stored, int | float) or not isfinite(stored):
        raise TypeError("expected a number of seconds")
    return float(stored)
