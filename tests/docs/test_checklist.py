"""The checklist of authorization names tests that exist: for each requirement one that denies and one that works."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.book import ROOT, page, table_rows

PAGE = "docs/reference/authorization-checklist.md"
HEAD = ["requirement", "source", "binds", "what Remit does", "denied by", "works in"]
ROWS = [row for row in table_rows(page(PAGE), len(HEAD)) if row != HEAD and set("".join(row)) != {"-"}]
THE_SAME = "the same test"


def named(cell: str) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cell)


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_is_a_checklist() -> None:
    assert len(ROWS) >= 50
    lines = [line for line in page(PAGE).splitlines() if line.startswith("|")]
    assert len(lines) == len(ROWS) + 2 * sum(line.startswith(f"| {HEAD[0]} ") for line in lines)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_requirement_says_whose_it_is_and_names_what_denies_and_what_works(row: list[str]) -> None:
    requirement, source, binds, does, denied, works = row
    assert requirement
    assert does
    assert re.search(r"RFC \d{4}|OAuth 2\.1|MCP|OpenID|CSP|Client id metadata", source)
    assert binds in ("resource server", "authorization server")
    assert named(denied)
    assert works == THE_SAME or named(works)
    for cell in (denied, works):
        assert cell == THE_SAME or len(named(cell)) == cell.count("::")
        for path, name in named(cell):
            assert name in functions(path), f"{path}::{name}"
