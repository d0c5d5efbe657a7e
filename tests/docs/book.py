"""The documentation as text: which pages there are, and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRONT = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def pages() -> dict[str, str]:
    """Every page by its path from the project's root."""
    found = [ROOT / name for name in FRONT] + sorted((ROOT / "docs").rglob("*.md"))
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in found}


def page(name: str) -> str:
    return pages()[name]


def prose(text: str) -> str:
    """The text without its code blocks."""
    return CODE_BLOCK.sub("", text)


def code_blocks(text: str, language: str | None = None) -> Iterator[str]:
    for found in CODE_BLOCK.finditer(text):
        if language is None or found[1] == language:
            yield found[2]


def links(text: str) -> Iterator[str]:
    """The targets of inline links, images included, web addresses left out."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(text: str) -> set[str]:
    """What `#…` may point to: headings as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table_rows(text: str, columns: int) -> list[list[str]]:
    """The cells of every table row with so many columns, heads included."""
    rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if len(row) == columns]
