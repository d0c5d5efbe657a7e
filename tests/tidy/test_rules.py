"""Each house rule bites on what it forbids and leaves the lawful twin alone."""

from __future__ import annotations

import pytest

from tests.tidy import rules
from tests.tidy.tree import parse

FLOW = "src/remit/flows/tool_call.py"
TEST = "tests/attack/test_something.py"
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * rules.FUNCTION_LINES_MAX
FITTING_FUNCTION = "def f():\n" + "    x = 1\n" * (rules.FUNCTION_LINES_MAX - 1)

# rule, where, what it forbids, the lawful twin
CASES = [
    (rules.fits_the_budget, FLOW, LONG_FUNCTION, FITTING_FUNCTION),
    (rules.fits_the_budget, FLOW, "x = 1\n" * (rules.FILE_LINES_MAX + 1), "x = 1\n" * rules.FILE_LINES_MAX),
    (rules.leaves_proofs_to_core, FLOW, "b = Bound(grant)", "b = conclude_bound(grant)"),
    (rules.leaves_proofs_to_core, FLOW, "b = grant.Bound(x)", "def f(b: grant.Bound) -> Bound: ..."),
    (rules.leaves_proofs_to_core, FLOW, "from remit.core.grant import Bound as B\nB(x)", "from a import Bound as B"),
    (rules.leaves_proofs_to_core, FLOW, "b = object.__new__(Bound)", "ok = isinstance(b, Bound)"),
    (rules.leaves_proofs_to_core, FLOW, "make = Bound", "match b:\n    case Bound():\n        pass"),
    (rules.leaves_proofs_to_core, FLOW, "b = cast('list[Bound]', x)", "b = cast('list[Grant]', x)"),
    (rules.core_never_awaits, "src/remit/core/grant.py", "async def f(): ...", "def f(): ..."),
    (rules.speaks_the_glossary, FLOW, "def f(caller): ...", "def f(subject): ..."),
    (rules.speaks_the_glossary, FLOW, "class ToolManager: ...", "class ToolCatalog: ..."),
    (rules.speaks_the_glossary, FLOW, "async def check_access(): ...", "async def evaluate(): ..."),
    (rules.speaks_the_glossary, FLOW, "self.upstream_backend = 1", "x = self.upstream_backend"),
    (rules.uses_fakes_not_mocks, TEST, "from unittest import mock", "from unittest import case"),
    (rules.uses_fakes_not_mocks, TEST, "from unittest.mock import patch", "from remit.testing.store import Store"),
    (rules.uses_fakes_not_mocks, TEST, "def test_x(mocker): ...", "def test_x(store): ..."),
    (rules.always_runs, TEST, "@pytest.mark.skipif(True)\ndef test_x(): ...", "@pytest.mark.engine\ndef test_x(): ..."),
    (rules.always_runs, TEST, "pytest.importorskip('redis')", "import redis"),
    (rules.can_fail, TEST, "def test_x():\n    f()", "def test_x():\n    assert f()"),
    (rules.can_fail, TEST, "def test_x():\n    assert True", "def test_x():\n    with pytest.raises(E):\n        f()"),
]


@pytest.mark.parametrize(("rule", "where", "forbidden", "lawful"), CASES)
def test_a_rule_bites_and_spares_the_lawful_twin(rule: rules.Rule, where: str, forbidden: str, lawful: str) -> None:
    assert list(rule(parse(where, forbidden)))
    assert not list(rule(parse(where, lawful)))


@pytest.mark.parametrize("path", ["src/remit/services/tokens.py", "src/remit/core/utils.py"])
def test_a_bucket_is_refused_and_a_domain_word_is_not(path: str) -> None:
    assert list(rules.stands_in_a_named_place(parse(path, "")))
    assert not list(rules.stands_in_a_named_place(parse("src/remit/core/grant.py", "")))


def test_core_itself_may_build_proofs() -> None:
    assert not list(rules.leaves_proofs_to_core(parse("src/remit/core/grant.py", "b = Bound(grant)")))


@pytest.mark.parametrize(
    ("path", "lawful"),
    [
        ("tests/unit/core/test_grant.py", True),
        ("tests/unit/core/test_grant_narrowing.py", True),
        ("tests/unit/adapters/policy/test_cedar_slices.py", True),
        ("tests/unit/core/conftest.py", True),
        ("tests/unit/core/test_consent.py", False),
        ("tests/unit/test_grant.py", False),
        ("tests/unit/core/grant_cases.py", False),
    ],
)
def test_a_unit_test_stands_where_its_module_stands(path: str, *, lawful: bool) -> None:
    modules = frozenset({"src/remit/core/grant", "src/remit/adapters/policy/cedar"})
    assert lawful == (not list(rules.mirrors_src(parse(path, ""), modules)))
