"""The tree obeys the house rules: no exceptions, no list of old debts."""

from __future__ import annotations

import ast
import re

import pytest

from tests.tidy import rules
from tests.tidy.tree import Source, paths, sources, texts

# Written so that these lines do not match themselves.
FOREIGN_TO_A_CLONE = {
    r"/[w]ork/(?:main|shared)|\.\./[s]hared|/tmp/[w]/|/tmp/[b]rief": "a path of one machine",
    r"\b(?:BRIEF|DESIGN|IDENTITY|MISSION|PEERS|PERFORMANCE|PROTOCOL|STYLE|THREATS|USERS)\.[m]d": "not a page of ours",
    r"\b(?:DESIGN|MISSION|PERFORMANCE|STYLE|THREATS) (?:section )?[0-9]": "not a page of ours",
    r"\b[i]ssue 2\b": "a ticket a reader cannot open",
    r"registry\.[n]pmjs|[p]ythonhosted|[p]ypi\.org/simple": "a registry's address; locks install through any mirror",
}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_file_obeys(rule: rules.Rule) -> None:
    assert violations(rule) == []


def violations(rule: rules.Rule) -> list[str]:
    return [f"{source.path}:{what}" for source in sources() for what in rule(source)]


def test_the_walk_sees_the_code() -> None:
    assert {"src/remit/__init__.py", "tests/tidy/test_tree.py", "tools/prepare_peers.py"} <= {s.path for s in sources()}


def test_every_unit_test_mirrors_a_module() -> None:
    modules = frozenset(modules_under("src"))
    assert [f"{s.path}:{what}" for s in sources() for what in rules.mirrors_src(s, modules)] == []


def test_every_fake_has_its_port() -> None:
    """remit/testing/clock.py holds the fake of remit/ports/clock.py."""
    fakes = {module.rsplit("/", 1)[-1] for module in modules_under("src/remit/testing")} - {"testing"}
    ports = {module.rsplit("/", 1)[-1] for module in modules_under("src/remit/ports")}
    assert sorted(fakes - ports) == []


def test_every_proof_the_rules_guard_is_a_class_of_core() -> None:
    """A renamed proof would otherwise slip out of leaves_proofs_to_core."""
    classes = {
        node.name
        for source in sources()
        if source.within("src/remit/core")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }
    assert sorted(rules.PROOFS - classes) == []


def test_every_folder_of_src_is_a_package() -> None:
    """A folder without __init__.py is invisible to the check of import directions."""
    files = {source.path for source in sources() if source.within("src")}
    folders = {path.rsplit("/", 1)[0] for path in files}
    assert sorted(folder for folder in folders if f"{folder}/__init__.py" not in files) == []


@pytest.mark.parametrize("pattern", FOREIGN_TO_A_CLONE)
def test_no_file_names_what_a_clone_does_not_have(pattern: str) -> None:
    found = [
        f"{path}:{number}: {FOREIGN_TO_A_CLONE[pattern]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert found == []


def test_no_file_is_named_twice_but_for_case() -> None:
    """Such a pair cannot be checked out on a file system that ignores case."""
    seen: dict[str, str] = {}
    assert [(path, seen[path.lower()]) for path in paths() if seen.setdefault(path.lower(), path) != path] == []


def modules_under(folder: str) -> set[str]:
    """Modules and packages under a folder, as paths without the ending."""
    inside: list[Source] = [source for source in sources() if source.within(folder)]
    files = {source.path.removesuffix(".py").removesuffix("/__init__") for source in inside}
    return files | {"/".join(source.parts[:end]) for source in inside for end in range(2, len(source.parts))}
