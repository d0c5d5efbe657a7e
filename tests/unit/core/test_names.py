"""Names that people cannot tell apart."""

from __future__ import annotations

import pytest

from remit.core.names import confusable


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("read_file", "read-file"),
        ("paypal", "paypa1"),
        ("Read_File", "read_file"),
        ("modern", "rnodern"),
        ("g0", "go"),
        ("view", "vlew"),
    ],
)
def test_look_alikes_are_found(name: str, twin: str) -> None:
    assert confusable(name, ["other", twin]) == twin


@pytest.mark.parametrize("others", [["read_file"], ["readfile", "read_files"], []])
def test_a_name_does_not_look_like_itself_or_like_others(others: list[str]) -> None:
    assert confusable("read_file", others) == ""
