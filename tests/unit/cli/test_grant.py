"""`remit grant` and `remit revoke`: what is asked of the running Remit, and what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from remit.cli.options import seconds
from remit.cli.output import CommandFailed
from remit.core.errors import refuse
from remit.core.reasons import Reason
from tests.unit.cli.conftest import Running

Command = Callable[..., tuple[int, str, str]]
GRANT: dict[str, Any] = {
    "id": "grt_1", "subject": "engineer", "client": "acme-client", "tenant": "acme", "environment": "dev",
    "purpose": "triage", "resource": "http://127.0.0.1:1/mcp", "scopes": ["git:git_log"], "expires_at_s": 4e9,
}  # fmt: skip
MADE = {
    "grant": GRANT, "access_token": "eyJ.secret", "token_type": "Bearer", "expires_in_s": 900, "decision_id": "dec_1",
}  # fmt: skip
CREATE = ("grant", "create", "--user", "engineer", "--client", "acme-client", "--purpose", "triage")
ENDED = {"grants": ["grt_1"], "calls": 2, "processes": 1, "elapsed_ms": 3.21, "decision_id": "dec_9"}


def test_a_grant_is_asked_for_word_by_word(remit: Command, running: Running) -> None:
    running.answers["grant.create"] = MADE
    code, out, err = remit(
        *CREATE, "--tool", "git/git_log", "--tool", "git/git_show", "--ttl", "5m", "--calls-max", "3"
    )
    assert code == 0
    assert "eyJ.secret" in out
    assert "eyJ.secret" not in err
    ((act, asked),) = running.asked
    assert act == "grant.create"
    assert asked == {
        "user": "engineer", "client": "acme-client", "purpose": "triage", "tools": ["git/git_log", "git/git_show"],
        "scopes": [], "resource": "/mcp", "ttl_s": 300.0, "presence": "autonomous", "calls_max": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "words", [["--tool", "git/x", "--ttl", "soon"], ["--tool", "git/x", "--calls-max", "0"], ["--tool"]]
)
def test_a_grant_for_no_time_or_no_calls_is_not_asked_for(remit: Command, running: Running, words: list[str]) -> None:
    assert remit(*CREATE, *words)[0] == 2
    assert running.asked == []


def test_a_grant_that_ends_sooner_than_asked_says_so(remit: Command, running: Running) -> None:
    running.answers["grant.create"] = MADE
    assert "2h was asked for" in remit(*CREATE, "--ttl", "2h")[2]
    assert "asked for" not in remit(*CREATE, "--ttl", "15m")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user", "enginer"), "did you mean 'engineer'? accounts: analyst, engineer"),
        (("--client", "acme"), "clients: acme-client"),
        (("--tool", "git/x"), "servers: files"),
        (("--tool", "theirs/x"), "servers: files"),
        (("--scope", "fils:x"), "did you mean 'files'? servers: files"),
    ],
)
def test_a_refused_grant_for_a_name_nobody_has_says_which_there_are(
    remit: Command, running: Running, words: tuple[str, ...], said: str
) -> None:
    running.answers["grant.create"] = refuse(Reason.INVALID_PARAMS, "no such name")
    named = dict(zip(CREATE[2::2], CREATE[3::2], strict=True)) | {"--tool": "files/read"} | dict([words])
    create = ("grant", "create", *(word for pair in named.items() for word in pair))
    code, _, err = remit(*create)
    assert code == 2
    assert err == f"error  no such name\nnext   {said}\n"
    assert remit(*CREATE, "--tool", "files/read")[2] == "error  no such name\n"


def test_a_list_for_a_name_nobody_has_asks_whether_it_is_right(remit: Command, running: Running) -> None:
    running.answers["grant.list"] = {"grants": []}
    assert "no tenant acne; is the name right?" in remit("grant", "list", "--tenant", "acne")[2]
    assert remit("grant", "list", "--tenant", "acme", "--user", "engineer")[1:] == ("no grants\n", "")


def test_a_revocation_of_a_name_nobody_has_asks_whether_it_is_right(remit: Command, running: Running) -> None:
    running.answers["revoke"] = {**ENDED, "grants": []}
    assert "no user enginer" in remit("revoke", "--user", "enginer")[2]
    assert remit("revoke", "--user", "engineer")[2] == ""
    assert remit("revoke", "--grant", "grt_9")[2] == ""


def test_a_grant_in_json_is_the_whole_answer(remit: Command, running: Running) -> None:
    running.answers["grant.create"] = MADE
    code, out, err = remit(*CREATE, "--scope", "git", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"schema": "remit/grant/1", **MADE}


def test_the_list_shows_live_grants_and_the_others_on_request(remit: Command, running: Running) -> None:
    live = {**GRANT, "state": "active", "calls_used": 1}
    running.answers["grant.list"] = {"grants": [live, {**live, "id": "grt_2", "state": "revoked"}]}
    assert "grt_2" not in remit("grant", "list")[1]
    code, out, _ = remit("grant", "list", "--ended", "--user", "engineer")
    assert code == 0
    assert "grt_1" in out
    assert "grt_2" in out
    assert running.asked[-1] == ("grant.list", {"user": "engineer"})


def test_ending_a_grant_tells_what_ended_and_how_fast(remit: Command, running: Running) -> None:
    running.answers["grant.end"] = ENDED
    code, out, _ = remit("grant", "end", "grt_1")
    assert code == 0
    assert "1 grant, 2 calls in flight, 1 process ended in 3.2 ms" in out


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["--user", "engineer"], {"user": "engineer"}),
        (["--server", "git"], {"server": "git"}),
        (["--all"], {"everything": True}),
    ],
)
def test_revoke_ends_exactly_what_was_named(
    remit: Command, running: Running, words: list[str], asked: dict[str, Any]
) -> None:
    running.answers["revoke"] = ENDED
    code, out, _ = remit("revoke", *words)
    assert code == 0
    assert out.startswith("REVOKED")
    assert running.asked == [("revoke", asked)]


def test_revoking_nothing_says_so(remit: Command, running: Running) -> None:
    running.answers["revoke"] = {"grants": [], "calls": 0, "processes": 0, "elapsed_ms": 0.1, "decision_id": "dec_9"}
    assert remit("revoke", "--user", "ghost")[1].startswith("nothing to end: user ghost has no live grant")


@pytest.mark.parametrize(("text", "expected"), [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("1.5m", 90)])
def test_a_length_of_time_has_a_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "1d", "m", "1 h", "∞"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed):
        seconds(text)
