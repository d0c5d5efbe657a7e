"""A request that is denied: is it worth asking for a wider grant, or for the person to sign in anew? Only then is the
client told to (403 and 401, step-up).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.core.access import AccessRequest, Consented, DeniedByPolicy, conclude, resolve
from remit.core.arguments import checked_arguments
from remit.core.catalog import Tool
from remit.core.errors import Denied, Refusal, refuse
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.core.step_up import better_sign_ins, missing_scope, scope_union, unverified_signed_in, unverified_widened
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
    except Denied as denied:
        if denied.reason is not Reason.STEP_UP_REQUIRED:  # asked for once there is a grant that covers it
            return refuse(Reason.OUTSIDE_GRANT, f"the grant does not cover {server.name}/{target.name[:128]}")
    data = {"scope": scope_union(consented.bound.grant, scope)}
    return refuse(Reason.INSUFFICIENT_SCOPE, f"the grant does not cover {scope}", data=data)


async def beyond_sign_in(policy: PolicyDecisionPoint, access: AccessRequest, denial: DeniedByPolicy) -> DeniedByPolicy:
    """The same denial, as `step_up_required` with the least that cures it if policy would permit it to a person who
    signed in better or later. Nothing runs either way.
    """
    found = access.resolved.consented.bound.grant.authentication
    if not found.methods or denial.reason not in (Reason.POLICY_FORBID, Reason.POLICY_NO_PERMIT):
        return denial
    *least, most = better_sign_ins(found, access.now_s)
    if not await _permitted(policy, unverified_signed_in(access, most[0])):
        return denial
    for supposed, data in (*least, most):
        if await _permitted(policy, unverified_signed_in(access, supposed)):
            stepped = DeniedByPolicy(Reason.STEP_UP_REQUIRED, denial.detail, denial.verdict)
            stepped.near_miss, stepped.data = denial.near_miss, data
            return stepped
    return denial


async def _permitted(policy: PolicyDecisionPoint, access: AccessRequest) -> bool:
    try:
        conclude(access, await policy.evaluate(access))
    except Denied:
        return False
    return True
