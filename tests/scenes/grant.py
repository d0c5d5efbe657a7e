"""Builders for the values most core tests need. Each test names only what it is about."""

from __future__ import annotations

from typing import Any

from remit.core.grant import Grant, LiveGrant, Origin, Purpose, Unmetered
from remit.core.principals import Attestation, Presence, Principal, PrincipalKind
from remit.core.scope import WholeServer

RESOURCE = "http://remit.test/mcp/files"


def a_grant(**changes: Any) -> Grant:
    given: dict[str, Any] = {
        "id": "grt_1",
        "tenant": "acme",
        "environment": "dev",
        "subject": Principal(PrincipalKind.HUMAN, "engineer"),
        "roles": frozenset({"engineer"}),
        "client_id": "editor",
        "attestation": Attestation.REGISTERED,
        "actors": ("administrator",),
        "presence": Presence.INTERACTIVE,
        "purpose": Purpose("tidy the workspace"),
        "resource": RESOURCE,
        "scopes": frozenset({WholeServer("files")}),
        "constraints": frozenset(),
        "budget": Unmetered(),
        "idle_s_max": 900.0,
        "created_at_s": 1000.0,
        "expires_at_s": 1900.0,
        "origin": Origin("administration", "administrator"),
    }
    return Grant(**(given | changes))


def a_live_grant(**changes: Any) -> LiveGrant:
    return LiveGrant(a_grant(**changes), now_s=1000.0, monotonic_s=0.0)
