"""Would a wider grant help, or a better sign-in? A question to ask before a client is told to fetch one (RFC 6750
section 3.1, RFC 9470).
"""

from __future__ import annotations

from typing import Any

from remit.core.access import AccessRequest, Consented, Resolved, Target, TargetKind
from remit.core.authentication import PASSKEY, Acr, Authentication
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
    return _supposed(consented, {"scopes": consented.bound.grant.scopes | {scope}})


def unverified_signed_in(access: AccessRequest, authentication: Authentication) -> AccessRequest:
    """The same request as if the person had signed in like this. INVARIANT: as for `unverified_widened`."""
    resolved = access.resolved
    consented = _supposed(resolved.consented, {"authentication": authentication})
    supposed = Resolved(consented, resolved.request, resolved.server, resolved.target, resolved.item)
    return AccessRequest(supposed, access.action, access.arguments, access.now_s)


def _supposed(consented: Consented, changes: dict[str, Any]) -> Consented:
    grant = consented.bound.grant
    members = {name: getattr(grant, name) for name in Grant.__slots__}
    asked = LiveGrant(Grant(**members | changes), now_s=0.0, monotonic_s=0.0)
    asked.apply(GrantEvent.FINISH)
    return Consented(Bound(consented.bound.authenticated, asked), consented.consent)


def better_sign_ins(found: Authentication, now_s: float) -> list[tuple[Authentication, dict[str, object]]]:
    """What a person who signed in could do about it, the least first, each with its challenge; the last is all they
    could do.
    """
    passkey: dict[str, object] = {"acr_values": Acr.PASSKEY.value}
    methods = (*found.methods, *(method for method in PASSKEY if method not in found.methods))
    return [
        (Authentication(methods, found.at_s), passkey),
        (Authentication(found.methods, now_s), {"max_age": 0}),
        (Authentication(methods, now_s), passkey | {"max_age": 0}),
    ]


def scope_union(grant: Grant, scope: Scope) -> str:
    """All scopes the client needs afterwards, in one challenge."""
    return scope_text(grant.scopes | {scope})
