"""Rows, paragraphs and words: what every generated page is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORDS = Path(__file__).resolve().parent
HEAD = "<!-- Written by `make docs` from {source}. Do not edit here. -->\n\n"


class NoWords(Exception):
    """Something in the code that a reader would look up has no text."""


def read(name: str) -> dict[str, Any]:
    """The words of one file. Raises `NoWords` for a key without any, as an unquoted comma leaves behind."""
    found: dict[str, Any] = yaml.safe_load((WORDS / f"{name}.yaml").read_text("utf-8"))
    require(f"{entry}: {key}" for entry, key in _wordless(found, name))
    return found


def _wordless(found: object, within: str) -> Iterator[tuple[str, str]]:
    for key, words in found.items() if isinstance(found, dict) else ():
        if words is None:
            yield within, key
        yield from _wordless(words, f"{within} {key}")


def require(missing: Iterable[str]) -> None:
    lacking = list(missing)
    if lacking:
        raise NoWords("no text for " + ", ".join(lacking) + "; write it in tools/reference/")


def one_paragraph(text: str | None) -> str:
    return " ".join((text or "").split())


def row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ").strip() for cell in cells) + " |"


def joined(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"
