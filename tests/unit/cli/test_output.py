"""What its streams do to a command: nobody reads, nothing fits, nothing is there, somebody presses Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REMIT = [sys.executable, "-m", "remit"]
INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import remit.__main__ as m; m.main()"
)
NO_ROOM = "ulimit -f 0; "  # as on a full disk: no file may grow
Ended = tuple[int, str, str]


def ended(*words: str, redirected: str = "", stdout: int = subprocess.PIPE, **environment: str) -> Ended:
    """The exit code, stdout and stderr of a command, its streams as the shell was told."""
    limits, _, redirection = redirected.rpartition("; ")
    command = ["/bin/sh", "-c", f'{limits or ":"}; exec "$@" {redirection}', "sh", *REMIT, *words]
    told = {**os.environ, **environment}
    done = subprocess.run(command, check=False, stdout=stdout, stderr=subprocess.PIPE, env=told, text=True)
    return done.returncode, done.stdout, done.stderr


def unread(*words: str, **environment: str) -> tuple[int, str]:
    """The same of a command whose reader left before it began."""
    read, write = os.pipe()
    os.close(read)
    try:
        code, _, err = ended(*words, stdout=write, **environment)
    finally:
        os.close(write)
    return code, err


@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [(["version"], ""), (["version"], "1"), (["--help"], ""), (["check", "--offline", "--json"], "")],
)
def test_a_reader_who_has_seen_enough_is_no_failure(configured: Path, words: list[str], unbuffered: str) -> None:
    assert unread(*words, PYTHONUNBUFFERED=unbuffered) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_that_failed_says_so_even_if_nobody_reads_its_data(configured: Path, unbuffered: str) -> None:
    code, err = unread("server", "lst", "--json", PYTHONUNBUFFERED=unbuffered)
    assert (code, len(err.splitlines())) == (2, 2)
    assert err.startswith("error  Unknown command")


@pytest.mark.parametrize(("words", "unbuffered"), [(["version"], "1"), (["check", "--offline"], ""), (["--help"], "")])
def test_data_that_cannot_be_written_is_told(configured: Path, words: list[str], unbuffered: str) -> None:
    redirected = f"{NO_ROOM}> {configured}/out"
    code, _, err = ended(*words, redirected=redirected, PYTHONUNBUFFERED=unbuffered)
    assert code == 5
    assert err.startswith("error  what the command says could not be written\n       File too large\nnext   ")
    assert ended(*words, redirected=f"> {configured}/out")[::2] == (0, "")


@pytest.mark.parametrize("redirected", ["2>&-", f"{NO_ROOM}2> err"])
def test_an_error_never_becomes_data(configured: Path, monkeypatch: pytest.MonkeyPatch, redirected: str) -> None:
    """Without a stderr it is told to nobody; stdout is for data."""
    monkeypatch.chdir(configured)
    assert ended("server", "lst", redirected=redirected) == (2, "", "")
    assert ended("server", "lst")[2].startswith("error  ")


def test_a_command_without_a_stdout_does_its_work(configured: Path) -> None:
    assert ended("check", "--offline", redirected=">&-", NO_COLOR="") == (0, "", "")


def test_what_the_terminal_has_no_characters_for_is_escaped(configured: Path) -> None:
    folder = configured / "policies" / "acme"
    folder.mkdir(parents=True)
    (folder / "zürich.cedar").write_text("permit")
    code, out, _ = ended("policy", "check", PYTHONIOENCODING="ascii")
    assert code == 1
    assert "acme/z\\xfcrich.cedar:1" in out
    assert "acme/zürich.cedar:1" in ended("policy", "check", PYTHONIOENCODING="utf-8")[1]


def test_ctrl_c_ends_a_command_with_130_and_without_a_traceback(configured: Path) -> None:
    key = configured / "key"
    os.mkfifo(key)
    command = [sys.executable, "-c", INTERRUPTIBLE, "audit", "verify", "--key", str(key), str(configured)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with key.open("wb"):  # it waits for its key now
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, out, err) == (130, "", "error  interrupted\n")
