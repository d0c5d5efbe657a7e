"""`remit demo` asks before it fetches anything, and where nobody can answer it fetches nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.app.peers.prepare import missing

Command = Callable[..., tuple[int, str, str]]
NAMES = ("git", "time", "filesystem", "everything")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REMIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_with_nobody_to_ask_it_fetches_nothing(
    remit: Command, nothing_fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, out, err = remit("demo")
    assert (code, out) == (2, "")
    assert "remit demo --yes" in err
    assert list(nothing_fetched.iterdir()) == []


@pytest.mark.parametrize("answer", ["\n", "n\n", "", "nope\n"])
def test_anything_but_yes_is_no(
    remit: Command, nothing_fetched: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, out, err = remit("demo")
    assert (code, out) == (2, "")
    assert "Fetch git, time, filesystem, everything from PyPI and npm" in err
    assert list(nothing_fetched.iterdir()) == []


def test_what_is_not_there_is_missing(nothing_fetched: Path) -> None:
    assert missing(NAMES) == list(NAMES)
