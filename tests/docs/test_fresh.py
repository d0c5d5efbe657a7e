"""Generated pages say what the code says now."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import yaml
from tools import make_docs
from tools.reference.commands import commands
from tools.reference.settings import sections
from tools.reference.text import read

from remit.app.sections import Settings
from tests.docs.book import ROOT, code_blocks, page, pages

MADE = make_docs.pages()


@pytest.mark.parametrize("path", sorted(MADE), ids=str)
def test_a_generated_page_is_fresh(path: Path) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == MADE[path], "run `make docs` and look at the difference"


def test_no_page_of_an_adapter_outlives_it() -> None:
    written = {path.name for path in (ROOT / "docs/reference/adapters").glob("*.md")}
    assert written == {path.name for path in MADE if path.parent.name == "adapters"}


def test_words_are_kept_only_for_what_exists() -> None:
    """A setting that was removed leaves no text behind."""
    meant = {
        f"{section.__name__}.{field.name}" for _, section in sections() for field in msgspec.structs.fields(section)
    }
    assert set(read("settings")["meanings"]) == meant
    assert set(read("commands")["commands"]) == {" ".join(path) for path, _ in commands()}


def test_the_schema_describes_every_field() -> None:
    schema = json.loads((ROOT / "docs/reference/remit.schema.json").read_text(encoding="utf-8"))
    fields = [shape for definition in schema["$defs"].values() for shape in definition.get("properties", {}).values()]
    assert len(fields) > 50
    assert [shape for shape in fields if not shape.get("description")] == []


@pytest.mark.parametrize(
    ("name", "block"),
    [(name, block) for name, text in pages().items() for block in code_blocks(text, "yaml") if "public_url" in block],
    ids=lambda value: value if value.endswith(".md") else "yaml",
)
def test_a_whole_configuration_in_the_documentation_is_one(name: str, block: str) -> None:
    assert msgspec.convert(yaml.safe_load(block), Settings).public_url, name


@pytest.mark.parametrize(
    "block",
    [block for text in pages().values() for block in code_blocks(text, "yaml") if "public_url" not in block],
    ids=lambda block: block.split("\n")[0],
)
def test_a_part_of_a_configuration_in_the_documentation_fits_its_place(block: str) -> None:
    part = yaml.safe_load(block)
    known = set(Settings.__struct_fields__)
    if not set(part) <= known:
        assert "test" in block or "tests" in part, "a yaml block is a part of remit.yaml or a policy test"
        return
    whole = {"public_url": "http://127.0.0.1:8700", "tenants": ["acme"], "environments": ["dev"]} | part
    assert msgspec.convert(whole, Settings).tenants


def test_the_readme_is_the_projects_readme() -> None:
    assert 'readme = "README.md"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert page("README.md").startswith("# Remit\n")
