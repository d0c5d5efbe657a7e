"""Policies held against what exists: the Cedar validator on the generated schema, and what it does not see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cedarpy import PolicySet, Schema, pst, validate_policies

from remit.adapters.policy.loading import Fault, Policy
from remit.adapters.policy.reading import context_reads
from remit.adapters.policy.schema import cedar_schema, cedar_type
from remit.core.policy_context import METHODS, SESSION, SESSION_METHODS, TOOLS, Vocabulary
from remit.core.policy_types import Reads, ToolType, at

TOOLS_PER_PORTION = 8
_FIXED = frozenset({TOOLS, SESSION, *SESSION_METHODS, *METHODS})


@dataclass(frozen=True, slots=True)
class Checked:
    """`faults` by the policy's position in the set. `unfit`, by position too: the tools whose arguments a policy about
    tools in general cannot be held against; it stands for all others, and those tools are denied. `notes` are for
    people: policies about things that do not exist now, and tools that are unfit.
    """

    faults: Mapping[int, Fault]
    notes: tuple[Fault, ...]
    unfit: Mapping[int, Mapping[str, Fault]]

    def faults_of(self, at_: int, action: str) -> Iterator[Fault]:
        """What keeps the policy from being used in a decision about this action."""
        if at_ in self.faults:
            yield self.faults[at_]
        elif action in self.unfit.get(at_, ()):
            yield self.unfit[at_][action]


def actions_named(policy: Policy) -> tuple[str, ...] | None:
    """The actions the scope names, or None when it names none and so applies to all."""
    match policy.template.action:
        case pst.ActionEq(entity=entity):
            return (entity.id,)
        case pst.ActionIn(entities=entities):
            return tuple(entity.id for entity in entities)
        case _:
            return None


def check(policies: Sequence[Policy], words: Vocabulary) -> Checked:
    """Hold every policy against the tenant's vocabulary. A policy about a tool that nothing offers now sleeps: no
    request can name that tool, and a slow server must not take the tenant's other policies with it.
    """
    known = _FIXED | words.tools.keys()
    mentions = [_actions_mentioned(policy) for policy in policies]
    awake = [at_ for at_, policy in enumerate(policies) if not known.isdisjoint(actions_named(policy) or known)]
    faults: dict[int, Fault] = {}
    for portion in _portions(policies, awake, words):
        mentioned = frozenset[str]().union(*(mentions[at_] for at_ in portion))
        for at_, message in _validate(
            [policies[each] for each in portion], _schema(portion, policies, words, mentioned)
        ):
            faults.setdefault(portion[at_], _note(policies[portion[at_]], message))
    unfit = {at_: found for at_ in faults if (found := _unfit(policies[at_], faults[at_], mentions[at_], words))}
    faults = {at_: fault for at_, fault in faults.items() if at_ not in unfit}
    for at_ in awake:
        for message in _blind_tests(policies[at_], words):
            faults.setdefault(at_, _note(policies[at_], message))
    notes = [
        _note(policies[at_], f"no server offers {name} now; it does nothing until one does")
        for at_, names in enumerate(mentions)
        for name in sorted(names - known)
    ]
    notes += [fault for found in unfit.values() for fault in found.values()]
    notes += [note for policy in policies for note in _unknown_names(policy, words)]
    return Checked(faults, tuple(notes), unfit)


def _unfit(policy: Policy, fault: Fault, mentioned: set[str], words: Vocabulary) -> dict[str, Fault]:
    """The tools that a faulty policy fails on, if it is sound without them; else none. One server's definition of an
    argument must not put out of force what is said about all the others.
    """
    if _names_only_tools(policy) or _fails(policy, {}, mentioned):
        return {}
    alike: dict[str, list[str]] = {}
    for name, type_ in sorted(words.types.items()):
        alike.setdefault(json.dumps(cedar_type(type_.arguments), sort_keys=True), []).append(name)
    unfit = [
        name
        for names in alike.values()
        if _fails(policy, {names[0]: words.types[names[0]]}, mentioned)
        for name in names
    ]
    return {
        name: _note(policy, f"it cannot be held against {name}, which is denied: {fault.message}") for name in unfit
    }


def _fails(policy: Policy, tools: Mapping[str, ToolType], mentioned: set[str]) -> bool:
    schema = Schema.from_json_str(json.dumps(cedar_schema(tools, mentioned)), release_gil=True)
    return any(True for _ in _validate([policy], schema))


def _unknown_names(policy: Policy, words: Vocabulary) -> Iterator[Fault]:
    """Cedar accepts any id; a forbid on a misspelled server would never fire."""
    for uid in sorted(pst.entity_uids(policy.template), key=str):
        known = words.named.get(str(uid.type))
        if known is not None and uid.id not in known:
            yield _note(policy, f"nothing of this tenant is {uid} now")


def _actions_mentioned(policy: Policy) -> set[str]:
    return {uid.id for uid in pst.entity_uids(policy.template) if str(uid.type) == "Action"}


def _names_only_tools(policy: Policy) -> bool:
    named = actions_named(policy)
    return named is not None and _FIXED.isdisjoint(named)


def _portions(policies: Sequence[Policy], awake: Sequence[int], words: Vocabulary) -> Iterator[list[int]]:
    """The validator's work grows with policies times actions, so policies that name their tools are held against a few
    tools at a time; the first portion is all the others.
    """
    wide = [at_ for at_ in awake if not _names_only_tools(policies[at_])]
    if wide:
        yield wide
    portion: list[int] = []
    tools: set[str] = set()
    for at_ in sorted(set(awake) - set(wide), key=lambda at_: actions_named(policies[at_]) or ()):
        portion.append(at_)
        tools.update(actions_named(policies[at_]) or ())
        if len(tools) >= TOOLS_PER_PORTION:
            yield portion
            portion, tools = [], set()
    if portion:
        yield portion


def _schema(portion: Sequence[int], policies: Sequence[Policy], words: Vocabulary, mentioned: frozenset[str]) -> Schema:
    """The schema these policies need: all actions in kind, or the tools they name alone."""
    narrow = all(_names_only_tools(policies[at_]) for at_ in portion)
    tools = {name: words.types[name] for name in mentioned & words.types.keys()}
    if not narrow:
        tools |= _distinct(words.types)
    return Schema.from_json_str(json.dumps(cedar_schema(tools, mentioned, methods=not narrow)), release_gil=True)


def _distinct(types: Mapping[str, ToolType]) -> dict[str, ToolType]:
    """One tool for each type of arguments: a second one of the same type would be checked to no other end."""
    kept: dict[str, str] = {}
    for name in sorted(types):
        kept.setdefault(json.dumps(cedar_type(types[name].arguments), sort_keys=True), name)
    return {name: types[name] for name in kept.values()}


def _note(policy: Policy, message: str) -> Fault:
    return Fault(policy.ref.file, policy.ref.line, message)


def _validate(policies: Sequence[Policy], schema: Schema) -> Iterator[tuple[int, str]]:
    result = validate_policies("\n".join(policy.source.text for policy in policies), schema, release_gil=True)
    for error in result.errors:
        # A message about no policy in particular is about all of them: none may be used.
        concerned = [int(error.policy_id.removeprefix("policy"))] if error.policy_id else range(len(policies))
        message = error.error.removeprefix(f"for policy `{error.policy_id}`, ")
        yield from ((at_, message) for at_ in concerned)
    if not result.validation_passed and not result.errors:
        yield from ((at_, "the engine refused the set without saying why") for at_ in range(len(policies)))


def argument_reads(policy: Policy) -> Reads:
    return context_reads([policy.template]).under("args")


def _blind_tests(policy: Policy, words: Vocabulary) -> Iterator[str]:
    """`context.args has x` where x is not mapped is always false to Cedar: a forbid that would never fire, without a
    word.
    """
    named = actions_named(policy)
    types = {name: words.types[name] for name in named or () if name in words.types}
    if not types or len(types) < len(named or ()):
        return
    reads = argument_reads(policy)
    for path in sorted(reads.tests):
        if not any(at(type_.arguments, path) for type_ in types.values()):
            yield _why_unmapped(path, types)


def _why_unmapped(path: tuple[str, ...], types: Mapping[str, ToolType]) -> str:
    spelled = ".".join(path)
    for name, type_ in types.items():
        for unmapped in type_.unmapped:
            if unmapped.path == path[: len(unmapped.path)]:
                return f"context.args.{spelled} of {name} cannot be read by a policy ({unmapped.why})"
    return f"context.args.{spelled} is no declared argument of {', '.join(sorted(types))}"


def handle(policies: Sequence[Policy]) -> PolicySet:
    """An engine handle over policies that were parsed before. Blocking for large sets: about 12 µs a policy."""
    nodes = pst.PolicySet({}, {policy.template.id: policy.template for policy in policies}, ())
    return PolicySet.from_pst(nodes, release_gil=len(policies) > 50)
