"""An act that waits for a second person: what was asked, exactly, and whether it may still be confirmed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec.structs import replace

from remit.core.administration import RULES, Act, Administrator, Reach
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.rows import Stored

PROPOSAL_S_MIN: Final = 900.0
PROPOSAL_S_MAX: Final = 604_800.0
ARGUMENTS_BYTES_MAX: Final = 65_536
# Acts that end something. They never wait: whoever sees harm stops it alone.
ENDING: Final = frozenset(
    {Act.GRANT_END, Act.REVOKE, Act.CLIENT_REFUSE, Act.CONSENT_END, Act.CONSENT_FORBID, Act.ADMINISTRATOR_UNDELEGATE}
)
OF_PROPOSALS: Final = frozenset({Act.PROPOSAL_LIST, Act.PROPOSAL_CONFIRM, Act.PROPOSAL_WITHDRAW})
NEVER_WAITS: Final = ENDING | OF_PROPOSALS


class ProposalState(StrEnum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class ProposalEvent(StrEnum):
    CONFIRM = "confirm"
    WITHDRAW = "withdraw"


# The whole life of a proposal but for time. A pair that is not here does not happen.
TRANSITIONS: Final[dict[tuple[ProposalState, ProposalEvent], ProposalState]] = {
    (ProposalState.OPEN, ProposalEvent.CONFIRM): ProposalState.CONFIRMED,
    (ProposalState.OPEN, ProposalEvent.WITHDRAW): ProposalState.WITHDRAWN,
}


class Proposal(Stored, frozen=True, tag="remit.proposal/1"):
    """`by` proposed it, with rights that are `origin`'s (their own, unless somebody delegated them). `tenants` are
    those it touches, none for an act about the process. Times are seconds since the epoch.
    """

    act: str
    arguments: dict[str, Any]
    digest: str
    by: str
    origin: str
    tenants: tuple[str, ...]
    proposed_at_s: float
    expires_at_s: float
    state: str = ProposalState.OPEN.value


def digest_of(act: str, arguments: Mapping[str, Any], tenants: frozenset[str]) -> str:
    """What a confirmation is for: this act with these arguments, for these tenants. Raises `Invalid` for more than is
    kept."""
    asked = {"act": act, "arguments": arguments, "tenants": sorted(tenants)}
    try:
        content = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise refuse(Reason.INVALID_PARAMS, "arguments: not what JSON can say") from problem
    if len(content) > ARGUMENTS_BYTES_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"arguments: more than {ARGUMENTS_BYTES_MAX} bytes")
    return hashlib.sha256(content).hexdigest()


def after(proposal: Proposal, event: ProposalEvent, *, now_s: float) -> Proposal:
    """Move along `TRANSITIONS`. Raises `Invalid` (`conflict`) if it is over, by use or by time."""
    state = TRANSITIONS.get((ProposalState(proposal.state), event))
    if state is None:
        raise refuse(Reason.CONFLICT, f"the proposal was {proposal.state} already")
    if not proposal.proposed_at_s <= now_s < proposal.expires_at_s:
        raise refuse(Reason.CONFLICT, "the proposal is too old; propose it anew")
    return replace(proposal, state=state.value)


def concerns(proposal: Proposal, administrator: Administrator) -> bool:
    """Whether they could be asked to confirm it: a role of theirs permits the act for everything it touches."""
    held = administrator.tenants_for(Act(proposal.act))
    return bool(held) if RULES[Act(proposal.act)].reach is Reach.PROCESS else held >= set(proposal.tenants) != set()


def require_second(proposal: Proposal, administrator: Administrator, digest: str) -> None:
    """Raises `Denied` (`second_person_needed`) for whoever proposed it, or has their rights from who did, or the other
    way round; and `Invalid` (`conflict`) for another digest than the proposal's."""
    if administrator.name == proposal.by or administrator.origin == proposal.origin:
        raise refuse(Reason.SECOND_PERSON_NEEDED, f"it was proposed by {proposal.by}; somebody else confirms it")
    if digest != proposal.digest:
        raise refuse(Reason.CONFLICT, f"digest: the proposal's is {proposal.digest}")
