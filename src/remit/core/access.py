"""The access request (AuthZEN 1.0 shape), the engine's plain verdict, and the proofs that stages 3 to 6 passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from remit.core.authentication import NO_DEMAND
from remit.core.catalog import Enforce, Item, ItemKind, Observe, Server, Tool
from remit.core.errors import Denied, refuse
from remit.core.grant import BY_ADMINISTRATION, BY_CLIENT_CREDENTIALS, BY_CONSENT, Bound
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.core.scope import covers, reaches


class Consented(msgspec.Struct, frozen=True):
    """Proof of stage 3: the human behind the subject agreed to this client. `consent` names the agreement."""

    bound: Bound
    consent: str


def require_consent(bound: Bound) -> Consented:
    """Stage 3. Three origins stand for an agreement: the person's own consent to this client, a client that acts for
    itself, and a grant an administrator made through a role. Any other origin is refused. Taking a consent back
    ends its grants, so a live one has it.
    """
    origin = bound.grant.origin
    if origin.how not in (BY_CONSENT, BY_CLIENT_CREDENTIALS, BY_ADMINISTRATION) or not origin.by:
        raise refuse(Reason.CONTEXT_MISSING, "the grant has no consent behind it")
    return Consented(bound, f"{origin.how}:{origin.by}")


class TargetKind(StrEnum):
    TOOL = "Tool"
    RESOURCE = "Resource"
    TEMPLATE = "ResourceTemplate"
    PROMPT = "Prompt"
    TASK = "Task"
    SERVER = "Server"


class Target(msgspec.Struct, frozen=True):
    """What a request is about. `name` is the upstream's own name (tool name, URI); empty for a server-level method."""

    kind: TargetKind
    name: str = ""


TARGET_OF: dict[ItemKind, TargetKind] = {
    ItemKind.TOOL: TargetKind.TOOL,
    ItemKind.RESOURCE: TargetKind.RESOURCE,
    ItemKind.TEMPLATE: TargetKind.TEMPLATE,
    ItemKind.PROMPT: TargetKind.PROMPT,
}


class OutsideGrant(Denied):
    """The grant's scopes do not cover what was asked; a wider grant might."""


class Resolved(msgspec.Struct, frozen=True):
    """Proof of stage 4: the request names something trusted that the grant's tenant, environment and scopes cover."""

    consented: Consented
    request: McpRequest
    server: Server
    target: Target
    item: Item | None


def resolve(consented: Consented, request: McpRequest, server: Server, target: Target, item: Item | None) -> Resolved:
    """Stage 4. `item` is the catalog's entry for the target; a tool or prompt without one does not exist here."""
    grant = consented.bound.grant
    if grant.tenant not in server.tenants:
        raise refuse(Reason.TENANT_MISMATCH, f"{server.name} does not serve tenant {grant.tenant}")
    if grant.environment != server.environment:
        raise refuse(
            Reason.ENVIRONMENT_MISMATCH,
            f"{server.name} is in {server.environment or 'no environment'}, the grant in {grant.environment}",
        )
    if target.kind in (TargetKind.TOOL, TargetKind.PROMPT) and item is None:
        held = (ItemKind(target.kind.value.lower()), target.name) in server.withheld
        raise refuse(Reason.DEFINITION_CHANGED if held else Reason.TOOL_UNKNOWN, f"{server.name}/{target.name[:128]}")
    tool = target.name if target.kind is TargetKind.TOOL else None
    covered = (
        reaches(grant.scopes, server.name)
        if target.kind is TargetKind.SERVER
        else covers(grant.scopes, server.name, tool)
    )
    if not covered:
        raise OutsideGrant(Reason.OUTSIDE_GRANT, f"the grant does not cover {server.name}/{target.name[:128]}")
    if isinstance(item, Tool) and item.high_risk and not grant.high_risk:
        raise refuse(Reason.HIGH_RISK_REFUSED, str(item.name))
    return Resolved(consented, request, server, target, item)


@dataclass(frozen=True, slots=True)
class UnknownArguments:
    """The arguments are not known: the question of a listing, not of a call."""


class AccessRequest(msgspec.Struct, frozen=True):
    """Subject, action, resource, context (AuthZEN 1.0 section 5). Everything but action, arguments and time comes
    from `resolved`.

    `action` is `server/tool` for a tool call and the MCP method otherwise. `arguments` are validated and normalised.
    """

    resolved: Resolved
    action: str
    arguments: Mapping[str, Any] | UnknownArguments
    now_s: float


class Effect(StrEnum):
    PERMIT = "permit"
    FORBID = "forbid"  # a forbid policy determined the answer
    NO_PERMIT = "no_permit"  # nothing permitted
    ERROR = "error"  # an engine or policy failed to evaluate


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Where a policy stands: `files.cedar:12`. `base` marks a forbid shipped with Remit, which nothing overrides."""

    id: str
    file: str
    line: int
    base: bool = False

    def __str__(self) -> str:
        return f"{self.id} ({self.file}:{self.line})" if self.file else self.id


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a shadow policy set would have answered: recorded, never enforced."""

    effect: Effect
    determining: tuple[PolicyRef, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A policy engine's plain answer. It permits nothing: only `conclude` turns it into `Permitted`."""

    effect: Effect
    determining: tuple[PolicyRef, ...]
    policy_version: str
    errors: tuple[str, ...] = ()
    shadow: Shadow | None = None
    cached: bool = False


OBSERVED = PolicyRef("observe", "", 0)


class Permitted(msgspec.Struct, frozen=True):
    """Proof of stage 6. `candidate` is the verdict that observe mode overrode, None when the verdict itself permits."""

    access: AccessRequest
    verdict: Verdict
    determining: tuple[PolicyRef, ...]
    candidate: Verdict | None = None

    @property
    def resolved(self) -> Resolved:
        return self.access.resolved


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The permit that came closest: which of its conditions failed, as source text."""

    policy: PolicyRef
    failed: tuple[str, ...]


class DeniedByPolicy(Denied):
    """A denial that carries the verdict, so that the record names what determined it."""

    def __init__(self, reason: Reason, detail: str, verdict: Verdict) -> None:
        super().__init__(reason, detail)
        self.verdict = verdict
        self.near_miss: NearMiss | None = None


_DENIAL: dict[Effect, Reason] = {
    Effect.FORBID: Reason.POLICY_FORBID,
    Effect.NO_PERMIT: Reason.POLICY_NO_PERMIT,
    Effect.ERROR: Reason.POLICY_ERROR,
}


def conclude(access: AccessRequest, verdict: Verdict) -> Permitted:
    """Stage 6: forbid trumps permit, and only an explicit permit by a named policy of a known version permits. What a
    tool demands of the person's sign-in comes last, so that nobody is asked to sign in for what is denied anyway.

    Cedar skips a policy that fails to evaluate, so that a forbid with an error does not forbid: any error is a deny, in
    observe mode too, where the policy that failed may be a forbid shipped with Remit.
    """
    effect = Effect.ERROR if verdict.errors else verdict.effect
    if effect is Effect.PERMIT and (not verdict.determining or not verdict.policy_version):
        effect = Effect.ERROR
    if effect is Effect.PERMIT:
        _require_sign_in(access)
        return Permitted(access, verdict, verdict.determining)
    mode = access.resolved.server.mode
    match mode:
        case Observe(until_s=until_s) if (
            access.now_s < until_s
            and effect is not Effect.ERROR
            and not any(policy.base for policy in verdict.determining)
        ):
            _require_sign_in(access)
            return Permitted(access, verdict, (OBSERVED,), candidate=verdict)
        case Observe() | Enforce():
            named = ", ".join(str(policy) for policy in verdict.determining)
            unavailable = effect is Effect.ERROR and not verdict.policy_version
            raise DeniedByPolicy(Reason.POLICY_UNAVAILABLE if unavailable else _DENIAL[effect], named, verdict)


def _require_sign_in(access: AccessRequest) -> None:
    """A call that the person's sign-in is too weak or too old for is refused with what would do (RFC 9470). A listing
    shows the tool: else nobody would ever be asked.
    """
    item, grant = access.resolved.item, access.resolved.consented.bound.grant
    if not isinstance(item, Tool) or item.demand is NO_DEMAND or isinstance(access.arguments, UnknownArguments):
        return
    demand = item.demand
    if grant.authentication.meets(demand.acr, max_age_s=demand.max_age_s, now_s=access.now_s):
        return
    if not grant.authentication.methods:
        raise refuse(
            Reason.CONTEXT_MISSING,
            f"{item.action} is only for grants that a person agreed to at /authorize, and this one nobody did",
        )
    data = {"acr_values": demand.acr.value, "max_age": int(demand.max_age_s)}
    raise refuse(Reason.STEP_UP_REQUIRED, item.action[:160], data=data)
