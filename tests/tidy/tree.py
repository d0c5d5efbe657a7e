"""The files of this project, as the house rules see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("src", "tests", "tools", "bench", "examples")
MADE_NOT_WRITTEN = {"build", "dist", "node_modules", "__pycache__", ".git"}  # in a git worktree .git is a file
DOT_FOLDERS = {".ci", ".github"}


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path from the project's root with forward slashes, its text, its parsed form."""

    path: str
    text: str
    tree: ast.Module

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.path.split("/"))

    def within(self, *folders: str) -> bool:
        return any(self.path.startswith(f"{folder}/") for folder in folders)


def parse(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text, filename=path))


@cache
def paths() -> tuple[str, ...]:
    """Every file, tracked or about to be. Walked, not asked of git, so that an unpacked archive is checked too."""
    return tuple(sorted(str(path.relative_to(ROOT)) for path in _walk(ROOT)))


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file under the folders that hold code."""
    return tuple(
        parse(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in paths()
        if path.endswith(".py") and path.split("/")[0] in CODE
    )


def texts() -> Iterator[tuple[str, str]]:
    """Every file that is text, with its content."""
    for path in paths():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode("utf-8", errors="replace")


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_symlink() or entry.name in MADE_NOT_WRITTEN:
            continue
        if entry.is_dir():
            if not entry.name.startswith(".") or entry.name in DOT_FOLDERS:
                yield from _walk(entry)
        else:
            yield entry
