"""Definitions, pins and names."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from remit.core.catalog import Drift, Item, ItemKind, bare_names, digest_of, drift
from tests.unit.core.test_access import TOOL, server

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
definitions = st.dictionaries(st.text(max_size=5), json_values, max_size=5)


def item(name: str, digest: str) -> Item:
    return Item(ItemKind.TOOL, "files", name, b"{}", digest)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(inner) for key, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


@given(definitions)
def test_re_serialising_a_definition_never_changes_its_digest(definition: dict[str, Any]) -> None:
    again = json.loads(json.dumps(shuffled(definition), indent=3))
    assert digest_of(again) == digest_of(definition)


@given(definitions, definitions)
def test_two_definitions_share_a_digest_only_when_they_are_the_same(
    left: dict[str, Any], right: dict[str, Any]
) -> None:
    same = json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    assert (digest_of(left) == digest_of(right)) is same


def test_the_first_set_is_the_baseline() -> None:
    assert drift({}, [item("read", "1")]) == {(ItemKind.TOOL, "read"): Drift.PINNED}


def test_afterwards_only_what_moved_is_told() -> None:
    pins = {(ItemKind.TOOL, "read"): "1", (ItemKind.TOOL, "write"): "2", (ItemKind.TOOL, "gone"): "3"}
    found = drift(pins, [item("read", "1"), item("write", "CHANGED"), item("new", "4")])
    assert {name: verdict for (_, name), verdict in found.items()} == {
        "read": Drift.PINNED,
        "write": Drift.CHANGED,
        "new": Drift.ADDED,
        "gone": Drift.REMOVED,
    }


def test_a_withheld_tool_still_owns_its_bare_name() -> None:
    other = server(items={}, withheld={(ItemKind.TOOL, "read_file"): Drift.CHANGED}, name="docs")
    assert bare_names({"files": server(), "docs": other})[TOOL.name] == ("docs", "files")
