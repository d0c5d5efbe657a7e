"""`explain`: what was asked, what determined the answer, what came nearest, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remit.core.errors import refuse
from remit.core.ledger import RecordKind
from remit.core.meanings import MEANING
from remit.core.reasons import Reason
from remit.ports.records import Record, Records

ASKED = (
    "subject", "client", "actors", "tenant", "environment", "roles", "presence", "purpose", "purpose_class", "grant",
    "method", "action", "server", "target", "target_kind", "era", "trace", "administrator", "act", "event",
)  # fmt: skip
_DECISION = {RecordKind.INTENT: "permit", RecordKind.DENIAL: "deny"}
# What may be about no tenant, and is nobody's secret then. Any other record without a tenant is shown to nobody.
_OF_NO_TENANT = frozenset({RecordKind.SEGMENT, RecordKind.CHECKPOINT, RecordKind.REFUSALS, RecordKind.ADMIN})


async def explain(records: Records, decision_id: str, tenants: frozenset[str]) -> Mapping[str, Any]:
    """The story of one decision. Raises `Invalid` when it is not known, or not of a tenant the asker may see: the two
    look alike.
    """
    found = await records.find(decision_id)
    first = first_visible(found, decision_id, tenants)
    story: dict[str, Any] = {
        "decision_id": decision_id,
        "kind": first["kind"],
        "at": first["at"],
        "decision": _DECISION.get(first["kind"], first["kind"]),
        "asked": {key: first[key] for key in ASKED if first.get(key)},
        "determining": first.get("determining", []),
        "policy_version": first.get("policy_version", ""),
        "errors": first.get("errors", []),
        "near_miss": first.get("near_miss"),
        "shadow": first.get("shadow"),
        "candidate": first.get("candidate"),
        "detail": first.get("detail", ""),
    }
    return story | ending(found)


def first_visible(found: Sequence[Record], decision_id: str, tenants: frozenset[str]) -> Record:
    """The first record of a decision, which says whose it is. Raises `Invalid` as `explain` does."""
    if not found or not visible(found[0], tenants):
        raise refuse(Reason.NOT_FOUND, f"no decision {decision_id[:40]!r} that you may see")
    return found[0]


def visible(record: Record, tenants: frozenset[str]) -> bool:
    """A record is its tenant's; an administrative act is every tenant's it was about. Only what is about none of them
    (start-up, checkpoints, counts, keys) is nobody's secret.
    """
    if "tenant" in record:
        return record["tenant"] in tenants
    about = record.get("tenants")
    if about:
        return not tenants.isdisjoint(about)
    return record.get("kind") in _OF_NO_TENANT


def ending(found: Sequence[Record]) -> dict[str, Any]:
    first = found[0]
    if first["kind"] == RecordKind.DENIAL:
        reason = Reason(first["reason"])
        return {"reason": reason.value, "because": MEANING[reason].text, "next": next_after(first, reason)}
    if first["kind"] == RecordKind.ADMIN:
        return _administered(found[-1])
    outcome = next((record for record in found if record["kind"] == RecordKind.OUTCOME), None)
    if outcome is None and first["kind"] == RecordKind.INTENT:
        return {"outcome": "unknown", "next": "no outcome was recorded: check the server before repeating the call"}
    return {"outcome": outcome["status"] if outcome else "", "next": ""}


def _administered(last: Record) -> dict[str, Any]:
    """How an administrative act ended: its last record says whether it was carried out."""
    if "reason" not in last:
        return {"outcome": "ok", "next": ""}
    reason = Reason(last["reason"])
    return {"reason": reason.value, "because": MEANING[reason].text, "detail": last.get("detail", ""), "next": ""}


def next_after(denial: Record, reason: Reason) -> str:
    """What to do now. A policy's denial sends people here, so here it must not send them on."""
    if reason is Reason.POLICY_FORBID:
        named = " and ".join(denial.get("determining", [])) or "the policy"
        return f"keep clear of what {named} forbids, or ask its owner"
    if reason is not Reason.POLICY_NO_PERMIT:
        return MEANING[reason].next
    near = denial.get("near_miss")
    if not near:
        return (
            f"no policy of {denial.get('tenant', 'the tenant')} speaks of this: ask who owns its policies for a permit"
        )
    return f"meet the condition of {near['policy']}, or ask its owner to change it"
