"""What is written down: one record before a tool runs, one after, one per denial and per administrative act; and the
chain.

A record is a flat JSON object of safe fields: never a token, a secret, an argument or a result. The chain is sha256
over the previous link and the record's exact bytes, so that any change, removal or reordering shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from remit.core.access import AccessRequest, Permitted, PolicyRef, Verdict
from remit.core.fixed import Fixed
from remit.core.grant import Grant


class RecordKind(StrEnum):
    SEGMENT = "segment"  # first of a file: writer, predecessor and its last link, signed
    INTENT = "intent"  # permitted, about to run
    OUTCOME = "outcome"  # how it ended
    DENIAL = "denial"  # refused, with a principal
    REFUSALS = "refusals"  # refused before authentication, counted per reason
    INTROSPECTIONS = "introspections"  # questions about tokens, counted per client
    LISTING = "listing"  # what was shown, as a digest
    GRANT = "grant"  # made, narrowed, ended
    ADMIN = "admin"  # an administrative act
    CONSENT = "consent"  # given, refused, taken back
    CLIENT = "client"  # one that describes itself: seen, changed, let in, shut out
    ACCOUNT = "account"  # invited, password set, signed in or out, locked
    CATALOG = "catalog"  # pinned, drifted, approved
    POLICY = "policy"  # a set was loaded or refused
    CHECKPOINT = "checkpoint"  # signed head; also the heartbeat


class OutcomeStatus(StrEnum):
    OK = "ok"
    TOOL_ERROR = "tool_error"  # the tool answered isError or a JSON-RPC error
    INPUT_REQUIRED = "input_required"
    FAILED = "failed"  # no valid answer came back
    CANCELLED = "cancelled"
    REVOKED = "revoked"  # the grant ended while it ran
    WITHHELD = "withheld"  # it ran, but the reply was not released
    DETACHED = "detached"  # the server closed the stream; the answer may come on another (legacy resumption)


GENESIS: Final = "0" * 64


def link(previous: str, record: bytes) -> str:
    """The chain's next link: sha256 over the previous link (hex, ASCII) and the record's exact bytes without its
    newline.
    """
    return hashlib.sha256(previous.encode("ascii") + record).hexdigest()


class Position(msgspec.Struct, frozen=True):
    """Where a record stands: segment number and byte offset of its end. Ordered by both."""

    segment: int
    end: int


class Recorded(msgspec.Struct, frozen=True):
    """Proof of stage 8: the intent of this permitted request is written to the operating system."""

    permitted: Permitted
    decision_id: str
    position: Position


def conclude_recorded(permitted: Permitted, decision_id: str, position: Position) -> Recorded:
    return Recorded(permitted, decision_id, position)


def policies_of(determining: tuple[PolicyRef, ...]) -> list[str]:
    return [str(policy) for policy in determining]


def grant_fields(grant: Grant) -> dict[str, Any]:
    """Who, on whose behalf, why: the part of a record that a grant fixes."""
    return {
        "subject": grant.subject.id,
        "subject_kind": grant.subject.kind.value,
        "client": grant.client_id,
        "actors": list(grant.actors),
        "tenant": grant.tenant,
        "environment": grant.environment,
        "roles": sorted(grant.roles),
        "presence": grant.presence.value,
        "purpose": grant.purpose.text,
        "purpose_class": grant.purpose.klass,
        "grant": grant.id,
        "assurance": grant.origin.assurance,
        "prompt": "not observed",
    }


FIXED_PER_GRANT_MAX: Final = 64


def fixed_fields(access: AccessRequest) -> Fixed:
    """Who asks for what: the part of a decision's record that is the same whenever this grant asks for this.

    Kept with the live grant and bounded: a grant that reads ever new resources starts over.
    """
    resolved = access.resolved
    request, live = resolved.request, resolved.consented.bound.live
    key = (access.action, request.method, request.era, resolved.server.name, resolved.target)
    known = live.fixed.get(key)
    if known is not None:
        return known
    fixed = Fixed(
        grant_fields(live.grant)
        | {
            "action": access.action,
            "method": request.method,
            "server": resolved.server.name,
            "target": resolved.target.name,
            "target_kind": resolved.target.kind.value,
            "consent": resolved.consented.consent,
            "era": request.era.value,
        }
    )
    if len(live.fixed) >= FIXED_PER_GRANT_MAX:
        live.fixed.clear()
    live.fixed[key] = fixed
    return fixed


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """What determined the answer."""
    fields: dict[str, Any] = {
        "policy_version": verdict.policy_version,
        "determining": policies_of(verdict.determining),
        "errors": verdict.errors,
    }
    if verdict.shadow is not None:
        fields["shadow"] = {
            "effect": verdict.shadow.effect.value,
            "determining": policies_of(verdict.shadow.determining),
        }
    return fields


def intent_fields(permitted: Permitted) -> dict[str, Any]:
    """What differs from intent to intent, without the argument digest, which the ledger salts."""
    fields = verdict_fields(permitted.verdict)
    fields["trace"] = permitted.access.resolved.request.trace
    if permitted.candidate is not None:
        fields["determining"] = policies_of(permitted.determining)
        fields["mode"] = "observe"
        fields["candidate"] = {
            "effect": permitted.candidate.effect.value,
            "determining": policies_of(permitted.candidate.determining),
        }
    return fields


def outcome_fields(
    status: OutcomeStatus,
    *,
    tenant: str,
    reply_bytes: int,
    duration_s: float,
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The outcome record's body, with the tenant that may read it. `reply_bytes` counts what was released to the
    client.
    """
    return {
        "tenant": tenant,
        "status": status.value,
        "reply_bytes": reply_bytes,
        "duration_us": round(duration_s * 1e6),
        **(detail or {}),
    }
