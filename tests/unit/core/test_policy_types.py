"""What of an inputSchema a policy can read, and how arguments become values of it."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.policy_types import Attribute, Reads, RecordOf, Scalar, SetOf, encode, tool_type


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("declared", "mapped"),
    [
        ({"type": "string"}, Scalar.STRING),
        ({"type": "string", "enum": ["a", "b"]}, Scalar.STRING),
        ({"enum": ["a", "b"]}, Scalar.STRING),
        ({"const": True}, Scalar.BOOL),
        ({"type": "boolean"}, Scalar.BOOL),
        ({"type": "integer"}, Scalar.LONG),
        ({"type": "number"}, Scalar.DECIMAL),
        ({"type": ["string", "null"]}, Scalar.STRING),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, Scalar.LONG),
        ({"anyOf": [{"type": "string", "format": "uri"}, {"type": "string"}]}, Scalar.STRING),
        ({"type": "array", "items": {"type": "string"}}, SetOf(Scalar.STRING)),
        ({"$ref": "#/$defs/Name"}, Scalar.STRING),
        (
            {"type": "object", "properties": {"deep": {"type": "boolean"}}, "required": ["deep"]},
            RecordOf({"deep": Attribute(Scalar.BOOL, required=True)}),
        ),
    ],
)
def test_a_declared_type_maps_to_its_cedar_type(declared: dict[str, Any], mapped: object) -> None:
    found = tool_type({**schema(x=declared), "$defs": {"Name": {"type": "string"}}})
    assert found.unmapped == ()
    assert found.arguments.attributes["x"].type == mapped


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "a union"),
        ({"type": ["string", "integer"]}, "a union"),
        ({"type": "object"}, "an object without declared properties"),
        ({"type": "array"}, "an array without one type of item"),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": False}, "an array without one type of item"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "an array that may hold null"),
        ({"$ref": "#/$defs/Tree"}, "a recursive $ref"),
        ({"$ref": "https://example.test/schema"}, "a $ref to another document"),
        ({"$ref": "#/$defs/Nothing"}, "a $ref to nothing"),
        ({"type": "number", "minimum": 1e18}, "numbers outside the range of decimal"),
        ({}, "no single type"),
        (True, "any value"),
        ({"anyOf": [True, {"type": "string"}]}, "any value"),
        ({"enum": ["a", 1]}, "no single type"),
    ],
)
def test_what_has_no_exact_type_is_left_out_and_named(declared: object, why: str) -> None:
    tree = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    found = tool_type({**schema(x=declared, y={"type": "string"}), "$defs": {"Tree": tree}})
    assert [str(left_out) for left_out in found.unmapped] == [f"x: {why}"]
    assert list(found.arguments.attributes) == ["y"]


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_a_reserved_name_is_never_mapped(name: str) -> None:
    found = tool_type(schema(**{name: {"type": "string"}}))
    assert found.arguments.attributes == {}
    assert found.unmapped[0].path == (name,)


def test_only_a_required_argument_that_cannot_be_null_is_required() -> None:
    given = {
        **schema(a={"type": "string"}, b={"type": ["string", "null"]}, c={"type": "string"}),
        "required": ["a", "b"],
    }
    attributes = tool_type(given).arguments.attributes
    assert {name: attribute.required for name, attribute in attributes.items()} == {"a": True, "b": False, "c": False}


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        ("string", "a", "a"),
        ("boolean", True, True),
        ("integer", 7, 7),
        ("integer", 7.0, 7),
        ("integer", -(2**63), -(2**63)),
        ("number", 0.1, {"__extn": {"fn": "decimal", "arg": "0.1000"}}),
        ("number", 3, {"__extn": {"fn": "decimal", "arg": "3.0000"}}),
        ("number", -922337203685477, {"__extn": {"fn": "decimal", "arg": "-922337203685477.0000"}}),
    ],
)
def test_a_value_is_carried_over_exactly(declared: str, given: object, value: object) -> None:
    encoded = encode({"x": given}, tool_type(schema(x={"type": declared})).arguments)
    assert encoded.value == {"x": value}
    assert encoded.inexact == ()


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ("integer", 2**63),
        ("integer", 1.5),
        ("integer", True),
        ("number", 0.00001),
        ("number", 1e15),
        ("number", float("inf")),
        ("number", False),
        ("string", 1),
        ("string", {"__entity": {"type": "Tenant", "id": "globex"}}),
        ("boolean", 0),
    ],
)
def test_a_value_without_an_exact_counterpart_is_left_out_and_named(declared: str, given: object) -> None:
    encoded = encode({"x": given}, tool_type(schema(x={"type": declared})).arguments)
    assert encoded.value == {}
    assert encoded.inexact == (("x",),)


def test_null_is_the_same_as_absent() -> None:
    assert encode({"x": None}, tool_type(schema(x={"type": ["string", "null"]})).arguments).inexact == ()


def test_keys_nobody_declared_are_left_out_and_named_at_any_depth() -> None:
    type_ = tool_type(schema(options={"type": "object", "properties": {"a": {"type": "string"}}})).arguments
    encoded = encode({"options": {"a": "1", "__extn": {"fn": "ip", "arg": "::1"}}, "more": 1}, type_)
    assert encoded.value == {"options": {"a": "1"}}
    assert set(encoded.inexact) == {("options", "__extn"), ("more",)}


def test_one_inexact_element_makes_the_whole_set_inexact() -> None:
    type_ = tool_type(schema(xs={"type": "array", "items": {"type": "integer"}})).arguments
    assert encode({"xs": [1, 2**64]}, type_).inexact == (("xs",),)
    assert encode({"xs": [1, 2]}, type_).value == {"xs": [1, 2]}


@pytest.mark.parametrize(
    ("values", "tests", "inexact", "turns"),
    [
        ([("a",)], [], ("a",), True),
        ([("a",)], [], ("b",), False),
        ([()], [], ("b",), True),
        ([("a", "b")], [], ("a",), True),
        ([("a",)], [], ("a", "b"), True),
        ([("a", "c")], [], ("a", "b"), False),
        ([], [("a",)], ("a",), True),
        ([], [("a",)], ("a", "b"), False),
        ([], [("a", "b")], ("a",), True),
    ],
)
def test_a_decision_turns_on_what_was_lost_where_it_reads_it(
    values: list[tuple[str, ...]], tests: list[tuple[str, ...]], inexact: tuple[str, ...], *, turns: bool
) -> None:
    assert Reads(frozenset(values), frozenset(tests)).turns_on(inexact) is turns
