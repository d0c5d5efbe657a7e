"""The page of threats, the tests it names and the table of defences say the same."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.attack.defences import DEFENCES
from tests.docs.book import ROOT, page, table_rows

PAGE = "docs/reference/threats.md"
ID = re.compile(r"(?:CVE-\d{4}-\d+|GO-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3})")
HERE = ROOT / "tests" / "attack"


def section(heading: str) -> list[list[str]]:
    """The rows of one section's table, without its head."""
    return table_rows(page(PAGE).split(f"\n## {heading}\n")[1].split("\n## ")[0], 4)[2:]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+\.py::[^`]+)`", cell)


def place(test: str) -> tuple[Path, str]:
    path, _, name = test.partition("::")
    return (ROOT / path if path.startswith("tests/") else HERE / path), name.partition("[")[0]


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


TRIED = section("Classes that are tried")
ELSEWHERE = section("Tried elsewhere")


@pytest.mark.parametrize("row", TRIED + ELSEWHERE, ids=lambda row: row[0])
def test_every_class_names_tests_that_exist(row: list[str]) -> None:
    assert named(row[2])
    for test in named(row[2]):
        path, name = place(test)
        assert name in functions(path)


def test_every_class_that_is_tried_fails_without_its_defence_and_the_other_way_round() -> None:
    assert sorted(test for row in TRIED for test in named(row[2])) == sorted(defence.test for defence in DEFENCES)


@pytest.mark.parametrize("row", TRIED, ids=lambda row: row[0])
def test_every_id_on_the_page_is_in_its_test_s_own_words(row: list[str]) -> None:
    (test,) = named(row[2])
    words = ast.get_docstring(ast.parse(place(test)[0].read_text("utf-8"))) or ""
    assert [found for found in ID.findall(row[1]) if found not in words] == []


def test_every_id_a_test_names_is_on_the_page() -> None:
    told = set(ID.findall(page(PAGE)))
    files = {path.name: path.read_text("utf-8") for path in HERE.glob("test_*.py")}
    assert sorted((name, found) for name, text in files.items() for found in set(ID.findall(text)) - told) == []


def test_every_defence_has_a_name_of_its_own_and_an_attack_of_its_test_s_file() -> None:
    assert len({defence.name for defence in DEFENCES}) == len(DEFENCES)
    for defence in DEFENCES:
        assert defence.attack.__module__.rpartition(".")[2] == place(defence.test)[0].stem
