"""`remit check`: what would keep Remit from starting is found before it is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]


def settings(folder: Path, **settings: str) -> Path:
    """The folder's configuration with these added."""
    path = folder / "remit.yaml"
    path.write_text(path.read_text() + "".join(f"{name}: {value}\n" for name, value in settings.items()))
    return path


def test_a_good_configuration_has_no_notes_but_about_its_policies(remit: Command, configured: Path) -> None:
    settings(configured, listen="127.0.0.1:1")
    code, out, _ = remit("check", "--offline")
    assert code == 0
    assert {line.split("  ")[0].strip() for line in out.splitlines() if "policies" not in line} == {"ok"}


def test_a_listener_elsewhere_than_clients_are_told_is_noted(remit: Command, configured: Path) -> None:
    settings(configured, listen="127.0.0.1:8700")
    code, out, _ = remit("check", "--offline")
    assert code == 0
    assert "http://127.0.0.1:1 is where clients go, 127.0.0.1:8700 where Remit listens" in out


@pytest.mark.parametrize(
    ("state_dir", "said"),
    [("remit.yaml", "is not a folder"), ("d" * 120, "a socket's path has at most")],
)
def test_a_state_dir_that_cannot_be_used_is_said_to_be(
    remit: Command, configured: Path, state_dir: str, said: str
) -> None:
    settings(configured, state_dir=state_dir)
    code, out, _ = remit("check", "--offline")
    assert code == 3
    (line,) = (line for line in out.splitlines() if "state_dir" in line)
    assert line.startswith("failed  state_dir")
    assert said in line


def test_a_file_that_is_no_text_is_said_to_be(remit: Command, configured: Path) -> None:
    path = settings(configured)
    path.write_bytes(path.read_bytes() + b"# caf\xe9\n")
    code, _, err = remit("check", "--offline")
    assert code == 3
    assert f"{path}: is not UTF-8 (byte {len(path.read_bytes()) - 2})" in err
