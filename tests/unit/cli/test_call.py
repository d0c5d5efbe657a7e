"""`remit call`: how words become arguments, and how each kind of answer ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from remit.cli.call import parsed_arguments, report
from remit.cli.mcp_client import McpClient, Reply
from remit.cli.output import CommandFailed, Exit
from remit.core.errors import refuse
from remit.core.reasons import Reason
from tests.unit.cli.conftest import Running

DECISION = {
    "decision_id": "dec_7Q2K",
    "reason": "policy_no_permit",
    "near_miss": {"policy": "write-inside (acme/files.cedar:12)", "failed": ['context.args.path like "/workspace/*"']},
    "next": "see remit explain with the decision id",
}

GRANTED = {"grant": {"id": "grt_1"}, "access_token": "secret-token"}


def denied(decision: dict[str, Any]) -> Reply:
    return Reply(200, {"isError": True, "content": [], "_meta": {"io.remit/decision": decision}})


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("a=text", "text"),
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ('a={"b": 1}', {"b": 1}),
        ("a=", ""),
        ("a=null", "null"),
        ("a=[1]", "[1]"),
        ('a="quoted"', '"quoted"'),
        ("a=b=c", "b=c"),
        ("a:=[1]", [1]),
        ('a:="1"', "1"),
        ("a:=null", None),
        ("a=NaN", "NaN"),
        ("a=-Infinity", "-Infinity"),
        ("a=1e400", "1e400"),
        ('a={"b": 1e400}', '{"b": 1e400}'),
        pytest.param("a=" + "[" * 100_000, "[" * 100_000, id="nested"),
    ],
)
def test_a_word_is_text_unless_it_is_a_number_boolean_or_object_or_is_forced(word: str, value: object) -> None:
    found = parsed_arguments([word])["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("words", "said", "to_do"),
    [
        (["a"], "expected NAME=VALUE, found 'a'", "write a=TEXT"),
        (['{"a": 1}'], "expected NAME=VALUE, found '{\"a\": 1}'", "write its members one by one: NAME=VALUE"),
        (["=1"], "expected NAME=VALUE, found '=1'", "write NAME=VALUE"),
        (["a:=nonsense"], "a: not JSON: 'nonsense'", "a:='[1, 2]'"),
        (["a:=NaN"], "a: not JSON: 'NaN'", "a:='[1, 2]'"),
        (["a:=[1e400]"], "a: not JSON: '[1e400]'", "a:='[1, 2]'"),
        (["a:=" + "[" * 100_000], "a: not JSON: '[[[", "a:='[1, 2]'"),
        (["a=1", "a=2"], "a is given twice", "a:='[1, 2]'"),
        (["a=\udcff"], "expected UTF-8 text, found 'a=\\udcff'", "UTF-8"),
    ],
)
def test_a_word_that_is_no_argument_is_a_usage_error(words: list[str], said: str, to_do: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        parsed_arguments(words)
    assert failed.value.code is Exit.USAGE
    assert failed.value.message.startswith(said)
    assert to_do in failed.value.next_step


@pytest.mark.parametrize(
    ("status", "error", "code", "said", "to_do"),
    [
        (400, {"code": -32600, "message": "big", "data": {"reason": "number_out_of_range", "next": "send it as text"}},
         Exit.USAGE, "big", "send it as text"),
        (401, {"code": -31002, "message": "expired", "data": {"reason": "token_expired", "next": "get a new token"}},
         Exit.DENIED, "expired", "get a new token"),
        (403, {"code": 1, "message": "no"}, Exit.DENIED, "no", ""),
        (200, {"code": -32602, "message": "bad branch"}, Exit.FINDINGS, "bad branch", ""),
        (400, {"code": -32602, "message": "bad", "data": {"reason": "of its own"}}, Exit.FINDINGS, "bad", ""),
        (503, {"code": -31003, "message": "no"}, Exit.UNREACHABLE, "no", "remit check"),
        (404, {"code": 0, "message": "HTTP 404"}, Exit.UNREACHABLE, "HTTP 404", "public_url"),
    ],
)  # fmt: skip
def test_an_error_without_a_decision_ends_by_whose_it_is(
    status: int, error: dict[str, Any], code: Exit, said: str, to_do: str
) -> None:
    with pytest.raises(CommandFailed) as failed:
        report("git/git_log", Reply(status, None, error), as_json=False)
    assert (failed.value.code, failed.value.message) == (code, said)
    assert to_do in failed.value.next_step


def test_a_denial_names_decision_policy_and_near_miss_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("files/write_file", denied(DECISION), as_json=False) == Exit.DENIED
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        'DENIED dec_7Q2K  policy_no_permit  near miss: "write-inside" (acme/files.cedar:12) would permit if '
        'context.args.path like "/workspace/*"'
    )


def test_a_forbid_names_its_policy(capsys: pytest.CaptureFixture[str]) -> None:
    forbidden = {"decision_id": "dec_1", "reason": "policy_forbid", "policy": ["no-secrets (acme/files.cedar:3)"]}
    assert report("files/read", denied(forbidden), as_json=False) == Exit.DENIED
    assert 'policy "no-secrets" (acme/files.cedar:3)' in capsys.readouterr().out


def test_the_tools_own_answer_is_printed_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    reply = Reply(200, {"content": [{"type": "text", "text": "three commits"}]})
    assert report("git/git_log", reply, as_json=False) == Exit.OK
    assert capsys.readouterr().out == "three commits\n"


def test_an_error_of_the_tool_is_not_a_denial(capsys: pytest.CaptureFixture[str]) -> None:
    reply = Reply(200, {"isError": True, "content": [{"type": "text", "text": "no such branch"}]})
    assert report("git/git_log", reply, as_json=True) == Exit.FINDINGS
    assert json.loads(capsys.readouterr().out)["outcome"] == "tool_error"


def test_an_outage_is_not_a_denial(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"io.remit/outage": {"decision_id": "dec_2", "reason": "upstream_unreachable"}}
    reply = Reply(502, None, {"code": -31003, "message": "the server cannot be reached", "data": data})
    assert report("git/git_log", reply, as_json=False) == Exit.UNREACHABLE
    assert capsys.readouterr().out.startswith("OUTAGE dec_2  upstream_unreachable")


def test_what_a_server_says_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    reply = Reply(200, {"content": [{"type": "text", "text": "\x1b]0;owned\x07 \u202egnp.exe"}]})
    report("git/git_log", reply, as_json=False)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "owned" in out


class TestCommand:
    """The grant that a call lives by."""

    def test_covers_the_tool_alone_and_is_ended_even_when_nobody_answers(
        self, remit: Callable[..., tuple[int, str, str]], running: Running
    ) -> None:
        running.answers |= {"grant.create": GRANTED, "grant.end": {"grants": []}}
        code, _, err = remit("call", "files/write_file", "path=/x", "--as", "engineer")
        assert code == Exit.UNREACHABLE
        assert "secret-token" not in err
        (_, asked), (ended, which) = running.asked
        assert (asked["tools"], asked["scopes"], asked["resource"]) == (["files/write_file"], [], "/mcp/files")
        assert (asked["client"], asked["environment"], asked["ttl_s"]) == ("acme-client", "dev", 60)
        assert (ended, which) == ("grant.end", {"grant": "grt_1"})

    def test_tells_its_administrator_which_argument_did_not_fit(
        self, remit: Callable[..., tuple[int, str, str]], running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        misfit = denied({"decision_id": "dec_1", "reason": "args_schema", "next": "correct the arguments"})
        monkeypatch.setattr(McpClient, "call", lambda *_: misfit)
        running.answers |= {"grant.create": GRANTED, "grant.end": {"grants": []}}
        assert remit("call", "files/write_file", "--as", "engineer")[0] == Exit.DENIED  # not told is no failure
        running.answers["explain"] = {"detail": '"path" is a required property'}
        code, out, _ = remit("call", "files/write_file", "--as", "engineer")
        assert code == Exit.DENIED
        assert 'found: "path" is a required property' in out

    @pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGHUP])
    def test_ends_its_grant_whatever_ends_it(
        self,
        remit: Callable[..., tuple[int, str, str]],
        running: Running,
        monkeypatch: pytest.MonkeyPatch,
        number: signal.Signals | None,
    ) -> None:
        def interrupted(*_: object) -> None:
            if number is None:
                raise KeyboardInterrupt
            signal.raise_signal(number)

        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
        monkeypatch.setattr(McpClient, "call", interrupted)
        running.answers |= {"grant.create": GRANTED, "grant.end": {"grants": ["grt_1"]}}
        code, out, err = remit("call", "files/write_file", "--as", "engineer")
        assert (code, out) == (Exit.INTERRUPTED, "")
        assert err.startswith("error  interrupted\n       the call was cancelled and its grant ended")
        assert running.asked[-1] == ("grant.end", {"grant": "grt_1"})
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before

    @pytest.mark.parametrize(
        ("tool", "said"),
        [
            ("files/write_fiel", "found: files offers no write_fiel; did you mean 'write_file'?\n"),
            ("files/zzz", "found: files offers no zzz\n"),
            ("files/write_file", "tool_unknown\n  next:"),  # there, but not for this account
        ],
    )
    def test_tells_which_tool_may_have_been_meant(
        self,
        remit: Callable[..., tuple[int, str, str]],
        running: Running,
        monkeypatch: pytest.MonkeyPatch,
        tool: str,
        said: str,
    ) -> None:
        unknown = {"decision_id": "dec_1", "reason": "tool_unknown", "next": "list first, then call"}
        reply = Reply(400, None, {"code": -32602, "message": "", "data": {"io.remit/decision": unknown}})
        monkeypatch.setattr(McpClient, "call", lambda *_: reply)
        running.answers |= {"grant.create": GRANTED, "grant.end": {"grants": []}}
        running.answers["server.list"] = {
            "servers": [{"name": "files", "health": "ok", "tool_names": ["files/write_file", "files/read"]}]
        }
        code, out, _ = remit("call", tool, "--as", "engineer")
        assert code == Exit.DENIED
        assert "unreachable" not in out
        assert said in out
        assert "next: remit server list --tools" in out

    def test_does_not_deny_a_tool_of_a_server_nobody_could_ask(
        self, remit: Callable[..., tuple[int, str, str]], running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unknown = {"decision_id": "dec_1", "reason": "tool_unknown", "next": "list first, then call"}
        monkeypatch.setattr(McpClient, "call", lambda *_: denied(unknown))
        running.answers |= {"grant.create": GRANTED, "grant.end": {"grants": []}}
        running.answers["server.list"] = {"servers": [{"name": "files", "health": "unreachable", "tool_names": []}]}
        out = remit("call", "files/read", "--as", "engineer")[1]
        assert "found: files is unreachable, so its tools are not known\n" in out

    @pytest.mark.parametrize(
        ("words", "to_do"),
        [
            (("call", "flies/read", "--as", "engineer"), "did you mean 'files'? servers: files"),
            (("call", "files/read", "--as", "engineer", "--client", "ac"), "clients: acme-client"),
            (("call", "files/read", "--as", "engineer"), "what the refusal says"),
        ],
    )
    def test_names_what_there_is_when_a_name_is_not(
        self, remit: Callable[..., tuple[int, str, str]], running: Running, words: tuple[str, ...], to_do: str
    ) -> None:
        refusal = refuse(Reason.SERVER_UNKNOWN, "what was found")
        running.answers["grant.create"] = refusal
        code, _, err = remit(*words)
        assert code == Exit.DENIED
        assert f"next   {to_do}" in err.replace(refusal.meaning.next, "what the refusal says")

    def test_wants_to_know_the_client_where_there_are_several(
        self, remit: Callable[..., tuple[int, str, str]], running: Running
    ) -> None:
        code, _, err = remit("call", "files/read", "--as", "analyst")
        assert code == Exit.USAGE
        assert "name one with --client: one, two" in err
        assert running.asked == []

    def test_does_not_invent_an_account(self, remit: Callable[..., tuple[int, str, str]], running: Running) -> None:
        code, _, err = remit("call", "files/read", "--as", "nobody")
        assert code == Exit.USAGE
        assert "next   accounts: analyst, engineer" in err
        assert "did you mean 'engineer'? accounts:" in remit("call", "files/read", "--as", "enginer")[2]
        assert running.asked == []
