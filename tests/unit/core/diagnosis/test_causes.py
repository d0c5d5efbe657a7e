"""Two strings that should be one."""

from __future__ import annotations

import pytest

from remit.core.diagnosis.causes import Difference


@pytest.mark.parametrize(
    ("expected", "found", "at"),
    [
        ("https://a/mcp", "https://a/mcp", -1),
        ("https://a/mcp", "https://a/mcp/", 13),
        ("https://a/mcp/", "https://a/mcp", 13),
        ("https://a/mcp", "http://a/mcp", 4),
        ("https://a/mcp", "https://\u0430/mcp", 8),
        ("", "x", 0),
        ("x", "", 0),
    ],
)
def test_the_first_character_that_differs_is_told(expected: str, found: str, at: int) -> None:
    assert Difference("url", expected, found).at == at
