"""Names that people cannot tell apart."""

from __future__ import annotations

import pytest

from remit.core.errors import Refusal
from remit.core.names import confusable, require_server_name, require_tool_name


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


def test_a_server_name_that_looks_like_another_is_refused() -> None:
    require_server_name("files", ["git", "files"])
    with pytest.raises(Refusal, match="looks like"):
        require_server_name("fi1es", ["git", "files"])
    with pytest.raises(Refusal, match="expected"):
        require_server_name("Files", [])


@pytest.mark.parametrize("name", ["", "x" * 129, "r\u0435ad", "a/b", "a b", "a\n"])
def test_g4_a_tool_name_outside_the_specification_is_refused_and_its_twins_are_not(name: str) -> None:
    for twin in ("a", "A.b_c-1", "x" * 128):
        require_tool_name(twin)
    with pytest.raises(Refusal):
        require_tool_name(name)
