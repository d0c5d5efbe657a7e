from __future__ import annotations

from typing import Any

import pytest

from remit.adapters.schema.compiled import DEPTH_MAX, SchemaProblem, compile_schema


def test_arguments_that_fit_have_no_problem_and_others_name_theirs_without_the_value() -> None:
    check = compile_schema({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    assert check({"n": 5}) is None
    assert "required" in str(check({}))
    problem = str(check({"n": "s3cret"}))
    assert problem.startswith("n: ")
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:9/x", "https://json-schema.example/x.json", "file:///etc/passwd", "#/$defs/none", "other.json"],
)
def test_a_reference_out_of_the_schema_is_never_followed(reference: str) -> None:
    """G16"""
    with pytest.raises(SchemaProblem):
        compile_schema({"properties": {"a": {"$ref": reference}}})


def test_a_reference_inside_the_schema_is_followed() -> None:
    check = compile_schema({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}})
    assert check({"a": 1}) is None
    assert check({"a": "x"}) is not None


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


def test_depth_is_bounded() -> None:
    assert compile_schema(nested(DEPTH_MAX - 1)) is not None
    with pytest.raises(SchemaProblem, match="deeper"):
        compile_schema(nested(DEPTH_MAX + 1))


def test_size_is_bounded() -> None:
    with pytest.raises(SchemaProblem, match="parts"):
        compile_schema({"properties": {str(n): {"type": "string"} for n in range(20_000)}})


@pytest.mark.parametrize("schema", [{"type": 5}, {"required": "x"}, {"pattern": "("}])
def test_a_schema_that_is_none_does_not_compile(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaProblem):
        compile_schema(schema)


@pytest.mark.timeout(5)
def test_an_expensive_pattern_does_not_hold_the_loop() -> None:
    check = compile_schema({"properties": {"a": {"pattern": r"^(?=(a+)+$)(a|aa)+$"}}})
    assert check({"a": "a" * 5000 + "!"}) is not None


@pytest.mark.timeout(5)
def test_schemas_that_refer_to_themselves_without_end_are_refused_at_once() -> None:
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(24)} | {"d24": {}}
    assert compile_schema({"$ref": "#/$defs/d0", "$defs": doubling})({}) is not None
    assert compile_schema({"allOf": [{"$ref": "#"}]})({}) is not None
