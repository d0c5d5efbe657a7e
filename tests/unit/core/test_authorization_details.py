"""What authorization_details asks for, what it may not say, and how a grant is said in its words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remit.core.authorization_details import Asked, granted_details, parse_details
from remit.core.errors import Invalid
from remit.core.grant import Calls, Purpose, Unmetered, narrow
from remit.core.reasons import Reason
from remit.core.scope import OneTool, ToolName, WholeServer, constraint
from tests.scenes.grant import a_grant

ALL = "https://remit.test/mcp"
GIT = "https://remit.test/mcp/git"
LOG = ToolName("git", "git_log")


def an_object(resource: str = GIT, **fields: Any) -> dict[str, Any]:
    return {"type": "mcp_tool", "locations": [resource]} | fields


def parsed(*objects: object, resource: str = GIT) -> Asked:
    return parse_details(json.dumps(objects), resource)


def refused(*objects: object, resource: str = GIT) -> str:
    with pytest.raises(Invalid) as refusal:
        parsed(*objects, resource=resource)
    assert refusal.value.reason is Reason.INVALID_AUTHORIZATION_DETAILS
    return refusal.value.detail


def test_a_server_s_endpoint_without_a_tool_is_the_whole_server() -> None:
    assert parsed(an_object()) == Asked(frozenset({WholeServer("git")}))


def test_every_field_is_read() -> None:
    asked = parsed(
        an_object(
            tool="git_log", actions=["tools/call"], max_calls=3, purpose=" read the log ", ttl_s=60,
            constraints={"path": {"prefix": "/srv"}, "n": {"at_least": 1, "at_most": 9.5},
                         "kind": {"one_of": ["a", True]}},
        )
    )  # fmt: skip
    assert asked == Asked(
        scopes=frozenset({OneTool("git", "git_log")}),
        constraints=frozenset(
            {
                constraint(LOG, "path", "prefix", ["/srv"]),
                constraint(LOG, "n", "at_least", [1]),
                constraint(LOG, "n", "at_most", [9.5]),
                constraint(LOG, "kind", "one_of", ["a", True]),
            }
        ),
        budget=Calls(3),
        purpose="read the log",
        ttl_s=60,
    )


def test_at_the_endpoint_of_all_servers_a_tool_names_its_server() -> None:
    asked = parsed(an_object(ALL, tool="git/git_log"), an_object(ALL, server="files"), resource=ALL)
    assert asked.scopes == {OneTool("git", "git_log"), WholeServer("files")}


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"tool": "git_log"}, {"tool": "*"}, {"tool": "git/*"}, {"tool": "*/git_log"},
        {"tool": "git/git_log", "server": "git"}, {"server": "*"}, {"server": ""}, {"server": "Git"}, {"server": None},
        {"server": ["git"]}, {"tool": None},
    ],
)  # fmt: skip
def test_at_the_endpoint_of_all_servers_nothing_is_meant_unsaid(fields: dict[str, Any]) -> None:
    assert refused(an_object(ALL, **fields), resource=ALL).startswith("object 0: ")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "mcp_tools"}, {"type": None}, {"type": ["mcp_tool"]}, {"locations": []}, {"locations": GIT},
        {"locations": [GIT, GIT]}, {"locations": [GIT + "/"]}, {"locations": [ALL]}, {"locations": None},
        {"tool": ""}, {"tool": "git/git_log"}, {"tool": "*"}, {"tool": 7}, {"tool": None}, {"tool": "git log"},
        {"server": "git"}, {"actions": ["tools/call"]}, {"tool": "git_log", "actions": []},
        {"tool": "git_log", "actions": ["tools/list"]}, {"tool": "git_log", "actions": ["tools/call", "tools/call"]},
        {"tool": "git_log", "actions": "tools/call"}, {"max_calls": 0}, {"max_calls": -1}, {"max_calls": True},
        {"max_calls": 1.0}, {"max_calls": "1"}, {"max_calls": None}, {"ttl_s": 0}, {"ttl_s": True}, {"ttl_s": 1.5},
        {"ttl_s": None}, {"purpose": ""}, {"purpose": "  "}, {"purpose": 7}, {"purpose": None}, {"purpose": "a\nb"},
        {"purpose": "x" * 513}, {"Type": "mcp_tool"}, {"datatypes": []}, {"privileges": ["admin"]},
        {"identifier": "git"}, {"": 1},
    ],
)  # fmt: skip
def test_a_field_that_is_unknown_or_of_the_wrong_type_is_refused(fields: dict[str, Any]) -> None:
    assert refused(an_object() | fields).startswith("object 0: ")
    assert refused(an_object(), an_object() | fields).startswith("object 1: ")


@pytest.mark.parametrize(
    "constraints",
    [
        {}, [], None, "x", {"path": {}}, {"path": "/srv"}, {"path": ["/srv"]}, {"path": {"prefix": None}},
        {"path": {"prefix": ["/srv"]}}, {"path": {"prefix": {}}}, {"path": {"like": "x"}}, {"path": {"one_of": []}},
        {"path": {"one_of": "a"}}, {"path": {"one_of": [None]}}, {"path": {"one_of": [["a"]]}}, {"": {"equals": 1}},
        {"path": {"equals": [1]}}, {"path": {"one_of": list(range(101))}},
    ],
)  # fmt: skip
def test_a_constraint_that_is_none_is_refused(constraints: object) -> None:
    assert "constraint" in refused(an_object(tool="git_log", constraints=constraints))


def test_constraints_need_the_tool_they_limit() -> None:
    limits = {"path": {"prefix": "/srv"}}
    assert "need the tool" in refused(an_object(constraints=limits))
    assert "need the tool" in refused(an_object(ALL, server="git", constraints=limits), resource=ALL)
    assert parsed(an_object(tool="git_log", constraints=limits)).constraints


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "null", "[]", "[", "[1]", "[null]", "[[]]", '["mcp_tool"]', "[{}]", "[" * 60_000, '[{"a":' * 10_000,
        '[{"type":"mcp_tool","type":"mcp_tool","locations":["https://remit.test/mcp/git"]}]',
        '[{"type":"mcp_tool","locations":["https://remit.test/mcp/git"],"tool":"a","constraints":{"a":{"equals":1,"equals":2}}}]',
        '[{"type":"mcp_tool","locations":["https://remit.test/mcp/git"],"tool":"a","constraints":{"a":{"equals":NaN}}}]',
        '[{"type":"mcp_tool","locations":["https://remit.test/mcp/git"],"tool":"a","constraints":{"a":{"equals":1e400}}}]',
        '[{"type":"mcp_tool","locations":["https://remit.test/mcp/git"],"tool":"a","constraints":{"a":{"equals":"\\ud800"}}}]',
        '[{"type":"mcp_tool","locations":["https://remit.test/mcp/git"],"max_calls":9223372036854775808}]',
        '[{"type":"mcp_tool","locations":["https://remit.test/mcp/git"],"max_calls":' + "9" * 5000 + "}]",
        "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_unambiguous_json_array_of_objects_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_details(text, GIT)
    assert refusal.value.reason is Reason.INVALID_AUTHORIZATION_DETAILS


def test_its_size_has_bounds() -> None:
    assert parsed(*[an_object()] * 32)
    assert "1 to 32" in refused(*[an_object()] * 33)
    text = json.dumps([an_object()])
    assert parse_details(text.ljust(65_536), GIT)
    with pytest.raises(Invalid, match="65536 bytes"):
        parse_details(text.ljust(65_537), GIT)
    limits = {f"a{number}": {"equals": 1} for number in range(256)}
    assert parsed(an_object(tool="git_log", constraints=limits))
    assert "256 constraints" in refused(an_object(tool="git_log", constraints=limits | {"b": {"equals": 1}}))


def test_a_refusal_quotes_little_of_what_it_found() -> None:
    long = "x" * 10_000
    for fields in ({"type": long}, {long: 1}, {"tool": long}, {"tool": "a", "constraints": {long: {long: [long]}}}):
        assert len(refused(an_object() | fields)) < 400


def test_several_objects_limit_together_what_they_name_together() -> None:
    asked = parsed(
        an_object(tool="git_log", max_calls=5, ttl_s=60, constraints={"n": {"at_most": 9}}),
        an_object(tool="git_log", max_calls=7, ttl_s=30, constraints={"n": {"at_most": 3}}, purpose="look"),
        an_object(tool="git_diff", purpose="look"),
    )
    assert asked.scopes == {OneTool("git", "git_log"), OneTool("git", "git_diff")}
    assert asked.constraints == {constraint(LOG, "n", "at_most", [9]), constraint(LOG, "n", "at_most", [3])}
    assert (asked.budget, asked.ttl_s, asked.purpose) == (Calls(5), 30, "look")


def test_two_purposes_are_none() -> None:
    assert "purpose" in refused(an_object(purpose="look"), an_object(purpose="change"))
    assert parsed(an_object(purpose="look"), an_object(purpose=" look")).purpose == "look"


def test_a_resource_that_is_no_endpoint_is_refused() -> None:
    for resource in ("https://remit.test/", "https://remit.test/mcp/Git", "https://remit.test/a/mcp", "", "mcp"):
        refused(an_object(resource), resource=resource)


def test_applied_to_a_grant_it_narrows() -> None:
    grant = a_grant(scopes=frozenset({WholeServer("git")}), resource=GIT, budget=Calls(9))
    asked = parsed(an_object(tool="git_log", max_calls=5, ttl_s=60, constraints={"n": {"at_most": 9}}))
    child = narrow(grant, asked.narrowing(now_s=1000.0), id="grt_2", actor="build", now_s=1000.0)
    assert child.scopes == {OneTool("git", "git_log")}
    assert (child.budget, child.expires_at_s, child.constraints) == (Calls(5), 1060.0, asked.constraints)


def test_a_grant_is_said_in_the_same_words() -> None:
    grant = a_grant(
        resource=ALL,
        scopes=frozenset({WholeServer("files"), OneTool("git", "git_log")}),
        constraints=frozenset(
            {
                constraint(ToolName("files", "read"), "path", "prefix", ["/srv"]),
                constraint(ToolName("files", "read"), "path", "prefix", ["/srv/a"]),
                constraint(ToolName("git", "git_diff"), "n", "equals", [1]),
            }
        ),
        budget=Calls(3),
        purpose=Purpose("read", "reading"),
    )
    head = {"type": "mcp_tool", "locations": [ALL]}
    terms = {"ttl_s": 900, "max_calls": 3, "purpose": "read"}
    read = {"tool": "files/read", "actions": ["tools/call"]}
    assert granted_details(grant) == [
        head | {"server": "files"} | terms,
        head | read | {"constraints": {"path": {"prefix": "/srv"}}} | terms,
        head | read | {"constraints": {"path": {"prefix": "/srv/a"}}} | terms,
        head | {"tool": "git/git_log", "actions": ["tools/call"]} | terms,
    ]


def test_at_a_server_s_endpoint_a_grant_names_tools_alone() -> None:
    tool = a_grant(resource=GIT, scopes=frozenset({OneTool("git", "git_log")}), budget=Unmetered())
    head = {"type": "mcp_tool", "locations": [GIT], "ttl_s": 900, "purpose": "tidy the workspace"}
    assert granted_details(tool) == [head | {"tool": "git_log", "actions": ["tools/call"]}]
    assert granted_details(a_grant(resource=GIT, scopes=frozenset({WholeServer("git")}))) == [head]
