"""Delegation only narrows and ending is final, for any grants and any order of events."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remit.core.clients import Only, TenantServers, reach
from remit.core.errors import Denied, Refusal
from remit.core.grant import (
    TRANSITIONS,
    Budget,
    Calls,
    Grant,
    GrantEvent,
    GrantState,
    LiveGrant,
    Narrowing,
    Unmetered,
    narrow,
    tighter,
)
from remit.core.purposes import PurposeClass, Tools, Unlisted
from remit.core.scope import Constraint, OneTool, Scope, ToolName, WholeServer, covers, intersect
from remit.core.stored_grant import from_stored, to_stored
from tests.scenes.grant import a_grant

SERVERS = ("files", "git", "time")
TOOLS = ("read", "write", "log")
VALUES = ("/srv/a", "/srv", "/etc", 1, 5, True, None)

scope = st.one_of(
    st.builds(WholeServer, st.sampled_from(SERVERS)),
    st.builds(OneTool, st.sampled_from(SERVERS), st.sampled_from(TOOLS)),
)
scope_sets = st.frozensets(scope, max_size=6)
constraints = st.frozensets(
    st.builds(
        lambda server, tool, argument, check: Constraint(ToolName(server, tool), argument, *check),
        st.sampled_from(SERVERS),
        st.sampled_from(TOOLS),
        st.sampled_from(("path", "count")),
        st.sampled_from(
            [("prefix", ("/srv",)), ("equals", (5,)), ("at_most", (5,)), ("at_least", (2,)), ("one_of", ("/etc", 1))]
        ),
    ),
    max_size=4,
)
budgets: st.SearchStrategy[Budget] = st.one_of(st.just(Unmetered()), st.builds(Calls, st.integers(1, 9)))
times = st.one_of(st.just(float("inf")), st.floats(1001, 5000))
narrowings = st.builds(
    Narrowing,
    scope_sets,
    constraints,
    budgets,
    times,
    times,
    st.one_of(st.none(), st.frozensets(st.sampled_from("abc"))),
)
parents = st.builds(
    lambda scopes, limits, budget, expires, idle, roles: a_grant(
        scopes=scopes, constraints=limits, budget=budget, expires_at_s=expires, idle_s_max=idle, roles=roles
    ),
    scope_sets.filter(bool), constraints, budgets, st.floats(1001, 5000), times, st.frozensets(st.sampled_from("abc")),
)  # fmt: skip
calls = st.tuples(
    st.sampled_from(SERVERS),
    st.one_of(st.none(), st.sampled_from(TOOLS)),
    st.dictionaries(st.sampled_from(("path", "count")), st.sampled_from(VALUES)),
)


def permits(grant: Grant, server: str, tool: str | None, arguments: dict[str, Any]) -> bool:
    """Whether the grant alone would let this call through: scopes cover it and each constraint on it holds."""
    if not covers(grant.scopes, server, tool):
        return False
    return all(
        limit.allows(arguments) for limit in grant.constraints if (limit.tool.server, limit.tool.tool) == (server, tool)
    )


def calls_max(budget: Budget) -> float:
    return budget.calls_max if isinstance(budget, Calls) else float("inf")


@given(parents, narrowings, calls)
def test_what_a_child_permits_its_parent_permits(parent: Grant, to: Narrowing, call: tuple[str, Any, Any]) -> None:
    try:
        child = narrow(parent, to, id="grt_child", actor="build", now_s=1000.0)
    except Denied:
        assert not intersect(parent.scopes, to.scopes)
        return
    server, tool, arguments = call
    assert permits(parent, server, tool, arguments) or not permits(child, server, tool, arguments)
    assert covers(to.scopes, server, tool) or not covers(child.scopes, server, tool)
    assert calls_max(child.budget) <= min(calls_max(parent.budget), calls_max(to.budget))
    assert child.expires_at_s <= min(parent.expires_at_s, to.expires_at_s)
    assert child.idle_s_max <= min(parent.idle_s_max, to.idle_s_max)
    assert child.roles <= parent.roles
    assert child.actors == ("build", *parent.actors)
    same = ("tenant", "environment", "subject", "client_id", "resource", "high_risk", "origin", "presence")
    assert all(getattr(child, name) == getattr(parent, name) for name in same)


@given(scope_sets, scope_sets, calls)
def test_an_intersection_covers_exactly_what_both_cover(
    left: frozenset[Scope], right: frozenset[Scope], call: tuple[str, Any, Any]
) -> None:
    server, tool, _ = call
    both = covers(left, server, tool) and covers(right, server, tool)
    assert covers(intersect(left, right), server, tool) == both


@given(scope_sets, scope_sets, scope_sets, calls)
def test_neither_ceiling_nor_purpose_adds_anything(
    ceiling: frozenset[Scope], available: frozenset[Scope], tools: frozenset[Scope], call: tuple[str, Any, Any]
) -> None:
    server, tool, _ = call
    for limit in (Only(ceiling), TenantServers()):
        for wanted in (Tools(tools), Unlisted()):
            left = PurposeClass("p", wanted).keep(reach(limit, available))
            assert covers(available, server, tool) or not covers(left, server, tool)
            assert isinstance(limit, TenantServers) or covers(ceiling, server, tool) or not covers(left, server, tool)
            assert isinstance(wanted, Unlisted) or covers(tools, server, tool) or not covers(left, server, tool)


@given(budgets, budgets)
def test_the_tighter_budget_is_no_larger_than_either(left: Budget, right: Budget) -> None:
    assert calls_max(tighter(left, right)) == min(calls_max(left), calls_max(right))


@given(st.lists(st.sampled_from(list(GrantEvent)), min_size=1))
def test_the_first_end_is_the_last_word(events: list[GrantEvent]) -> None:
    live = LiveGrant(a_grant(), now_s=1000.0, monotonic_s=0.0)
    assert live.apply(events[0])
    ended = live.state
    assert ended is TRANSITIONS[GrantState.ACTIVE, events[0]]
    assert not any(live.apply(event) for event in events[1:])
    assert live.state is ended
    assert live.due(1e9) is None


@given(parents, st.sampled_from(list(GrantState)))
def test_the_store_changes_nothing(grant: Grant, state: GrantState) -> None:
    try:
        assert from_stored(to_stored(grant, state)) == (grant, state)
    except Refusal as refusal:
        raise AssertionError("a grant of ours could not be read back") from refusal
