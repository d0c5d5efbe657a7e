"""Acts that wait for a second person, and the acts of that person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from remit.app.acts.acting import Acting, Answer
from remit.app.acts.arguments import Arguments, text
from remit.core.administration import RULES, Act, ActPermitted, Reach, Role
from remit.core.errors import refuse
from remit.core.proposal import Proposal, ProposalEvent, concerns, require_second
from remit.core.reasons import Reason

Carry = Callable[[Acting, Arguments], Awaitable[Answer]]


class _Proposed(Exception):
    """The act went as far as its permission, and was kept instead of carried out."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Proposing(Acting):
    """Goes with an act up to the one place where it is permitted, which is before anything happens."""

    name: str
    arguments: Arguments

    async def permit(self, act: Act, tenants: frozenset[str], detail: Mapping[str, object]) -> ActPermitted:
        propose = self.remit.propose
        id, proposal = propose.drafted(self.administrator, self.name, self.arguments, tenants)
        detail = {**detail, "proposal": id, "digest": proposal.digest}
        await self.remit.administer.permit(self.asker, act, tenants, detail, effect="proposed")
        await propose.keep(id, proposal)
        raise _Proposed({"proposal": _shown(id, proposal)})


@dataclass(frozen=True, slots=True)
class Confirming(Acting):
    """Carries out what was proposed: for those tenants, once, with both names on record."""

    id: str
    proposal: Proposal

    def tenants(self, act: Act) -> frozenset[str]:
        return frozenset(self.proposal.tenants)

    async def permit(self, act: Act, tenants: frozenset[str], detail: Mapping[str, object]) -> ActPermitted:
        if tenants != frozenset(self.proposal.tenants):
            raise refuse(Reason.CONFLICT, "it would touch other tenants than when it was proposed")
        detail = {**detail, "proposal": self.id, "proposed_by": self.proposal.by}
        permitted = await self.remit.administer.permit(self.asker, act, tenants, detail)
        with self.refusals_recorded(permitted):
            await self.remit.propose.end(self.id, ProposalEvent.CONFIRM)
        return permitted


async def proposed(acting: Acting, name: str, carry: Carry, arguments: Arguments) -> Answer:
    """The proposal instead of the act's own answer. Raises what the act is refused for."""
    try:
        return await carry(Proposing(acting.remit, acting.asker, acting.started_s, name, arguments), arguments)
    except _Proposed as kept:
        return kept.answer


async def list_proposals(acting: Acting, arguments: Arguments) -> Answer:
    await acting.permit(Act.PROPOSAL_LIST, acting.tenants(Act.PROPOSAL_LIST), {})
    seen = [_shown(id, each) for id, each in acting.remit.propose.known.items() if _sees(acting, each)]
    return {"proposals": sorted(seen, key=lambda shown: shown["proposed_at_s"])}


async def withdraw(acting: Acting, arguments: Arguments) -> Answer:
    """By whoever proposed it, or whoever could confirm it: a no is a no."""
    id, proposal, permitted = await _permitted(acting, Act.PROPOSAL_WITHDRAW, arguments)
    with acting.refusals_recorded(permitted):
        if proposal.by != acting.administrator.name and not concerns(proposal, acting.administrator):
            raise refuse(Reason.ROLE_MISSING, "it is neither theirs nor theirs to confirm")
        withdrawn = await acting.remit.propose.end(id, ProposalEvent.WITHDRAW)
    return {"proposal": _shown(id, withdrawn), "decision_id": permitted.decision_id}


async def confirm(acting: Acting, arguments: Arguments, carry_of: Callable[[str], Carry]) -> Answer:
    """Carry out exactly what was proposed, as its digest says. What it returns is this administrator's to see."""
    id, proposal, permitted = await _permitted(acting, Act.PROPOSAL_CONFIRM, arguments)
    with acting.refusals_recorded(permitted):
        require_second(proposal, acting.administrator, text(arguments, "digest"))
        proposers = [each for each in acting.remit.administer.everybody() if each.name == proposal.by]
        if not any(concerns(proposal, each) for each in proposers):
            raise refuse(Reason.CONFLICT, f"{proposal.by}, who proposed it, may not do it any more")
        confirming = Confirming(acting.remit, acting.asker, acting.started_s, id, proposal)
        result = await carry_of(proposal.act)(confirming, proposal.arguments)
    return {"act": proposal.act, "result": result, "decision_id": permitted.decision_id}


async def _permitted(acting: Acting, act: Act, arguments: Arguments) -> tuple[str, Proposal, ActPermitted]:
    """A proposal that may not be seen looks like one there never was. Raises `Invalid` (`not_found`)."""
    id = text(arguments, "proposal")
    found = acting.remit.propose.known.get(id)
    seen = found is not None and _sees(acting, found)
    touched = frozenset(found.tenants) & acting.administrator.tenants if seen and found is not None else frozenset()
    permitted = await acting.permit(act, touched or acting.tenants(act), {"proposal": id[:64]})
    if found is None or not seen:
        with acting.refusals_recorded(permitted):
            raise refuse(Reason.NOT_FOUND, f"no proposal {id[:40]!r} that you may see")
    return id, found, permitted


def _sees(acting: Acting, proposal: Proposal) -> bool:
    """Their own, what they could confirm, and for auditors everything of their tenants."""
    administrator = acting.administrator
    audited = {tenant for tenant, held in administrator.roles.items() if Role.AUDIT in held}
    about_process = RULES[Act(proposal.act)].reach is Reach.PROCESS
    audits = bool(audited) if about_process else audited >= set(proposal.tenants)
    return proposal.by == administrator.name or concerns(proposal, administrator) or audits


def _shown(id: str, proposal: Proposal) -> dict[str, Any]:
    return {
        "id": id,
        "act": proposal.act,
        "arguments": proposal.arguments,
        "digest": proposal.digest,
        "by": proposal.by,
        "tenants": list(proposal.tenants),
        "state": proposal.state,
        "proposed_at_s": proposal.proposed_at_s,
        "expires_at_s": proposal.expires_at_s,
    }
