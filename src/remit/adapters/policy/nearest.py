"""The permit that came closest to a denied request: each part of it is put to the engine as a question of its own."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from cedarpy import PolicySet, _internal

from remit.adapters.policy.checking import actions_named
from remit.adapters.policy.deciding import Arguments, Prepared, Question, context_json, prepare
from remit.adapters.policy.loading import Policy
from remit.adapters.policy.sets import Loaded
from remit.adapters.policy.slices import make_slice, scope_matches
from remit.adapters.policy.source import Anatomy, anatomy
from remit.core.access import NearMiss, UnknownArguments
from remit.core.catalog import Tool
from remit.core.policy_context import Closure, closure
from remit.core.policy_types import RecordOf, encode

CANDIDATES_MAX = 50


def nearest_permit(question: Question, loaded: Loaded, arguments: Arguments, now_s: float) -> NearMiss | None:
    """Of the tenant's own permits whose action fits, the one with the fewest failing parts; the first of them in the
    files.

    None when no permit is about this action, or when nothing of one failed (then a forbid or an error decided).
    Blocking.
    """
    if not loaded.usable or not loaded.words.knows(question.action, question.item):
        return None
    about = closure(question.grant, question.action, question.server, question.target, question.item)
    candidates = _candidates(loaded, about)
    if not candidates:
        return None
    failed = _failed_parts(candidates, _prepared(question, about, loaded, candidates), arguments, now_s)
    closest = min(range(len(candidates)), key=lambda at: len(failed[at]))
    return NearMiss(candidates[closest].ref, tuple(failed[closest])) if failed[closest] else None


def _candidates(loaded: Loaded, about: Closure) -> list[Policy]:
    actions = {uid[1] for uid in about.action_in}
    found = [
        policy
        for policy in loaded.index.policies
        if policy.permits and not policy.shadow and actions.intersection(actions_named(policy) or actions)
    ]
    return sorted(found, key=lambda policy: len(_failed_scope(policy, about)))[:CANDIDATES_MAX]


def _failed_scope(policy: Policy, about: Closure) -> list[str]:
    """Which of principal and resource do not fit, as "principal" and "resource"."""
    failed = []
    if not scope_matches(policy.template.principal, about.principal, about.principal_in):
        failed.append("principal")
    if not scope_matches(policy.template.resource, about.resource, about.resource_in):
        failed.append("resource")
    return failed


def _prepared(question: Question, about: Closure, loaded: Loaded, candidates: Sequence[Policy]) -> Prepared:
    type_ = loaded.words.types[question.action].arguments if isinstance(question.item, Tool) else None
    everything = make_slice(candidates, tuple(range(len(candidates))))
    return prepare(question, about, everything, type_, loaded.parsed.version)


def _failed_parts(
    candidates: Sequence[Policy], prepared: Prepared, arguments: Arguments, now_s: float
) -> list[list[str]]:
    """For each candidate the source text of the parts that do not hold. A part that errs does not hold."""
    failed: list[list[str]] = []
    probes: list[str] = []
    owners: list[tuple[int, str]] = []
    for at, policy in enumerate(candidates):
        parts = anatomy(policy.source.text)
        failed.append([_scope_text(parts, name) for name in _failed_scope(policy, prepared.about)])
        if parts is None:
            continue
        for condition in parts.conditions:
            probes.append(f"permit (principal, action, resource) when {{ {condition.expression} }};")
            owners.append((at, condition.text))
    holding = _holding(probes, prepared, _known(arguments, prepared.type), now_s)
    for number, (at, text) in enumerate(owners):
        if number not in holding:
            failed[at].append(text)
    return failed


def _scope_text(parts: Anatomy | None, name: str) -> str:
    return name if parts is None else str(getattr(parts, name))


def _known(arguments: Arguments, type_: RecordOf | None) -> str:
    """What can be said about the arguments; what has no exact value is left out, and conditions on it do not hold."""
    if type_ is None:
        return ""
    given = {} if isinstance(arguments, UnknownArguments) else arguments
    return orjson.dumps(encode(given, type_).value).decode()


def _holding(probes: Sequence[str], prepared: Prepared, arguments: str, now_s: float) -> set[int]:
    if not probes:
        return set()
    request = {**prepared.request, "context": context_json(prepared, arguments, now_s)}
    # A probe is part of a policy that was parsed before: one that does not parse is a fault of `anatomy`, and all fail.
    try:
        policies = PolicySet.from_str("\n".join(probes))
    except ValueError:
        return set()
    answer = orjson.loads(_internal.is_authorized_batch([request], policies, prepared.entities)[0])
    return {int(name.removeprefix("policy")) for name in answer["diagnostics"].get("reason", ())}
