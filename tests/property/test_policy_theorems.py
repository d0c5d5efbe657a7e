"""What is true of every decision, whatever the policies and the request."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from remit.adapters.policy.deciding import decide, prepare
from remit.adapters.policy.engine import prepared_for
from remit.adapters.policy.sets import Loaded
from remit.adapters.policy.slices import make_slice
from remit.core.access import Effect, Verdict
from remit.core.catalog import Catalog
from remit.core.policy_context import closure
from remit.core.scope import WholeServer
from tests.property.policy_worlds import (
    CATALOG,
    a_question,
    arguments,
    asked,
    cedar,
    roles,
    rule_sets,
    rules,
    tools,
    world,
)
from tests.property.reference_decider import Rule, reference_decision
from tests.scenes.policy import NOW_S, a_live, an_engine, ask, write

Tool = tuple[str, str]


def decided(loaded: Loaded, tool: Tool, held: frozenset[str], given_arguments: dict[str, Any]) -> Verdict:
    return decide(prepared_for(a_question(tool, held), loaded), given_arguments, NOW_S)


def decided_by_all(loaded: Loaded, tool: Tool, held: frozenset[str], given_arguments: dict[str, Any]) -> Verdict:
    """The same question put to the whole set, no slice."""
    question = a_question(tool, held)
    about = closure(question.grant, question.action, question.server, question.target, question.item)
    everything = make_slice(loaded.index.policies, tuple(range(len(loaded.index.policies))))
    type_ = loaded.words.types[question.action].arguments
    return decide(prepare(question, about, everything, type_, loaded.parsed.version), given_arguments, NOW_S)


def own_lines(verdict: Verdict) -> set[int]:
    return {ref.line for ref in verdict.determining if ref.file == "acme/a.cedar"}


@settings(max_examples=120, deadline=None)
@given(rule_sets, tools, roles, arguments)
def test_the_engine_decides_as_the_reference_does(
    policies: Sequence[Rule], tool: Tool, held: frozenset[str], given_arguments: dict[str, Any]
) -> None:
    verdict = decided(world(policies), tool, held, given_arguments)
    effect, determining = reference_decision(policies, asked(tool, held, given_arguments))
    assert verdict.effect.value == effect
    if effect != "error":
        assert own_lines(verdict) == {at + 1 for at in determining}


@settings(max_examples=60, deadline=None)
@given(rule_sets, rules, tools, roles, arguments)
def test_forbid_trumps_permit(
    policies: list[Rule], another: Rule, tool: Tool, held: frozenset[str], given_arguments: dict[str, Any]
) -> None:
    """A forbid that holds denies in the company of any policies at all."""
    forbid = Rule("forbid", "", 'Action::"tools/call"', "", "true", lambda _: True)
    verdict = decided(world([*policies, forbid, another]), tool, held, given_arguments)
    assert verdict.effect in (Effect.FORBID, Effect.ERROR)


@settings(max_examples=60, deadline=None)
@given(rule_sets, tools, roles, arguments)
def test_only_explicit_permits_allow(
    policies: list[Rule], tool: Tool, held: frozenset[str], given_arguments: dict[str, Any]
) -> None:
    without = [rule for rule in policies if rule.effect == "forbid"]
    assert decided(world(without), tool, held, given_arguments).effect is not Effect.PERMIT
    verdict = decided(world(policies), tool, held, given_arguments)
    if verdict.effect is Effect.PERMIT:
        assert all(policies[line - 1].effect == "permit" for line in own_lines(verdict))
        assert own_lines(verdict)


@settings(max_examples=60, deadline=None)
@given(rule_sets, tools, roles, st.sampled_from(["permit", "forbid"]))
def test_an_error_denies(policies: list[Rule], tool: Tool, held: frozenset[str], effect: str) -> None:
    """Cedar skips a policy that errs; a forbid would be disarmed. So any error denies, whatever else is permitted."""
    erring = Rule(
        effect, "", 'Action::"tools/call"', "", "context.args has n && context.args.n + 1 > 1", lambda _: True
    )
    permit = Rule("permit", "", 'Action::"tools/call"', "", "true", lambda _: True)
    verdict = decided(world([*policies, erring, permit]), tool, held, {"n": 2**63 - 1})
    assert verdict.effect is Effect.ERROR


@settings(max_examples=150, deadline=None)
@given(rule_sets, tools, roles, arguments)
def test_slices_equal_the_full_set(
    policies: list[Rule], tool: Tool, held: frozenset[str], given_arguments: dict[str, Any]
) -> None:
    """Forbids on ancestors and policies that err included."""
    loaded = world(policies)
    sliced = decided(loaded, tool, held, given_arguments)
    assert sliced == decided_by_all(loaded, tool, held, given_arguments)


@settings(max_examples=25, deadline=None)
@given(rule_sets, st.lists(st.tuples(tools, arguments), min_size=2, max_size=12))
def test_cache_equals_fresh(policies: list[Rule], calls: list[tuple[Tool, dict[str, Any]]]) -> None:
    """A grant that asks again and again is answered as one that asks for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        policies_dir = write(Path(folder), acme__a="\n".join(map(cedar, policies)))
        compared = asyncio.run(_compared(policies_dir, CATALOG, calls))
    assert all(warm == cold for warm, cold in compared)


async def _compared(
    policies_dir: Path, catalog: Catalog, calls: list[tuple[Tool, dict[str, Any]]]
) -> list[tuple[object, object]]:
    """What a grant that asked before is told, beside what a new one is told."""
    compared: list[tuple[object, object]] = []
    alarms: list[str] = []
    engine = await an_engine(policies_dir, catalog, alarms=alarms)
    names = {"scopes": frozenset({WholeServer("one"), WholeServer("two")})}
    live = a_live(**names)
    for tool, given_arguments in calls * 3:
        action = f"{tool[0]}/{tool[1]}"
        warm = await engine.evaluate(ask(action, given_arguments, live=live, catalog=catalog))
        cold = await engine.evaluate(ask(action, given_arguments, live=a_live(**names), catalog=catalog))
        compared.append(((warm.effect, warm.determining), (cold.effect, cold.determining)))
        assert not cold.cached
    assert alarms == []
    return compared
