"""Which versions a server is said to speak."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from remit.core.catalog import Era
from remit.flows.discover import supported_versions
from tests.scenes.mcp import DISCOVERY, FILES, LEGACY, MODERN


def versions(said: Any, *eras: Era) -> list[str]:
    modern = DISCOVERY[Era.MODERN] | {"supportedVersions": said}
    return supported_versions(replace(FILES, eras=frozenset(eras), discovery={Era.MODERN: modern}))


@pytest.mark.parametrize(
    ("said", "eras", "told"),
    [
        ([MODERN, LEGACY, "1999-01-01"], (Era.MODERN, Era.LEGACY), [MODERN, LEGACY]),
        ([MODERN, LEGACY, "1999-01-01"], (Era.MODERN,), [MODERN]),
        (None, (Era.MODERN,), [MODERN]),
        ("2026", (Era.MODERN,), [MODERN]),
    ],
)
def test_of_the_versions_a_server_says_those_of_its_eras_are_told(
    said: Any, eras: tuple[Era, ...], told: list[str]
) -> None:
    assert versions(said, *eras) == told


def test_a_server_of_the_handshake_era_is_told_with_the_versions_it_agreed_to() -> None:
    assert versions(None, Era.LEGACY) == ["2025-06-18", LEGACY]
