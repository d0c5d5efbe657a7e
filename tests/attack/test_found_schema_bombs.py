"""A hostile server's tool definition: a few lines of schema that stand for millions of steps must stop neither the
event loop nor a tenant's policies. Each test hangs or crashes when its bound is taken away.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.adapters.schema.compiled import SchemaProblem, compile_schema
from remit.core.access import Effect
from remit.core.policy_types import PARTS_MAX, tool_type
from tests.scenes.policy import FILES, GIT, a_catalog, a_server, a_tool, an_engine, ask, write

PERMIT = '@id("all")\npermit(principal, action, resource);\n'


def doubled(levels: int, keyword: str = "anyOf", **names: str) -> dict[str, Any]:
    """Two branches at every level, both the same reference: 2**levels checks of one string. `anchor` names the levels
    by anchors instead of places."""
    definitions: dict[str, Any] = {}
    for level in range(levels):
        reference = f"#a{level + 1}" if "anchor" in names else f"#/$defs/a{level + 1}"
        definitions[f"a{level}"] = {keyword: [{"$ref": reference}, {"$ref": reference}]}
    definitions[f"a{levels}"] = {"type": "string"}
    if "anchor" in names:
        definitions = {name: {"$anchor": name, **found} for name, found in definitions.items()}
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/a0"}}, "$defs": definitions}


def again_and_again() -> dict[str, Any]:
    """Two branches that both lead one step down and back to the start: 2**depth checks of a nested value."""
    inner = {"properties": {"x": {"$ref": "#/$defs/node"}}}
    node = {"anyOf": [inner, inner]}
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}


def nested(levels: int) -> dict[str, Any]:
    value: Any = 5
    for _ in range(levels):
        value = {"x": value}
    return {"x": value}


def deep(levels: int, keyword: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema} if keyword == "items" else {keyword: [schema]}
    return {"type": "object", "properties": {"x": schema}}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize("named", [{}, {"anchor": "yes"}])
def test_references_that_double_at_every_level_are_refused_before_the_validator_runs(
    keyword: str, named: dict[str, str]
) -> None:
    assert "too much work" in str(compile_schema(doubled(40, keyword, **named))({"x": 5}))


def test_recursion_with_two_branches_is_refused_for_a_deep_value_and_runs_for_a_shallow_one() -> None:
    check = compile_schema(again_and_again())
    assert "too much work" in str(check(nested(40)))
    assert check(nested(3)) is None


def test_an_ordinary_recursive_schema_still_takes_ordinary_values() -> None:
    node = {"type": "object", "properties": {"name": {"type": "string"}, "children": {"items": {"$ref": "#/$defs/n"}}}}
    check = compile_schema({"properties": {"root": {"$ref": "#/$defs/n"}}, "$defs": {"n": node}})
    leaves = [{"name": f"leaf {at}", "children": []} for at in range(500)]
    assert check({"root": {"name": "top", "children": leaves}}) is None
    assert check({"root": {"name": "top", "children": [{"name": 5}]}}) is not None


def test_references_of_few_levels_are_checked_as_ever() -> None:
    check = compile_schema(doubled(4))
    assert check({"x": "text"}) is None
    assert "too much work" not in str(check({"x": 5}))


@pytest.mark.parametrize("schema", [doubled(20), doubled(40), deep(450, "items"), deep(400, "anyOf")])
async def test_one_tools_schema_does_not_take_the_tenants_policies_down(tmp_path: Path, schema: dict[str, Any]) -> None:
    """OWASP MCP03: a poisoned schema. The other tools of the tenant are decided as if it were not there."""
    catalog = a_catalog(FILES, GIT, a_server("evil", a_tool("evil", "bomb", schema)))
    engine = await an_engine(write(tmp_path, acme__all=PERMIT), catalog)
    verdict = await engine.evaluate(ask("files/read_file", {"path": "/a"}, catalog=catalog))
    assert verdict.effect is Effect.PERMIT


def test_a_schema_of_too_many_parts_maps_no_argument_and_says_so() -> None:
    found = tool_type(doubled(20))
    assert not found.arguments.attributes
    assert str(PARTS_MAX) in str(found.unmapped[0])
    assert set(tool_type(doubled(4)).arguments.attributes) == {"x"}


@pytest.mark.parametrize("required", [[["path"]], [{"path": 1}], [None], {"path": 1}, "path"])
async def test_a_malformed_list_of_required_arguments_does_not_take_the_tenants_policies_down(
    tmp_path: Path, required: Any
) -> None:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": required}
    catalog = a_catalog(FILES, GIT, a_server("evil", a_tool("evil", "odd", schema)))
    engine = await an_engine(write(tmp_path, acme__all=PERMIT), catalog)
    verdict = await engine.evaluate(ask("files/read_file", {"path": "/a"}, catalog=catalog))
    assert verdict.effect is Effect.PERMIT


KEYWORDS = (
    "type", "properties", "required", "items", "anyOf", "allOf", "enum", "const", "$ref", "$defs", "$anchor", "$id",
    "minimum", "maximum", "prefixItems", "additionalProperties", "not", "if", "pattern", "multipleOf", "x", "path",
)  # fmt: skip
WORDS = st.sampled_from(["string", "object", "array", "number", "integer", "null", "#", "#/$defs/x", "#x", "(", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), ANYTHING, max_size=6), ANYTHING)
@settings(max_examples=300, deadline=None)
def test_whatever_a_server_calls_a_schema_breaks_neither_mapping_nor_checking(
    schema: dict[str, Any], argument: Any
) -> None:
    tool_type(schema)
    try:
        check = compile_schema(schema)
    except SchemaProblem:
        return
    problem = check({"x": argument, "path": "x"})
    assert problem is None or isinstance(problem, str)
