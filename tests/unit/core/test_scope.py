"""Scopes and constraints: what they cover, what they refuse to parse."""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal
from remit.core.scope import (
    OneTool,
    ToolName,
    WholeServer,
    as_strict,
    constraint,
    covers,
    fewest,
    intersect,
    parse_scope,
    parse_scopes,
    reaches,
    within,
)

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


def test_limits_that_differ_by_json_type_only_are_two() -> None:
    limits = {constraint(WRITE, "n", "equals", [value]) for value in (1, True, 1.0)}
    assert len(limits) == 3
    assert len(limits | {constraint(WRITE, "n", "equals", [1])}) == 3
    assert frozenset(limits) == frozenset(reversed(list(limits)))


def test_scopes_are_within_what_covers_each_of_them() -> None:
    files = frozenset({WholeServer("files"), OneTool("git", "git_log")})
    assert within(frozenset({OneTool("files", "read_file"), OneTool("git", "git_log")}), files)
    assert within(frozenset(), files)
    assert not within(frozenset({WholeServer("git")}), files)
    assert not within(frozenset({OneTool("git", "git_diff")}), files)


def test_a_tool_beside_its_whole_server_says_nothing_more() -> None:
    scopes = frozenset({WholeServer("files"), OneTool("files", "read_file"), OneTool("git", "git_log")})
    assert fewest(scopes) == {WholeServer("files"), OneTool("git", "git_log")}


@pytest.mark.parametrize(
    ("limit", "bound"),
    [
        (("at_most", [5]), ("at_most", [10])), (("at_least", [5]), ("at_least", [2.5])),
        (("equals", [5]), ("at_most", [5])), (("equals", ["a"]), ("one_of", ["a", "b"])),
        (("one_of", ["b", "a"]), ("one_of", ["a", "b", "c"])),
        (("one_of", [1, 2]), ("at_least", [1])), (("prefix", ["/srv/a"]), ("prefix", ["/srv"])),
        (("equals", ["/srv/a"]), ("prefix", ["/srv"])), (("one_of", ["a"]), ("equals", ["a"])),
        (("at_most", ["x"]), ("at_most", ["x"])),
    ],
)  # fmt: skip
def test_a_stricter_limit_holds_a_looser_one_and_not_the_other_way(
    limit: tuple[str, list[object]], bound: tuple[str, list[object]]
) -> None:
    strict = frozenset({constraint(WRITE, "a", *limit)})  # type: ignore[arg-type]
    loose = frozenset({constraint(WRITE, "a", *bound)})  # type: ignore[arg-type]
    assert as_strict(strict, loose)
    assert as_strict(strict | loose, loose)
    same = limit[1] == bound[1] and limit[0] in (bound[0], "one_of")
    assert as_strict(loose, strict) == same or (limit, bound) == (("one_of", ["a"]), ("equals", ["a"]))


@pytest.mark.parametrize(
    ("limit", "bound"),
    [
        (("prefix", ["/srv-private"]), ("prefix", ["/srv"])), (("at_most", [5]), ("at_least", [5])),
        (("equals", [True]), ("equals", [1])), (("equals", [1.0]), ("equals", [1])),
        (("prefix", ["/srv"]), ("equals", ["/srv"])), (("one_of", ["a", "c"]), ("one_of", ["a", "b"])),
        (("at_most", [float("nan")]), ("at_most", [1])),
    ],
)  # fmt: skip
def test_a_limit_that_lets_more_through_is_not_as_strict(
    limit: tuple[str, list[object]], bound: tuple[str, list[object]]
) -> None:
    given, wanted = constraint(WRITE, "a", *limit), constraint(WRITE, "a", *bound)  # type: ignore[arg-type]
    assert not as_strict(frozenset({given}), frozenset({wanted}))
    assert as_strict(frozenset({wanted}), frozenset({wanted}))


def test_a_limit_on_another_argument_or_tool_is_no_limit_here() -> None:
    bound = frozenset({constraint(WRITE, "a", "equals", [1])})
    assert not as_strict(frozenset(), bound)
    assert not as_strict(frozenset({constraint(WRITE, "b", "equals", [1])}), bound)
    assert not as_strict(frozenset({constraint(ToolName("files", "read"), "a", "equals", [1])}), bound)
    assert as_strict(bound, frozenset())


@pytest.mark.parametrize("name", ["openid", "offline_access", "profile", "email"])
def test_what_openid_connect_clients_send_is_ignored_and_grants_nothing(name: str) -> None:
    assert parse_scopes(name, names_max=9) == frozenset()
    assert parse_scopes(f"{name} git files:read", names_max=9) == {WholeServer("git"), OneTool("files", "read")}


@pytest.mark.parametrize("text", ["OpenID", "phone address:", "offline_access2", "git  files", " ", "email: git", "*"])
def test_nothing_else_is_ignored(text: str) -> None:
    with pytest.raises(Refusal):
        parse_scopes(text, names_max=9)


def test_a_list_of_scopes_has_an_end() -> None:
    with pytest.raises(Refusal):
        parse_scopes("git " * 9 + "git", names_max=9)
    assert parse_scopes(" ".join(["git"] * 9), names_max=9) == {WholeServer("git")}
