"""How every command ends: its exit code, its streams, and one line instead of a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from remit import __version__
from remit.adapters.ledger.segment import claim
from remit.cli import audit
from remit.cli.main import COMMANDS, GROUPS, build
from remit.core.errors import refuse
from remit.core.reasons import Reason
from tests.unit.cli.conftest import Running

Command = Callable[..., tuple[int, str, str]]
STATUS = {"servers": []}


def test_version_is_data_on_stdout(remit: Command) -> None:
    code, out, err = remit("version")
    assert (code, err) == (0, "")
    assert __version__ in out
    assert json.loads(remit("version", "--json")[1])["schema"] == "remit/version/1"


def test_version_loads_no_command_parser() -> None:
    """What makes a command slow to start is what it imports."""
    script = "import sys\nfrom remit.cli.main import run\nrun(['version'])\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"cyclopts", "rich", "yaml", "msgspec", "asyncio", "cryptography", "remit.app"}


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_every_command_explains_itself_without_a_configuration(remit: Command, name: str) -> None:
    code, out, err = remit(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith("Usage: remit")


def test_every_command_that_is_listed_exists() -> None:
    app = build()
    assert all(app[name] for name in [*COMMANDS, *GROUPS])


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["grant", "create"],
        ["grant", "create", "--user", "a", "--client", "b", "--purpose", "c", "--ttl", "soon"],
        ["revoke"],
        ["revoke", "--user", "a", "--tenant", "b"],
        ["explain"],
        ["call", "no-slash", "--as", "engineer"],
        ["call", "files/read", "nonsense", "--as", "engineer"],
        ["audit", "verify", "/tmp"],
        ["server", "list", "--no-such-option"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(remit: Command, configured: Path, words: list[str]) -> None:
    code, out, err = remit(*words)
    assert (code, out) == (2, "")
    assert err.startswith("error  ")
    assert "Traceback" not in err
    code, out, _ = remit(*words, "--json")
    assert code == 2
    assert json.loads(out)["schema"] == "remit/error/1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain"], "error  DECISION is missing\n"),
        (["key", "rotate", "now"], "error  too much on the command line: 'now'\n"),
        (["chekc"], 'error  Unknown command "chekc". Did you mean "check"?\n'),
    ],
)
def test_a_wrong_command_line_is_told_in_plain_words(remit: Command, words: list[str], said: str) -> None:
    assert remit(*words)[2].startswith(said)


def test_a_name_the_running_remit_does_not_know_is_said_first(remit: Command, running: Running) -> None:
    running.answers["server.diff"] = refuse(Reason.INVALID_PARAMS, "no server 'foo'")
    assert remit("server", "diff", "foo")[2] == "error  no server 'foo'\nnext   remit server list shows yours\n"
    running.answers["server.diff"] = refuse(Reason.ROLE_MISSING)
    assert "ask an administrator" in remit("server", "diff", "foo")[2]


def test_a_missing_configuration_is_named(remit: Command, tmp_path: Path) -> None:
    code, out, err = remit("server", "list", "--config", str(tmp_path / "none.yaml"))
    assert (code, out) == (3, "")
    assert f"{tmp_path}/none.yaml: not found" in err


def test_a_faulty_configuration_is_told_with_a_suggestion(remit: Command, tmp_path: Path) -> None:
    path = tmp_path / "remit.yaml"
    path.write_text("public_url: http://127.0.0.1:1\ntenants: [a]\nenvironments: [dev]\nacounts: {}\n")
    code, _, err = remit("server", "list", "--config", str(path))
    assert code == 3
    assert "accounts" in err


def test_nobody_at_the_socket_is_unreachable_and_says_how_to_start(remit: Command, configured: Path) -> None:
    code, out, err = remit("server", "list")
    assert (code, out) == (5, "")
    assert "remit serve" in err


@pytest.mark.parametrize(
    "words", [["server", "approve", "files"], ["audit", "prove", "dec_1", "--arguments", "-"], ["demo"]]
)
def test_a_closed_stdin_is_nobody_to_ask(
    remit: Command, running: Running, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    change = {"drift": "added", "kind": "tool", "name": "x", "digest": "d"}
    running.answers["server.diff"] = {"changes": [change]}
    monkeypatch.setenv("REMIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.stdin", None)
    code, out, err = remit(*words)
    assert (code, out) == (2, "")
    assert "\nnext   " in err


def test_a_second_remit_says_that_there_is_a_first(remit: Command, configured: Path) -> None:
    lock = claim(configured / "state" / "ledger")
    try:
        code, out, err = remit("serve")
    finally:
        os.close(lock)
    assert (code, out) == (5, "")
    assert "another process writes the ledger" in err
    assert "next   remit doctor" in err


def test_somebody_at_the_socket_is_heard(remit: Command, running: Running) -> None:
    running.answers["server.list"] = STATUS
    assert remit("server", "list")[:2] == (0, "no servers are registered\n")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.ROLE_MISSING, 4),
        (Reason.GRANT_ENDED, 4),
        (Reason.INVALID_PARAMS, 2),
        (Reason.LEDGER_UNAVAILABLE, 5),
    ],
)
def test_each_kind_of_refusal_has_its_exit_code(remit: Command, running: Running, reason: Reason, code: int) -> None:
    refusal = refuse(reason, "what was found")
    refusal.decision_id = "dec_X"
    running.answers["server.list"] = refusal
    found, out, err = remit("server", "list")
    assert (found, out) == (code, "")
    assert "what was found" in err
    assert "remit explain dec_X" in err
    error = json.loads(remit("server", "list", "--json")[1])["error"]
    assert (error["reason"], error["decision_id"]) == (reason.value, "dec_X")


def test_bytes_that_are_no_text_are_a_usage_error(remit: Command, running: Running) -> None:
    running.answers["grant.list"] = {"grants": []}
    code, out, err = remit("grant", "list", "--user", "caf\udce9")
    assert (code, out) == (2, "")
    assert "expected UTF-8 text, found" in err
    assert "caf\\udce9" in err
    assert running.asked == []
    assert remit("grant", "list", "--user", "café")[0] == 0


def test_a_fault_of_ours_is_one_line_and_a_traceback_only_on_request(remit: Command, running: Running) -> None:
    running.answers["server.list"] = {"unexpected": 1}
    code, out, err = remit("server", "list")
    assert (code, out) == (6, "")
    assert "Traceback" not in err
    assert "--debug" in err
    assert "Traceback" in remit("server", "list", "--debug")[2]


@pytest.mark.parametrize(("words", "code"), [(["--follow"], 0), ([], 130)])
def test_ctrl_c_is_how_following_ends_and_an_interruption_of_all_else(
    remit: Command, configured: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    def records(*_: object) -> Iterator[Mapping[str, str]]:
        yield {"id": "dec_1"}
        raise KeyboardInterrupt

    monkeypatch.setattr(audit, "_followed", records)
    monkeypatch.setattr(audit, "_records", records)
    found, out, err = remit("audit", "tail", *words)
    assert found == code
    assert "dec_1" in out
    assert err == ("error  interrupted\n" if code else "")
    assert [json.loads(line)["schema"] for line in remit("audit", "tail", *words, "--json")[1].splitlines()] == [
        "remit/audit-record/1",
        *(["remit/error/1"] if code else []),
    ]
