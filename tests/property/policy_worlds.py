"""Random worlds for the policy properties: rules, their Cedar text, and requests about two servers with four tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from remit.adapters.policy.deciding import Question
from remit.adapters.policy.loading import SourceFile, base_files, parse
from remit.adapters.policy.sets import Loaded, stand
from remit.core.access import Target, TargetKind
from remit.core.catalog import Catalog, Era, ItemKind
from tests.property.reference_decider import Asked, Rule
from tests.scenes.grant import a_grant
from tests.scenes.policy import a_catalog, a_server, a_tool

LONG_MAX = 2**63 - 1
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "s": {"type": "string", "enum": ["a", "b"]},
        "flag": {"type": "boolean"},
    },
}
SERVERS = ("one", "two")
TOOLS = ("read", "write")
CATALOG: Catalog = a_catalog(
    a_server("one", *(a_tool("one", name, SCHEMA) for name in TOOLS), tenants=frozenset({"acme", "globex"})),
    a_server("two", *(a_tool("two", name, SCHEMA) for name in TOOLS)),
)


def _plus_one(arguments: dict[str, Any]) -> int:
    if arguments["n"] == LONG_MAX:
        raise OverflowError
    return int(arguments["n"]) + 1


# Cedar text beside the same thing in Python.
CONDITIONS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("true", lambda given: True),
    ("false", lambda given: False),
    ("context.args has n", lambda given: "n" in given),
    ("context.args has n && context.args.n < 2", lambda given: "n" in given and given["n"] < 2),
    ("context.args has n && context.args.n == 1", lambda given: given.get("n") == 1),
    ("context.args has n && context.args.n + 1 > 1", lambda given: "n" in given and _plus_one(given) > 1),
    ('context.args has s && context.args.s == "a"', lambda given: given.get("s") == "a"),
    ('context.args has s && context.args.s != "a"', lambda given: given.get("s", "a") != "a"),
    ('context.args has s && context.args.s like "a*"', lambda given: str(given.get("s", "")).startswith("a")),
    ('context.args has s && ["a", "b"].contains(context.args.s)', lambda given: given.get("s") in ("a", "b")),
    ("context.args has flag && context.args.flag", lambda given: given.get("flag") is True),
    ("!(context.args has flag && context.args.flag)", lambda given: given.get("flag") is not True),
    ('context.purpose.text == "tidy the workspace"', lambda given: True),
    ('context has actor && context.actor == "nobody"', lambda given: False),
]

rules = st.builds(
    lambda effect, principal, action, resource, condition: Rule(effect, principal, action, resource, *condition),
    st.sampled_from(["permit", "permit", "forbid"]),
    st.sampled_from(["", 'Role::"engineer"', 'Role::"admin"', 'Tenant::"acme"', 'Human::"engineer"']),
    st.sampled_from(['Action::"tools/call"', *(f'Action::"{server}/{tool}"' for server in SERVERS for tool in TOOLS)]),
    st.sampled_from(
        [
            "",
            'Server::"one"',
            'Server::"two"',
            'Environment::"dev"',
            'Environment::"prod"',
            'Tenant::"globex"',
            'Tool::"one/read"',
        ]
    ),
    st.sampled_from(CONDITIONS),
)
rule_sets = st.lists(rules, max_size=8)
arguments = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from([0, 1, 2, LONG_MAX]),
        "s": st.sampled_from(["a", "b"]),
        "flag": st.booleans(),
    },
)
tools = st.tuples(st.sampled_from(SERVERS), st.sampled_from(TOOLS))
roles = st.sets(st.sampled_from(["engineer", "admin"])).map(frozenset)


def cedar(rule: Rule) -> str:
    """The rule as a person would write it; `in` holds for the entity itself too."""
    scope = ", ".join(
        f"{name} in {entity}" if entity else name
        for name, entity in (("principal", rule.principal), ("action", rule.action), ("resource", rule.resource))
    )
    return f"{rule.effect} ({scope}) when {{ {rule.condition} }};"


def world(given: Sequence[Rule], catalog: Catalog = CATALOG) -> Loaded:
    """A tenant's set of these rules, one to a line, with the shipped policies."""
    text = "\n".join(map(cedar, given))
    loaded = stand(parse("acme", [*base_files(), SourceFile("acme/a.cedar", text)]), catalog, {})
    assert loaded.faults == ()
    return loaded


def a_question(tool: tuple[str, str], held: frozenset[str]) -> Question:
    server = CATALOG.servers[tool[0]]
    item = server.items[ItemKind.TOOL, tool[1]]
    return Question(
        a_grant(roles=held), server, Target(TargetKind.TOOL, tool[1]), item, f"{tool[0]}/{tool[1]}", Era.MODERN
    )


def asked(tool: tuple[str, str], held: frozenset[str], given: dict[str, Any]) -> Asked:
    """The same request for the yardstick, its ancestors written out by hand."""
    server = tool[0]
    tenants = {'Tenant::"acme"'} | ({'Tenant::"globex"'} if server == "one" else set())
    return Asked(
        frozenset({'Human::"engineer"', 'Tenant::"acme"'} | {f'Role::"{role}"' for role in held}),
        frozenset({f'Action::"{server}/{tool[1]}"', 'Action::"tools/call"'}),
        frozenset({f'Tool::"{server}/{tool[1]}"', f'Server::"{server}"', 'Environment::"dev"'} | tenants),
        given,
    )
