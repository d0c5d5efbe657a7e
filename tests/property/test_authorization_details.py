"""Asking in detail never widens, and a grant that is asked for in its own words is the same grant."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remit.core.authorization_details import Asked, granted_details, parse_details
from remit.core.errors import Invalid
from remit.core.grant import Budget, Calls, Grant, Purpose, Unmetered, narrow, tighter
from remit.core.scope import Constraint, OneTool, ToolName, WholeServer, covers, intersect, within
from tests.scenes.grant import a_grant

SERVERS = ("files", "git", "mcp")
TOOLS = ("read", "write")
ARGUMENTS = ("path", "n", "é")
CHARACTERS = 'aZ09_-./*:[]{}"\\ \n\x00é٣😀'
VALUES = st.one_of(
    st.sampled_from(["/srv", "/srv/a", "", 1, 1.0, True, False, 0, -3]),
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(CHARACTERS, max_size=4),
)  # fmt: skip
CHECKS = st.one_of(
    st.tuples(st.sampled_from(["equals", "prefix", "at_most", "at_least"]), st.tuples(VALUES)),
    st.tuples(st.just("one_of"), st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
)
BUDGETS: st.SearchStrategy[Budget] = st.one_of(st.just(Unmetered()), st.builds(Calls, st.integers(1, 2**60)))


def resource_of(server: str) -> str:
    return f"https://remit.test/mcp/{server}" if server else "https://remit.test/mcp"


def scopes_at(server: str) -> st.SearchStrategy[Any]:
    servers = st.just(server) if server else st.sampled_from(SERVERS)
    return st.frozensets(
        st.one_of(st.builds(WholeServer, servers), st.builds(OneTool, servers, st.sampled_from(TOOLS))),
        min_size=1, max_size=4,
    )  # fmt: skip


LIMITS = st.frozensets(
    st.builds(
        lambda server, tool, argument, check: Constraint(ToolName(server, tool), argument, *check),
        st.sampled_from(SERVERS), st.sampled_from(TOOLS), st.sampled_from(ARGUMENTS), CHECKS,
    ),
    max_size=6,
)  # fmt: skip
TIMES = st.tuples(st.floats(1, 2**31), st.floats(0.1, 1e6))


@st.composite
def grants(draw: st.DrawFn) -> Grant:
    server = draw(st.sampled_from(["", *SERVERS]))
    created_at_s, ttl_s = draw(TIMES)
    return a_grant(
        resource=resource_of(server), scopes=draw(scopes_at(server)), constraints=draw(LIMITS), budget=draw(BUDGETS),
        purpose=Purpose(draw(st.sampled_from(["look", "read the log", "ö"]))),
        created_at_s=created_at_s, expires_at_s=created_at_s + ttl_s,
    )  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A resource and objects for it."""
    server = draw(st.sampled_from(["", *SERVERS]))
    objects = []
    for _ in range(draw(st.integers(1, 4))):
        tool = draw(st.sampled_from(TOOLS))
        named = draw(st.booleans())
        if server:
            said: dict[str, Any] = {"tool": tool} if named else {}
        else:
            at = draw(st.sampled_from(SERVERS))
            said = {"tool": f"{at}/{tool}"} if named else {"server": at}
        if named and draw(st.booleans()):
            check, values = draw(CHECKS)
            said["constraints"] = {
                draw(st.sampled_from(ARGUMENTS)): {check: list(values) if check == "one_of" else values[0]}
            }
        for name, value in (("max_calls", draw(st.integers(1, 9))), ("ttl_s", draw(st.integers(1, 900)))):
            if draw(st.booleans()):
                said[name] = value
        objects.append({"type": "mcp_tool", "locations": [resource_of(server)]} | said)
    return resource_of(server), objects


def calls_max(budget: Budget) -> float:
    return budget.calls_max if isinstance(budget, Calls) else float("inf")


@given(grants())
def test_a_grant_asked_for_in_its_own_words_is_the_same_grant(grant: Grant) -> None:
    asked = parse_details(json.dumps(granted_details(grant)), grant.resource)
    assert intersect(grant.scopes, asked.scopes) == grant.scopes
    assert within(asked.scopes, grant.scopes)
    assert grant.constraints | asked.constraints == grant.constraints
    assert tighter(grant.budget, asked.budget) == grant.budget == asked.budget
    assert asked.purpose == grant.purpose.text
    child = narrow(
        grant, asked.narrowing(now_s=grant.created_at_s), id=grant.id, actor="build", now_s=grant.created_at_s
    )
    assert child.expires_at_s == grant.expires_at_s
    assert granted_details(child) == granted_details(grant)


@given(grants())
def test_every_limit_on_a_granted_tool_is_said(grant: Grant) -> None:
    asked = parse_details(json.dumps(granted_details(grant)), grant.resource)
    said = {limit for limit in grant.constraints if covers(grant.scopes, limit.tool.server, limit.tool.tool)}
    assert asked.constraints == said


@given(requests())
def test_one_more_object_adds_no_freedom_but_its_own_tool(request: tuple[str, list[dict[str, Any]]]) -> None:
    resource, objects = request
    whole = parse_details(json.dumps(objects), resource)
    for each in objects:
        alone = parse_details(json.dumps([each]), resource)
        assert within(alone.scopes, whole.scopes)
        assert alone.constraints <= whole.constraints
        assert calls_max(whole.budget) <= calls_max(alone.budget)
        assert whole.ttl_s <= alone.ttl_s
    assert whole == parse_details(json.dumps(objects[::-1]), resource)
    assert all(
        any(within(frozenset({scope}), _alone(each, resource).scopes) for each in objects) for scope in whole.scopes
    )


def _alone(each: dict[str, Any], resource: str) -> Asked:
    return parse_details(json.dumps([each]), resource)


@given(grants(), requests())
def test_what_is_left_of_a_grant_was_in_it_and_was_asked_for(
    grant: Grant, request: tuple[str, list[dict[str, Any]]]
) -> None:
    resource, objects = request
    asked = parse_details(json.dumps(objects), resource)
    scopes = intersect(grant.scopes, asked.scopes)
    if not scopes:
        return
    child = narrow(
        grant, asked.narrowing(now_s=grant.created_at_s), id="grt_2", actor="build", now_s=grant.created_at_s
    )
    assert within(child.scopes, grant.scopes)
    assert within(child.scopes, asked.scopes)
    assert child.constraints >= grant.constraints | asked.constraints
    assert calls_max(child.budget) == min(calls_max(grant.budget), calls_max(asked.budget))
    assert child.expires_at_s <= min(grant.expires_at_s, grant.created_at_s + asked.ttl_s)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(CHARACTERS, max_size=9) | st.just("mcp_tool"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "tool", "x", "é"]), inner),
    max_leaves=8,
)
FIELDS = ("type", "locations", "tool", "server", "actions", "constraints", "max_calls", "purpose", "ttl_s", "x")


@given(requests(), st.sampled_from(FIELDS), JSON, st.text(CHARACTERS + "\ud800", max_size=20))
def test_whatever_is_sent_it_is_read_or_refused(
    request: tuple[str, list[dict[str, Any]]], name: str, value: object, text: str
) -> None:
    resource, objects = request
    for sent in (json.dumps([objects[0] | {name: value}]), json.dumps(value), text):
        try:
            asked = parse_details(sent, resource)
        except Invalid as refusal:
            said = refusal.detail
            read = False
        else:
            said, read = "", bool(asked.scopes)
        assert read == (not said)
