"""Text from elsewhere cannot command the terminal, and loses nothing a person could read."""

from __future__ import annotations

import pytest

from remit.cli.terminal import one_line, shown


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\rb"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("\U000e0041", "\\U000e0041"),
        ("\udcff", "\\udcff"),
        ("Zürich 日本 🙂\n\tok", "Zürich 日本 🙂\n\tok"),
    ],
)
def test_what_would_be_obeyed_or_unseen_is_written_out(given: str, seen: str) -> None:
    assert shown(given) == seen


def test_a_line_stays_one_line_and_says_when_it_was_cut() -> None:
    assert one_line("a\n b\t c") == "a b c"
    assert one_line("x" * 20, 10) == "x" * 9 + "…"
