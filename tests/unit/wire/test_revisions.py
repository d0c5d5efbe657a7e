"""The tables of the protocol revisions."""

from __future__ import annotations

from remit.wire.revisions import (
    LEGACY_METHODS,
    LISTS,
    MODERN_METHODS,
    NAMED_BY,
    TASKS_EXTENSION,
    is_modern,
    without_tasks,
)


def test_g1_known_handshake_versions_and_none_are_legacy_and_all_else_is_modern() -> None:
    assert not any(is_modern(version) for version in (None, b"2024-11-05", b"2025-03-26", b"2025-06-18", b"2025-11-25"))
    assert all(is_modern(version) for version in (b"2026-07-28", b"v999.0.0", b"", b"2025-11-25 "))


def test_every_list_the_catalog_keeps_is_a_method_of_both_eras() -> None:
    assert LISTS | NAMED_BY.keys() <= MODERN_METHODS & LEGACY_METHODS


def test_each_era_has_its_own_opening() -> None:
    assert "server/discover" in MODERN_METHODS - LEGACY_METHODS
    assert {"initialize", "ping", "logging/setLevel"} <= LEGACY_METHODS - MODERN_METHODS


def test_g21_nobody_is_told_of_tasks_and_the_rest_stays() -> None:
    said = {"tools": {}, "tasks": {}, "extensions": {TASKS_EXTENSION: {}, "com.example/other": {}}}
    assert without_tasks(said) == {"tools": {}, "extensions": {"com.example/other": {}}}
    assert without_tasks({"tools": {}}) == {"tools": {}}
