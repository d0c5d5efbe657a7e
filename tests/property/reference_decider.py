"""What a decision is, in the fewest words: the yardstick the engine is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request: who (with every group they are in), what (with its groups), on what (with all that it is in)."""

    principal_in: frozenset[str]
    action_in: frozenset[str]
    resource_in: frozenset[str]
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """A policy: "" in a scope means anything. `holds` says whether the condition is true; it may raise."""

    effect: str
    principal: str
    action: str
    resource: str
    condition: str
    holds: Callable[[dict[str, Any]], bool]

    def concerns(self, asked: Asked) -> bool:
        scopes = (
            (self.principal, asked.principal_in),
            (self.action, asked.action_in),
            (self.resource, asked.resource_in),
        )
        return all(not wanted or wanted in found for wanted, found in scopes)


def reference_decision(rules: Sequence[Rule], asked: Asked) -> tuple[str, frozenset[int]]:
    """The effect and the rules that determine it. An error anywhere denies, a forbid trumps, only a permit permits."""
    holding: dict[str, set[int]] = {"permit": set(), "forbid": set()}
    try:
        for at, rule in enumerate(rules):
            if rule.concerns(asked) and rule.holds(asked.arguments):
                holding[rule.effect].add(at)
    except ArithmeticError:
        return "error", frozenset()
    if holding["forbid"]:
        return "forbid", frozenset(holding["forbid"])
    return ("permit", frozenset(holding["permit"])) if holding["permit"] else ("no_permit", frozenset())
