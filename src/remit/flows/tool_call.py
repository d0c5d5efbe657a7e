"""The one door. Every request that reaches a server walks this file, top to bottom; listings share stages 1 to 6.

    1 authenticate  2 bind grant  3 consent  4 resolve + pin  5 validate arguments  6 decide
    7 obligations   8 record intent (no record, no call)  9 lease  10 dispatch  11 sanitise  12 record outcome, release

Each stage needs the proof the one before returned, and only `core` builds proofs, so a skipped stage does not
type-check. A path around this file is a vulnerability, not an optimisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from remit.core.access import (
    AccessRequest,
    DeniedByPolicy,
    OutsideGrant,
    Permitted,
    TargetKind,
    UnknownArguments,
    conclude,
    require_consent,
    resolve,
)
from remit.core.arguments import checked_arguments, refuse_dotted_uri, refuse_reserved_keys
from remit.core.catalog import Catalog, Tool
from remit.core.errors import Refusal, Unauthenticated, refuse
from remit.core.grant import Bound, bind, require_alive
from remit.core.grantbook import GrantBook
from remit.core.lease import Lease, conclude_leased
from remit.core.ledger import (
    OutcomeStatus,
    Position,
    Recorded,
    RecordKind,
    conclude_recorded,
    fixed_fields,
    grant_fields,
    intent_fields,
    outcome_fields,
    verdict_fields,
)
from remit.core.principals import Authenticated
from remit.core.reasons import Kind, Reason
from remit.core.request import Endpoint, McpRequest
from remit.core.secret import Secret
from remit.flows.bridge import require_same_era
from remit.flows.step_up import beyond_grant, beyond_sign_in
from remit.flows.target import Found, find_target
from remit.ports.authenticator import Authenticator
from remit.ports.calls import Calls
from remit.ports.clock import Clock, Entropy
from remit.ports.credentials import Credentials, Reaper
from remit.ports.ledger import Ledger
from remit.ports.policy import PolicyDecisionPoint
from remit.ports.upstream import Message, Reply, Sink, Upstreams


@dataclass(frozen=True, slots=True)
class Durability:
    """When an intent must have survived power loss. `UnsafeAsync` releases replies earlier; it exists for
    measurement.
    """

    unsafe_async: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The walk and the ports it uses. `catalog` returns the current catalog; `call_s_max` bounds every call (G12)."""

    authenticator: Authenticator
    grants: GrantBook
    catalog: Callable[[], Catalog]
    policy: PolicyDecisionPoint
    ledger: Ledger
    credentials: Credentials
    reaper: Reaper
    upstreams: Upstreams
    calls: Calls
    clock: Clock
    entropy: Entropy
    call_s_max: float
    canonical: Callable[[Mapping[str, Any]], bytes]
    durability: Durability = Durability()

    # 1 ------------------------------------------------------------------------------------------------------------
    def authenticate(self, authorization: Secret | None, endpoint: Endpoint) -> Authenticated:
        """The token's journey ends here: nothing past this line ever sees it. Refusals are counted, not itemised."""
        try:
            return self.authenticator.authenticate(authorization, endpoint.resource)
        except Unauthenticated as refusal:
            self.ledger.refused(refusal.reason)
            raise

    # 2 ------------------------------------------------------------------------------------------------------------
    def bind(self, authenticated: Authenticated) -> Bound:
        """Refusals before a grant is known are counted. The first use of an ended grant is recorded whole, later ones
        are counted too: nobody fills the disk with a dead token.
        """
        live = self.grants.find(authenticated.claims.grant_id)
        try:
            return bind(authenticated, live, monotonic_s=self.clock.monotonic_s())
        except Refusal as refusal:
            if live is None or live.told or refusal.reason is Reason.GRANT_MISMATCH:
                self.ledger.refused(refusal.reason)
            else:
                live.told = True
                self.record_denial(refusal, grant_fields(live.grant))
            raise

    # 3 to 6 -------------------------------------------------------------------------------------------------------
    async def admit(self, bound: Bound, request: McpRequest) -> Permitted:
        """Consent, resolve, validate, decide. Every refusal is recorded with what was known when it fell."""
        found: Found | None = None
        access: AccessRequest | None = None
        try:
            consented = require_consent(bound)
            found = server, target, item = find_target(self.catalog(), bound.grant, request)
            resolved = resolve(consented, request, server, target, item)
            require_same_era(request.era, server)  # after the tenant: what another's server speaks is not told
            arguments: Mapping[str, Any] = request.params.get("arguments") or {}
            action = request.method
            if isinstance(item, Tool):
                arguments, action = checked_arguments(item, arguments, bound.grant), item.action
            else:
                refuse_reserved_keys(arguments)
                if target.kind is TargetKind.RESOURCE:
                    refuse_dotted_uri(target.name)
            access = AccessRequest(resolved, action, arguments, self.clock.now_s())
            return conclude(access, await self.policy.evaluate(access))
        except Refusal as refusal:
            try:
                refusal = await self._told_more(refusal, bound, request, found, access)
            finally:  # whoever leaves meanwhile has been refused all the same
                self.record_denial(refusal, denial_fields(refusal, bound, request, found, access))
            raise concealed(refusal, request) from None

    async def _told_more(
        self, refusal: Refusal, bound: Bound, request: McpRequest, found: Found | None, access: AccessRequest | None
    ) -> Refusal:
        """The refusal with what helps whoever reads it: the policy that nearly permitted, or what to ask for."""
        if isinstance(refusal, DeniedByPolicy) and access is not None:
            refusal.near_miss = await self.policy.nearest(access)
            return await beyond_sign_in(self.policy, access, refusal)
        elif isinstance(refusal, OutsideGrant) and found is not None:
            return await beyond_grant(self.policy, require_consent(bound), request, found, self.clock.now_s())
        return refusal

    # 7 and 8 ------------------------------------------------------------------------------------------------------
    def record_intent(self, permitted: Permitted) -> Recorded:
        """Written to the operating system before dispatch. The grant is held against time and budget once more, in the
        same turn as its charge: while the decision was awaited it may have ended, or others may have spent the budget.
        """
        bound = permitted.resolved.consented.bound
        spends = permitted.resolved.target.kind is not TargetKind.SERVER  # keeping a session is free
        try:
            require_alive(bound.live, monotonic_s=self.clock.monotonic_s(), spends=spends)
        except Refusal as refusal:
            self.record_denial(refusal, {**fixed_fields(permitted.access).fields, **intent_fields(permitted)})
            raise
        decision_id = self.entropy.id("dec")
        arguments = permitted.access.arguments
        known = {} if isinstance(arguments, UnknownArguments) else arguments
        digested = self.canonical(known) if known else b""
        position = self.ledger.write(
            RecordKind.INTENT,
            decision_id,
            intent_fields(permitted),
            fixed=fixed_fields(permitted.access),
            arguments=digested,
        )
        if spends:
            bound.live.charge()
        return conclude_recorded(permitted, decision_id, position)

    # all ----------------------------------------------------------------------------------------------------------
    async def call(self, authenticated: Authenticated, request: McpRequest, sink: Sink) -> Reply:
        """Walk one request to its server and back. Raises `Refusal`; its `decision_id` is on the ledger."""
        bound = self.bind(authenticated)
        permitted = await self.admit(bound, request)
        recorded = self.record_intent(permitted)
        started_s = self.clock.monotonic_s()
        status, size, why = OutcomeStatus.CANCELLED, 0, ""
        lease = None
        try:
            item = permitted.resolved.item
            if isinstance(item, Tool) and item.high_risk:
                await self.ledger.durable(recorded.position)  # durable before dispatch, not just before the reply
            # 9 lease, 10 dispatch
            lease = await self.credentials.lease(recorded)
            leased = conclude_leased(recorded, lease)
            released = ReleasedSink(sink, self, recorded.position)
            work = self.upstreams.exchange(leased, forwarded(permitted), released)
            reply = await self.calls.run(bound.live, work, deadline_s=self.deadline_s(bound, request))
            # 11 sanitise and label: their own capability; the reply passes byte for byte until then
            status, size = reply.status, len(reply.value)
            await self.release_reply(recorded.position)
            return reply
        except Refusal as refusal:
            status, size, why = status_of(refusal), 0, refusal.reason.value
            refusal.decision_id = recorded.decision_id
            raise
        except Exception:
            status, size, why = OutcomeStatus.FAILED, 0, Reason.INTERNAL.value  # a bug of ours is no cancellation
            raise
        finally:
            self.end(recorded, lease, started_s, status, size, why)

    # 12 -----------------------------------------------------------------------------------------------------------
    def end(
        self, recorded: Recorded, lease: Lease | None, started_s: float, status: OutcomeStatus, size: int, why: str
    ) -> None:
        """Release and record the outcome. Synchronous on purpose: a second cancellation would skip an await."""
        if lease is not None:
            self.reaper.release(lease)
        fields = outcome_fields(
            status,
            tenant=recorded.permitted.resolved.consented.bound.grant.tenant,
            reply_bytes=size,
            duration_s=self.clock.monotonic_s() - started_s,
            detail={"reason": why} if why else None,
        )
        self.ledger.write(RecordKind.OUTCOME, recorded.decision_id, fields)

    def deadline_s(self, bound: Bound, request: McpRequest) -> float:
        """A subscription lasts as long as its grant; all else ends after `call_s_max`, whatever its progress (G12)."""
        if request.method == "subscriptions/listen":
            return bound.live.remaining_s(self.clock.monotonic_s())
        return self.call_s_max

    async def release_reply(self, position: Position) -> None:
        """No reply leaves before its intent is durable."""
        if not self.durability.unsafe_async and not self.ledger.is_durable(position):
            await self.ledger.durable(position)

    def record_denial(self, refusal: Refusal, fields: Mapping[str, Any]) -> None:
        refusal.decision_id = self.entropy.id("dec")
        self.ledger.write(
            RecordKind.DENIAL,
            refusal.decision_id,
            {**fields, "reason": refusal.reason.value, "detail": refusal.detail[:512]},
        )


class ReleasedSink:
    """Holds a stream's messages until the intent is durable: a stream's reply is its first byte."""

    __slots__ = ("_inner", "_position", "_released", "_walk")

    def __init__(self, inner: Sink, walk: ToolCall, position: Position) -> None:
        self._inner, self._walk, self._position, self._released = inner, walk, position, False

    async def interim(self, message: Message) -> None:
        if not self._released:
            await self._walk.release_reply(self._position)
            self._released = True
        await self._inner.interim(message)


def forwarded(permitted: Permitted) -> Mapping[str, Any]:
    """The params to send: the client's, with the arguments that were decided on and the server's own tool name."""
    resolved, params = permitted.resolved, permitted.resolved.request.params
    if not isinstance(resolved.item, Tool):
        return params
    if "arguments" not in params:
        return params if params.get("name") == resolved.item.name else {**params, "name": resolved.item.name}
    return {**params, "name": resolved.item.name, "arguments": permitted.access.arguments}


def status_of(refusal: Refusal) -> OutcomeStatus:
    if refusal.reason in (Reason.GRANT_ENDED, Reason.GRANT_EXPIRED, Reason.GRANT_IDLE):
        return OutcomeStatus.REVOKED
    if refusal.reason is Reason.LEDGER_UNAVAILABLE:
        return OutcomeStatus.WITHHELD
    return OutcomeStatus.FAILED if refusal.kind is Kind.OUTAGE else OutcomeStatus.CANCELLED


def denial_fields(
    refusal: Refusal, bound: Bound, request: McpRequest, found: Found | None, access: AccessRequest | None
) -> dict[str, Any]:
    """As much as was known when the refusal fell."""
    asked = {"method": request.method, "era": request.era.value, "trace": request.trace}
    fields = grant_fields(bound.grant) | asked
    if found is not None:
        server, target, _ = found
        fields |= {"server": server.name, "target": target.name[:256], "target_kind": target.kind.value}
    if access is not None:
        fields |= {"action": access.action, "consent": access.resolved.consented.consent}
    if isinstance(refusal, DeniedByPolicy):
        fields |= verdict_fields(refusal.verdict)
        near = refusal.near_miss
        fields |= {} if near is None else {"near_miss": {"policy": str(near.policy), "failed": list(near.failed)}}
    return fields


def concealed(refusal: Refusal, request: McpRequest) -> Refusal:
    """What the client may know of it. That a name exists for another tenant or environment is theirs alone: on record
    it is what it is, to the client it is a name nobody has, word for word."""
    if refusal.reason not in (Reason.TENANT_MISMATCH, Reason.ENVIRONMENT_MISMATCH):
        return refusal
    name = request.params.get("name", "")
    shown = refuse(Reason.TOOL_UNKNOWN, name[:128] if isinstance(name, str) else "")
    shown.decision_id = refusal.decision_id
    return shown
