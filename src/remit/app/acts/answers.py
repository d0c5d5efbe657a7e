"""What the administrator is told: plain data, and nothing secret but the token that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remit.core.administration import ActPermitted
from remit.core.catalog import ItemKind, Observe, Server
from remit.core.grant import Calls, Grant, LiveGrant
from remit.flows.create_grant import Granted
from remit.flows.end_grant import Ended


def granted_answer(granted: Granted, permitted: ActPermitted, now_s: float) -> dict[str, Any]:
    return {
        "grant": grant_answer(granted.grant),
        "access_token": granted.token.expose().decode("ascii"),
        "token_type": "Bearer",
        "expires_in_s": int(granted.token_expires_at_s - now_s),
        "decision_id": permitted.decision_id,
    }


def ended_answer(ended: Ended, permitted: ActPermitted) -> dict[str, Any]:
    return {
        "grants": list(ended.grants),
        "calls": ended.calls,
        "processes": ended.processes,
        "elapsed_ms": round(ended.elapsed_s * 1000, 2),
        "decision_id": permitted.decision_id,
    }


def grant_answer(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "subject": grant.subject.id,
        "client": grant.client_id,
        "actors": list(grant.actors),
        "tenant": grant.tenant,
        "environment": grant.environment,
        "presence": grant.presence.value,
        "purpose": grant.purpose.text,
        "resource": grant.resource,
        "scopes": sorted(map(str, grant.scopes)),
        "calls_max": grant.budget.calls_max if isinstance(grant.budget, Calls) else None,
        "created_at_s": grant.created_at_s,
        "expires_at_s": grant.expires_at_s,
        "assurance": grant.origin.assurance,
    }


def live_answer(live: LiveGrant) -> dict[str, Any]:
    return grant_answer(live.grant) | {"state": live.state.value, "calls_used": live.calls_used}


def server_answer(server: Server, problems: Sequence[str], misnamed: Sequence[str]) -> dict[str, Any]:
    """`problems` names what was left out of its items, or why its last survey failed; `misnamed` the restrictions that
    are about no tool of it.
    """
    counts = {kind: sum(key[0] is kind for key in server.items) for kind in ItemKind}
    return {
        "name": server.name,
        "health": server.health,
        "problems": list(problems),
        "misnamed": list(misnamed),
        "eras": sorted(era.value for era in server.eras),
        "tools": counts[ItemKind.TOOL],
        "tool_names": sorted(f"{server.name}/{name}" for kind, name in server.items if kind is ItemKind.TOOL),
        "resources": counts[ItemKind.RESOURCE] + counts[ItemKind.TEMPLATE],
        "prompts": counts[ItemKind.PROMPT],
        "withheld": [f"{kind.value} {name} {drift.value}" for (kind, name), drift in sorted(server.withheld.items())],
        "mode": "observe" if isinstance(server.mode, Observe) else "enforce",
        "observe_until_s": server.mode.until_s if isinstance(server.mode, Observe) else None,
        "tenants": sorted(server.tenants),
        "environment": server.environment,
        "owner": server.owner,
        "credential": server.credential,
    }
