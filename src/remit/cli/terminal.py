"""Text from servers and clients, made safe to show: a terminal obeys what it is sent."""

from __future__ import annotations

import sys
import unicodedata

KEPT = frozenset("\n\t")
# Control, format (bidirectional, zero width), surrogate, private.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def shown(text: object) -> str:
    """The text with every character that a terminal would obey or a person would not see written as its escape."""
    return "".join(
        character
        if character in KEPT or unicodedata.category(character) not in UNSEEN
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in str(text)
    )


def one_line(text: object, width_max: int = 160) -> str:
    """The text on one line, cut where it gets long."""
    line = " ".join(shown(text).split())
    return line if len(line) <= width_max else f"{line[: width_max - 1]}…"


def cause(problem: BaseException) -> str:
    """What went wrong, without the number an operating system has for it."""
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror
    return str(problem) or type(problem).__name__


def somebody_answers() -> bool:
    """Whether a person sits at stdin."""
    return sys.stdin is not None and sys.stdin.isatty()
