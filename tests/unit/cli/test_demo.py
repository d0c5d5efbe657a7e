"""`remit demo` asks before it fetches anything, and where nobody can answer it fetches nothing."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.app.demo import FolderTaken, set_stage
from remit.app.peers.prepare import Peer, missing

Command = Callable[..., tuple[int, str, str]]
NAMES = ("git", "time", "filesystem", "everything")
PEERS = {name: Peer((f"/opt/{name}",), "1") for name in NAMES}


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


@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_folder_that_cannot_be_one_is_named(nothing_fetched: Path, folder: str) -> None:
    (nothing_fetched / "file").write_text("mine")
    with pytest.raises(FolderTaken, match=f"{folder} cannot be the demo's folder: Not a directory; name another"):
        set_stage(nothing_fetched / folder, PEERS)
    assert (nothing_fetched / "file").read_text() == "mine"


def test_a_folder_a_demo_runs_in_is_left_alone(nothing_fetched: Path) -> None:
    folder = nothing_fetched / "demo"
    stage = set_stage(folder, PEERS)
    stage.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(stage.socket))
        listening.listen()
        with pytest.raises(FolderTaken, match="a demo runs in"):
            set_stage(folder, PEERS)
        assert stage.configuration.exists()
    assert not set_stage(folder, PEERS).socket.exists()  # what it left behind when it ended is no demo


def test_what_is_not_there_is_missing(nothing_fetched: Path) -> None:
    assert missing(NAMES) == list(NAMES)
