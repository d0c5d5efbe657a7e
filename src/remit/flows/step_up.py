"""A request outside its grant: is it worth asking for a wider one? Only then is the client told to (403, step-up)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.core.access import AccessRequest, Consented, conclude, resolve
from remit.core.arguments import checked_arguments
from remit.core.catalog import Tool
from remit.core.errors import Denied, Refusal, refuse
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.core.step_up import missing_scope, scope_union, unverified_widened
from remit.flows.target import Found
from remit.ports.policy import PolicyDecisionPoint


async def beyond_grant(
    policy: PolicyDecisionPoint,
    consented: Consented,
    request: McpRequest,
    found: Found,
    now_s: float,
) -> Refusal:
    """The refusal for a request that the grant does not cover: `insufficient_scope` with the union of scopes if policy
    would permit it, else `outside_grant`. Nothing runs either way."""
    server, target, item = found
    scope = missing_scope(server, target)
    arguments: Mapping[str, Any] = request.params.get("arguments") or {}
    action = request.method
    try:
        resolved = resolve(unverified_widened(consented, scope), request, server, target, item)
        if isinstance(item, Tool):
            arguments, action = checked_arguments(item, arguments, consented.bound.grant), item.action
        access = AccessRequest(resolved, action, arguments, now_s)
        conclude(access, await policy.evaluate(access))
    except Denied:
        return refuse(Reason.OUTSIDE_GRANT, f"the grant does not cover {server.name}/{target.name[:128]}")
    data = {"scope": scope_union(consented.bound.grant, scope)}
    return refuse(Reason.INSUFFICIENT_SCOPE, f"the grant does not cover {scope}", data=data)
