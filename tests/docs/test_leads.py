"""Links, commands and names in the documentation lead to something that exists."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from tools.reference.commands import commands

from tests.docs.book import ROOT, anchors, code_blocks, links, page, pages, table_rows
from tests.tidy.rules import WORDS

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PICTURE_BYTES_MAX = 100_000
KNOWN = [" ".join(path) for path, _ in commands()]
DECISIONS = sorted(name for name in pages() if re.match(r"docs/decisions/\d", name))


@pytest.mark.parametrize("name", pages())
def test_relative_links_lead_to_files_and_headings(name: str) -> None:
    broken = []
    for target in links(pages()[name]):
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


def test_every_picture_is_small_and_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs/screens").iterdir()}
    assert {name: size for name, size in pictures.items() if size > PICTURE_BYTES_MAX} == {}
    shown = {target.rpartition("/")[2] for name in pages() for target in links(pages()[name]) if "/screens/" in target}
    assert shown == set(pictures)


@pytest.mark.parametrize("name", pages())
def test_every_make_target_exists(name: str) -> None:
    text = "\n".join(chain(code_blocks(pages()[name]), re.findall(r"`([^`\n]+)`", pages()[name])))
    asked = re.findall(r"(?:^|\n)\s*make ([a-z-]+)", text)
    assert [target for target in asked if target not in TARGETS] == []


def test_the_readme_shows_the_two_commands() -> None:
    assert {"make demo", "make test"} <= {
        line.split("#")[0].strip() for block in code_blocks(page("README.md")) for line in block.splitlines()
    }


@pytest.mark.parametrize("name", pages())
def test_every_remit_command_exists_with_its_options(name: str) -> None:
    text = "\n".join(chain(code_blocks(pages()[name]), re.findall(r"`([^`\n]+)`", pages()[name])))
    text = text.replace("\\\n", " ")
    wrong = [
        line for line in re.findall(r"(?:^|[\s/(])(remit [a-z]+(?: [^\n#|]*)?)(?=[\n#|]|$)", text) if not stands(line)
    ]
    assert wrong == []


def stands(line: str) -> bool:
    """Whether a command line names a command there is, and only options it has."""
    words = line.split()[1:]
    known = next(
        (name for name in sorted(KNOWN, key=len, reverse=True) if words[: len(name.split())] == name.split()), ""
    )
    groups = {name.split()[0] for name in KNOWN if " " in name}
    if not known:
        return words[0].split("|")[0] in groups and len(words) == 1
    part = page("docs/reference/commands.md").split(f"\n## remit {known}\n")[1].split("\n## ")[0]
    shared = page("docs/reference/commands.md").split("## Options of every command")[1].split("\n## ")[0]
    options = re.findall(r"(?<=\s)(--[a-z-]+)", line)
    return all(f"`{option}`" in part + shared for option in options)


def test_every_file_and_test_that_architecture_names_exists() -> None:
    text = page("ARCHITECTURE.md")
    for name in re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)`", text):
        assert any((ROOT / base / name).exists() for base in ("", "src/remit")), name


def test_every_invariant_names_a_test_that_exists() -> None:
    rows = table_rows(page("ARCHITECTURE.md").split("\n## Invariants\n")[1], 2)[2:]
    assert len(rows) >= 10
    for invariant, held_by in rows:
        assert re.match(r"(No|Nothing|Nobody) ", invariant), f"{invariant}: an invariant is stated as an absence"
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", held_by)
        assert named, f"{invariant}: names no test"
        for path, function in named:
            assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{function}"


def test_every_symbol_that_architecture_names_exists() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    walk = page("ARCHITECTURE.md").split("\n## Map\n")[0]
    named = {name for name in re.findall(r"`([A-Za-z_.]+)`", walk) if "/" not in name} - {"finally", "Authorization"}
    assert len(named) > 30
    for name in named:
        assert re.search(rf"\b(?:def|class) {name.split('.')[-1]}\b", code), name


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_its_parts(name: str) -> None:
    parts = re.findall(r"^## (.+)$", pages()[name], re.MULTILINE)
    assert parts == ["Context", "Decision", "Rejected", "Consequences"]
    assert pages()[name].split("\n## Rejected\n")[1].split("\n## ")[0].strip().startswith("- **")


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    numbers = [int(name.split("/")[-1][:4]) for name in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 10


def test_the_glossary_has_the_words_the_house_rules_ban_others_for() -> None:
    rows = table_rows(page("docs/reference/glossary.md"), 3)
    banned = {word.strip() for row in rows for word in row[2].split(",")}
    assert [row for row in rows[2:] if not row[1]] == []
    assert {"backend", "gateway", "caller", "checker", "bot", "blacklist"} <= banned & set(WORDS) | {"blacklist"}


@pytest.mark.parametrize("name", [name for name in pages() if not name.endswith(("glossary.md", "CONTRIBUTING.md"))])
def test_pages_use_the_glossarys_words(name: str) -> None:
    words = "backend|blacklist|whitelist|service user|auth service|requester"
    assert re.findall(rf"\b(?:{words})s?\b", pages()[name], re.IGNORECASE) == []


def test_the_readme_shows_every_step_of_the_demo_as_it_ends() -> None:
    shown = page("README.md").split("<!-- demo-output -->")[1].split("<!-- /demo-output -->")[0]
    titles = re.findall(r'Step\("([^"]+)"', (ROOT / "src/remit/cli/demo_walk.py").read_text(encoding="utf-8"))
    lines = [
        line for line in shown.splitlines() if re.search(r"\S +(?:PERMITTED|DENIED|REVOKED) +dec_[A-Z2-7]{16}  ", line)
    ]
    assert [line.split("  ")[0] for line in lines] == titles
    assert f"{len(titles)} of {len(titles)} decisions as expected" in shown
