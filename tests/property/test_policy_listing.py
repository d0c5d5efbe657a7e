"""A list against brute force over every argument object of a small domain."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings

from remit.adapters.policy.deciding import decide
from remit.adapters.policy.engine import prepared_for
from remit.adapters.policy.listing import decide_unknown
from remit.adapters.policy.sets import Loaded
from remit.core.access import Effect, UnknownArguments
from tests.property.policy_worlds import a_question, roles, rule_sets, tools, world
from tests.property.reference_decider import Rule
from tests.scenes.policy import NOW_S

ABSENT = object()
DOMAIN: dict[str, list[Any]] = {
    "n": [-1, 0, 1, 2, 3, 2**63 - 1, ABSENT],
    "s": ["a", "b", ABSENT],
    "flag": [True, False, ABSENT],
}
EVERYTHING = [
    {name: value for name, value in zip(DOMAIN, choice, strict=True) if value is not ABSENT}
    for choice in itertools.product(*DOMAIN.values())
]


def shown_and_callable(loaded: Loaded, tool: tuple[str, str], held: frozenset[str]) -> tuple[bool, bool]:
    question = a_question(tool, held)
    prepared = prepared_for(question, loaded)
    shown = decide_unknown(prepared, UnknownArguments(), NOW_S, question.item).effect is Effect.PERMIT
    return shown, any(decide(prepared, arguments, NOW_S).effect is Effect.PERMIT for arguments in EVERYTHING)


@settings(max_examples=150, deadline=None)
@given(rule_sets, tools, roles)
def test_a_tool_that_some_arguments_may_call_is_never_hidden(
    policies: list[Rule], tool: tuple[str, str], held: frozenset[str]
) -> None:
    shown, callable_ = shown_and_callable(world(policies), tool, held)
    assert shown or not callable_


@settings(max_examples=150, deadline=None)
@given(rule_sets, tools, roles)
def test_a_tool_that_every_argument_is_denied_is_never_shown(
    policies: list[Rule], tool: tuple[str, str], held: frozenset[str]
) -> None:
    """Where conditions only compare arguments with literals. Patterns (`like`) and arithmetic are left to the call."""
    decidable = [rule for rule in policies if "like" not in rule.condition and "+" not in rule.condition]
    shown, callable_ = shown_and_callable(world(decidable), tool, held)
    assert callable_ or not shown
