"""Would a wider grant help? A question to ask before a client is told to fetch one (RFC 6750 section 3.1, step-up)."""

from __future__ import annotations

from remit.core.access import Consented, Target, TargetKind
from remit.core.catalog import Server
from remit.core.grant import Bound, Grant, GrantEvent, LiveGrant
from remit.core.scope import OneTool, Scope, WholeServer, scope_text


def missing_scope(server: Server, target: Target) -> Scope:
    """The least that covers the target."""
    return OneTool(server.name, target.name) if target.kind is TargetKind.TOOL else WholeServer(server.name)


def unverified_widened(consented: Consented, scope: Scope) -> Consented:
    """The same consent as if the grant also had `scope`, for putting one question to the policy.

    INVARIANT: the grant inside has already ended, so that nothing can run with it: `record_intent` refuses.
    """
    grant = consented.bound.grant
    members = {name: getattr(grant, name) for name in Grant.__slots__}
    asked = LiveGrant(Grant(**members | {"scopes": grant.scopes | {scope}}), now_s=0.0, monotonic_s=0.0)
    asked.apply(GrantEvent.FINISH)
    return Consented(Bound(consented.bound.authenticated, asked), consented.consent)


def scope_union(grant: Grant, scope: Scope) -> str:
    """All scopes the client needs afterwards, in one challenge."""
    return scope_text(grant.scopes | {scope})
