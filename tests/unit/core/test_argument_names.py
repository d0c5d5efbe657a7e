"""Which spelling of an argument is declared, wherever in the schema that is said."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.argument_names import VISITS_MAX, argument_names
from remit.core.arguments import checked_arguments
from remit.core.catalog import ItemKind, Tool
from remit.core.errors import Denied
from remit.core.reasons import Reason
from tests.scenes.grant import a_grant

PATH = {"properties": {"path": {"type": "string"}}}
SCHEMAS: dict[str, dict[str, Any]] = {
    "allOf": {"allOf": [{"type": "object"}, PATH]},
    "anyOf": {"anyOf": [{"properties": {"url": {}}}, PATH]},
    "oneOf": {"oneOf": [{"properties": {"url": {}}}, PATH]},
    "if": {"if": {"required": ["mode"]}, "then": PATH, "else": False},
    "dependentSchemas": {"dependentSchemas": {"mode": PATH}},
    "$ref": {"$ref": "#/$defs/place", "$defs": {"place": PATH}},
    "$ref of $ref": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [PATH]}}},
    "$anchor": {"$ref": "#place", "$defs": {"x": {"$anchor": "place", **PATH}}},
    "required alone": {"required": ["path"]},
}


def passes(schema: dict[str, Any], arguments: dict[str, Any], paths: tuple[str, ...] = ()) -> bool:
    names = argument_names(schema, paths)
    tool = Tool(ItemKind.TOOL, "files", "read", b"{}", "d", input_schema=schema, names=names, validate=lambda _: None)
    try:
        checked_arguments(tool, arguments, a_grant())
    except Denied as denied:
        if denied.reason is not Reason.ARGS_SCHEMA or "differs only in case" not in denied.detail:
            raise
        return False
    return True


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_a_name_is_declared_in_whatever_branch_it_stands(schema: dict[str, Any]) -> None:
    assert passes(schema, {"path": "/a", "Label": "x"})
    assert not passes(schema, {"Path": "/a"})


@pytest.mark.parametrize(
    ("schema", "honest", "odd"),
    [
        ({"items": {"anyOf": [PATH]}}, [{"path": 1}], [{"PATH": 1}]),
        ({"prefixItems": [{}, PATH]}, [1, {"path": 1}], [1, {"PATH": 1}]),
        ({"additionalProperties": PATH}, {"any": {"path": 1}}, {"any": {"PATH": 1}}),
        ({"patternProperties": {"^x": PATH}}, {"x1": {"path": 1}}, {"x1": {"PATH": 1}}),
        ({"allOf": [PATH, {"properties": {"path": PATH}}]}, {"path": {"path": 1}}, {"path": {"PATH": 1}}),
    ],
)
def test_a_name_is_declared_at_any_depth(schema: dict[str, Any], honest: object, odd: object) -> None:
    below = {"properties": {"in": {"$ref": "#/$defs/below"}}, "$defs": {"below": schema}}
    assert passes(below, {"in": honest})
    assert not passes(below, {"in": odd})


def test_a_schema_that_refers_to_itself_is_followed_as_deep_as_the_arguments_go() -> None:
    tree = {"properties": {"name": {}, "children": {"items": {"$ref": "#"}}}}
    deep: dict[str, Any] = {"name": "leaf"}
    odd: dict[str, Any] = {"Name": "leaf"}
    for _ in range(20):
        deep, odd = {"children": [deep]}, {"children": [odd]}
    assert passes(tree, deep)
    assert not passes(tree, odd)
    assert passes({"$ref": "#"}, {"Name": 1})


def test_two_spellings_that_are_both_declared_are_two_arguments() -> None:
    both = {"anyOf": [PATH, {"properties": {"Path": {}}}]}
    assert passes(both, {"path": "/a", "Path": "/b"})
    assert not passes(both, {"PATH": "/a"})


def test_a_path_argument_has_one_name_whatever_the_schema_says() -> None:
    assert passes({}, {"path": "/a", "Label": 1}, ("path",))
    assert not passes({}, {"Path": "/a"}, ("path",))
    assert not passes({"properties": {"Path": {}}}, {"Path": "/a"}, ("path",))
    assert passes({"properties": {"Path": {}}}, {"Path": "/a"})


def test_below_a_path_argument_the_schema_still_counts() -> None:
    schema = {"properties": {"path": {"items": PATH}}}
    assert not passes(schema, {"path": [{"Path": "/a"}]}, ("path",))
    assert passes(schema, {"path": [{"path": "/a"}]}, ("path",))


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"in": {}}, "allOf": [PATH] * (VISITS_MAX + 1)},
        {"properties": {"in": {}, "path": {}}, "$ref": "#nowhere"},
        {"properties": {"in": {}, "path": {}}, "$defs": {str(at): {"$id": str(at)} for at in range(200)}},
    ],
    ids=["branches", "a reference to nowhere", "documents"],
)
def test_beyond_the_bounds_a_name_counts_wherever_it_stands(schema: dict[str, Any]) -> None:
    assert passes(schema, {"in": [{"path": 1, "other": 2}]})
    assert not passes(schema, {"in": [{"Path": 1}]})


def test_references_that_multiply_cost_no_more_than_the_bound() -> None:
    """Each level doubles: unfolded there would be 2^200 branches."""
    defs = {f"d{at}": {"properties": {key: {"$ref": f"#/$defs/d{at + 1}"} for key in "xy"}} for at in range(200)}
    schema = {"$ref": "#/$defs/d0", "$defs": defs | {"d200": PATH}}
    deep: dict[str, Any] = {"Path": 1}
    for _ in range(60):
        deep = {"x": deep}
    assert passes(schema, deep)
    assert not passes(schema, {"x": {"X": 1}})
