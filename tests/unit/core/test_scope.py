"""Scopes and constraints: what they cover, what they refuse to parse."""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal
from remit.core.scope import OneTool, ToolName, WholeServer, constraint, covers, intersect, parse_scope, reaches

WRITE = ToolName("files", "write_file")


def test_a_whole_server_covers_its_tools_and_its_resources() -> None:
    scopes = frozenset({parse_scope("files")})
    assert covers(scopes, "files", "write_file")
    assert covers(scopes, "files", None)
    assert not covers(scopes, "git", "log")


def test_one_tool_covers_itself_and_nothing_else() -> None:
    scopes = frozenset({parse_scope("files:read_file")})
    assert covers(scopes, "files", "read_file")
    assert not covers(scopes, "files", "write_file")
    assert not covers(scopes, "files", None)
    assert reaches(scopes, "files")


def test_no_scope_covers_nothing() -> None:
    assert not covers(frozenset(), "files", "read_file")
    assert not reaches(frozenset(), "files")


def test_intersecting_a_server_with_one_of_its_tools_leaves_the_tool() -> None:
    left = frozenset({WholeServer("files"), OneTool("git", "git_log")})
    right = frozenset({OneTool("files", "read_file"), WholeServer("git"), WholeServer("time")})
    assert intersect(left, right) == {OneTool("files", "read_file"), OneTool("git", "git_log")}


@pytest.mark.parametrize(
    "text", ["", "*", "Files", "files:", ":tool", "files:*", "a b", "files:to ol", "../x", "files/read"]
)
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        parse_scope(text)


@pytest.mark.parametrize("text", ["files", "/read", "files/", "files/a/b", "Files/read", "files/*"])
def test_what_is_no_tool_name_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        ToolName.parse(text)


@pytest.mark.parametrize(
    ("check", "values", "allowed", "refused"),
    [
        ("equals", ("a",), ["a"], ["b", None, ["a"], 1]),
        ("equals", (1,), [1], [True, 1.5, "1"]),
        ("equals", (True,), [True], [1, "true"]),
        ("one_of", ("a", "b"), ["a", "b"], ["c", None]),
        ("prefix", ("/srv/",), ["/srv/x"], ["/srvs", "srv/", "/srv/../etc", None, 3]),
        ("prefix", ("/srv",), ["/srv", "/srv/x"], ["/srv-private/x", "/srvs"]),
        ("prefix", ("EU-",), ["EU-1"], ["US-1", "EU"]),
        ("at_most", (10,), [10, -3, 2.5], [11, "5", True, None]),
        ("at_least", (0,), [0, 7], [-1, "1", False]),
    ],
)
def test_a_constraint_allows_exactly_what_it_says(
    check: str, values: tuple[object, ...], allowed: list[object], refused: list[object]
) -> None:
    limit = constraint(WRITE, "path", check, values)  # type: ignore[arg-type]
    assert all(limit.allows({"path": value}) for value in allowed)
    assert not any(limit.allows({"path": value}) for value in refused)


def test_a_constrained_argument_that_is_absent_is_refused() -> None:
    assert not constraint(WRITE, "path", "prefix", ["/"]).allows({})


@pytest.mark.parametrize(
    ("check", "values"), [("matches", ("x",)), ("equals", ()), ("equals", ("a", "b")), ("one_of", ())]
)
def test_an_unknown_or_empty_constraint_is_refused(check: str, values: tuple[str, ...]) -> None:
    with pytest.raises(Refusal):
        constraint(WRITE, "path", check, values)
