"""Stage 5: reserved keys, schemas, paths and constraints, each denial beside its success twin."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.arguments import checked_arguments, normal_path, refuse_dotted_uri, refuse_reserved_keys
from remit.core.catalog import ItemKind, Tool
from remit.core.errors import Denied
from remit.core.reasons import Reason
from remit.core.scope import Constraint, ToolName, constraint
from tests.scenes.grant import a_grant


def tool(**changes: Any) -> Tool:
    given: dict[str, Any] = {"validate": lambda arguments: None, "path_arguments": ("path",)} | changes
    return Tool(ItemKind.TOOL, "files", "write_file", b"{}", "digest", **given)


def checked(arguments: dict[str, Any], *limits: Constraint, **changes: Any) -> Any:
    return checked_arguments(tool(**changes), arguments, a_grant(constraints=frozenset(limits)))


@pytest.mark.parametrize("key", ["__entity", "__extn", "__expr"])
@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"a": d}, lambda d: {"a": [{"b": [d]}]}])
def test_a_reserved_key_is_denied_at_any_depth(key: str, wrap: Any) -> None:
    with pytest.raises(Denied) as caught:
        refuse_reserved_keys(wrap({key: {"type": "Role", "id": "admin"}}))
    assert caught.value.reason is Reason.ARGS_RESERVED_KEY
    refuse_reserved_keys(wrap({key.strip("_"): {"type": "Role", "id": "admin"}}))


def test_arguments_nested_beyond_the_bound_are_denied() -> None:
    deep: Any = {}
    for _ in range(80):
        deep = {"a": deep}
    with pytest.raises(Denied):
        refuse_reserved_keys(deep)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "",
        "../a",
        "/a/../b",
        "/a/%2e%2e/b",
        "/a/%2e%2e%2fb",
        "/a%2f..%2fb",
        "/a/..%5c",
        "/a/..",
        "/a\0b",
        "/a\\..\\b",
        "~",
        "-rf",
    ],
)
def test_a_path_with_tricks_is_denied(path: str) -> None:
    with pytest.raises(Denied) as caught:
        normal_path(path)
    assert caught.value.reason is Reason.ARGS_PATH


@pytest.mark.parametrize(
    ("path", "normal"), [("/a/b", "/a/b"), ("//a///b/", "/a/b"), ("/a/./b", "/a/b"), ("/", "/"), ("/a/..b", "/a/..b")]
)
def test_a_plain_path_has_one_spelling(path: str, normal: str) -> None:
    assert normal_path(path) == normal
    assert normal_path(normal) == normal


def test_the_normal_path_is_what_is_decided_on_and_forwarded() -> None:
    assert checked({"path": "/srv//x/./y", "content": "c"}) == {"path": "/srv/x/y", "content": "c"}


def test_every_path_of_a_list_is_checked() -> None:
    assert checked({"path": ["/a//b", "/c"]}) == {"path": ["/a/b", "/c"]}
    with pytest.raises(Denied):
        checked({"path": ["/a", "/b/../c"]})


def test_a_path_argument_that_is_no_path_is_denied() -> None:
    with pytest.raises(Denied):
        checked({"path": {"not": "a path"}})


def test_arguments_that_do_not_fit_the_schema_are_denied_with_the_problem() -> None:
    with pytest.raises(Denied, match="too long") as caught:
        checked({"path": "/a"}, validate=lambda arguments: "too long")
    assert caught.value.reason is Reason.ARGS_SCHEMA


def test_a_tool_whose_schema_did_not_compile_is_denied() -> None:
    with pytest.raises(Denied):
        checked({"path": "/a"}, validate=None)


def test_a_constraint_holds_for_its_own_tool_on_the_normal_form() -> None:
    limit = constraint(ToolName("files", "write_file"), "path", "prefix", ["/srv/"])
    assert checked({"path": "/srv//x"}, limit) == {"path": "/srv/x"}
    with pytest.raises(Denied) as caught:
        checked({"path": "/etc/passwd"}, limit)
    assert caught.value.reason is Reason.CONSTRAINT_FAILED


def test_a_constraint_on_another_tool_does_not_touch_this_one() -> None:
    assert checked({"path": "/etc/x"}, constraint(ToolName("files", "read_file"), "path", "prefix", ["/srv/"]))


@pytest.mark.parametrize("uri", ["file:///a/../b", "file:///a/%2e%2e/b", "file:///a/..", "file:///a\\..\\b"])
def test_a_resource_uri_with_dots_is_denied(uri: str) -> None:
    with pytest.raises(Denied):
        refuse_dotted_uri(uri)


def test_a_plain_resource_uri_passes() -> None:
    refuse_dotted_uri("file:///a/b..c/d")


NESTED = {
    "properties": {
        "path": {},
        "options": {"properties": {"depth": {}}},
        "edits": {"items": {"properties": {"old": {}}}},
    }
}


@pytest.mark.parametrize(
    "arguments", [{"Path": "/a"}, {"options": {"DEPTH": 1}}, {"edits": [{"old": "a"}, {"Old": "b"}]}]
)
def test_a_declared_argument_in_another_case_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(Denied) as caught:
        checked(arguments, input_schema=NESTED)
    assert caught.value.reason is Reason.ARGS_SCHEMA


def test_what_the_schema_does_not_declare_keeps_its_case() -> None:
    free = {"path": "/a", "Label": "x", "options": {"Colour": 1}, "edits": [{"New": "b"}]}
    assert checked(free, input_schema=NESTED) == free
