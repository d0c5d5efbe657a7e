"""The policy decision point: Cedar in this process, asked once per question and, where the policies allow it, not
even once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from remit.adapters.policy.deciding import Prepared, Question, decide, prepare
from remit.adapters.policy.listing import decide_unknown
from remit.adapters.policy.loading import Fault
from remit.adapters.policy.memory import SAMPLE_ONE_IN, Entry, Memory
from remit.adapters.policy.nearest import nearest_permit
from remit.adapters.policy.sets import Loaded, PolicySets
from remit.core.access import AccessRequest, Effect, NearMiss, TargetKind, Verdict
from remit.core.catalog import Catalog, Tool
from remit.core.grant import LiveGrant
from remit.core.policy_context import closure

log = logging.getLogger("remit.policy")

# Up to this many policies a slice is made in a millisecond or two; a larger set is sliced off the event loop.
POLICIES_ON_LOOP_MAX = 200


def question_of(request: AccessRequest) -> Question:
    resolved = request.resolved
    return Question(
        resolved.consented.bound.grant,
        resolved.server,
        resolved.target,
        resolved.item,
        request.action,
        resolved.request.era,
    )


class Unprepared(Exception):
    """Why a question cannot be put to the engine at all."""

    def __init__(self, version: str, *why: str) -> None:
        super().__init__(*why)
        self.verdict = Verdict(Effect.ERROR, (), version, why)


def prepared_for(question: Question, loaded: Loaded) -> Prepared:
    """Raises `Unprepared` for an unknown action, a changed definition, or a faulty policy."""
    if not loaded.usable:
        faults = [str(fault) for fault in loaded.faults]
        raise Unprepared("", *(faults[:3] or ["the tenant's policies were refused"]))
    version = loaded.parsed.version
    item = question.item
    if not loaded.words.knows(question.action, item):
        raise Unprepared(version, f"no policy set knows the action {question.action[:160]} as it is now")
    about = closure(question.grant, question.action, question.server, question.target, item)
    positions = loaded.index.applicable(about)
    faulty = [str(fault) for at in positions for fault in loaded.checked.faults_of(at, question.action)]
    if faulty:
        raise Unprepared(version, *faulty[:3])
    type_ = loaded.words.types[question.action].arguments if isinstance(item, Tool) else None
    try:
        return prepare(question, about, loaded.index.slice(positions), type_, version)
    except Exception as problem:  # a foreign engine: whatever it raises is an answer we do not have, so a deny
        raise Unprepared(version, f"the policy engine failed: {type(problem).__name__}") from problem


class CedarEngine:
    """Implements `ports.policy.PolicyDecisionPoint`. Call `load` before use. `alarm` is told what an operator must
    see.
    """

    def __init__(
        self,
        policies_dir: Path,
        catalog: Callable[[], Catalog],
        grants_epoch: Callable[[], int],
        alarm: Callable[[str], None],
        *,
        sample_one_in: int = SAMPLE_ONE_IN,
    ) -> None:
        self._sets = PolicySets(policies_dir, catalog, alarm)
        self._grants_epoch = grants_epoch
        self._alarm = alarm
        self._memory = Memory(sample_one_in)

    async def load(self) -> tuple[Fault, ...]:
        """See `PolicySets.load`."""
        return await self._sets.load()

    async def reload(self) -> tuple[Fault, ...]:
        """See `PolicySets.reload`: empty when the files were taken over, else why none was."""
        return await self._sets.reload()

    @property
    def remembers(self) -> bool:
        """Whether decisions are answered from memory; a sample that differed switched it off."""
        return self._memory.trusted

    async def follow(self) -> None:
        """See `PolicySets.follow`."""
        await self._sets.follow()

    def notes(self) -> tuple[Fault, ...]:
        """See `PolicySets.notes`."""
        return self._sets.notes()

    def version(self, tenant: str) -> str:
        return self._sets.version(tenant)

    async def evaluate(self, request: AccessRequest) -> Verdict:
        resolved = request.resolved
        live = resolved.consented.bound.live
        target = resolved.target
        key = request.action if target.kind is TargetKind.TOOL else (request.action, resolved.server.name, target)
        entry = live.decisions.get(key)
        if (
            isinstance(entry, Entry)
            and entry.server is resolved.server
            and entry.era is resolved.request.era
            and self._sets.find(live.grant.tenant) is entry.loaded
        ):
            verdict = entry.verdict
            if verdict is not None and entry.grants_epoch == self._grants_epoch() and self._memory.trusted:
                return self._sampled(entry, request) if self._memory.sample_due() else verdict
            return self._decide(entry, request)
        return await self._first(key, live, request)

    async def _first(self, key: object, live: LiveGrant, request: AccessRequest) -> Verdict:
        question = question_of(request)
        try:
            loaded = await self._sets.current(question.grant.tenant)
            if len(loaded.index.policies) > POLICIES_ON_LOOP_MAX:
                prepared = await asyncio.to_thread(prepared_for, question, loaded)
            else:
                prepared = prepared_for(question, loaded)
        except Unprepared as problem:
            return problem.verdict
        except Exception as bug:  # noqa: BLE001 - the engine's boundary: what fails in here is a deny, and on record
            return self._broken(bug, question)
        entry = Entry(loaded, question.server, question.era, prepared)
        self._memory.keep(live, key, entry)
        return self._decide(entry, request)

    def _broken(self, bug: Exception, question: Question) -> Verdict:
        log.error("policy_engine_failed", exc_info=bug, extra={"action": question.action[:160]})
        self._alarm(f"the policy engine failed on {question.action[:160]}: {type(bug).__name__}; it is denied")
        return Verdict(Effect.ERROR, (), self.version(question.grant.tenant), (f"engine: {type(bug).__name__}",))

    def _decide(self, entry: Entry, request: AccessRequest) -> Verdict:
        verdict = decide(entry.prepared, request.arguments, request.now_s)
        if entry.prepared.slice.cacheable and verdict.effect is not Effect.ERROR:
            entry.verdict = replace(verdict, cached=True)
            entry.grants_epoch = self._grants_epoch()
        return verdict

    def _sampled(self, entry: Entry, request: AccessRequest) -> Verdict:
        """Decide a hit again. One difference, and nothing is answered from memory any more."""
        fresh = decide(entry.prepared, request.arguments, request.now_s)
        if replace(fresh, cached=True) != entry.verdict:
            self._memory.trusted = False
            self._alarm(f"the decision cache is off: {request.action} was decided otherwise than remembered")
        return fresh

    async def evaluate_all(self, requests: Sequence[AccessRequest]) -> list[Verdict]:
        asked = []
        for request in requests:
            question = question_of(request)
            asked.append((question, await self._sets.current(question.grant.tenant), request))
        return await asyncio.to_thread(lambda: [self._listed(*each) for each in asked])

    def _listed(self, question: Question, loaded: Loaded, request: AccessRequest) -> Verdict:
        try:
            prepared = prepared_for(question, loaded)
            return decide_unknown(prepared, request.arguments, request.now_s, question.item)
        except Unprepared as problem:
            return problem.verdict
        except Exception as bug:  # noqa: BLE001 - one tool the engine fails on hides itself, not the list
            return self._broken(bug, question)

    async def nearest(self, request: AccessRequest) -> NearMiss | None:
        question = question_of(request)
        loaded = await self._sets.current(question.grant.tenant)
        return await asyncio.to_thread(nearest_permit, question, loaded, request.arguments, request.now_s)
