"""`remit login`, as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from remit.cli.login import TOLD
from remit.core.logins import Step
from tests.unit.cli.conftest import Running

Remit = Callable[..., tuple[int, str, str]]


def taken(step: str, detail: str = "", times: int = 1) -> dict[str, Any]:
    return {"step": step, "at_s": 1.0, "last_at_s": 2.0, "times": times, "detail": detail}


def a_login(*steps: dict[str, Any], **changed: Any) -> dict[str, Any]:
    login = {"login": "req_1", "begun_at_s": 1.0, "client": "desktop", "resource": "", "account": "", "grant": ""}
    return {**login, "last": steps[-1], **changed}


def test_every_step_has_words() -> None:
    assert set(TOLD) == {step.value for step in Step}


def test_a_login_is_told_line_by_line_with_what_to_look_at_next(running: Running, remit: Remit) -> None:
    steps = [taken("begun"), taken("sign_in_failed", "sign_in_failed: wrong", 3), taken("agreed")]
    running.answers["login.trace"] = a_login(*steps, account="engineer") | {"steps": steps, "left_out": 2}
    code, out, _ = remit("login", "trace", "req_1")
    assert code == 0
    assert running.asked == [("login.trace", {"login": "req_1"})]
    assert out.startswith("req_1  desktop  engineer\n")
    assert "signing in failed  (3 times, last " in out
    assert "2 steps in between are not kept" in out
    assert out.rstrip().endswith("next  the client has not come for its tokens: its own log says why")


def test_what_a_client_sent_is_made_safe_to_show(running: Running, remit: Remit) -> None:
    login = a_login(taken("refused", "client_unknown: \x1b[2J"), client="\x1b]0;x\x07")
    running.answers["login.list"] = {"logins": [login], "left_out": 0}
    running.answers["login.trace"] = login | {"steps": [login["last"]], "left_out": 0}
    for words in (("login", "list"), ("login", "trace", "req_1")):
        code, out, _ = remit(*words)
        assert (code, "\x1b" in out, "\\x1b" in out) == (0, False, True)


def test_the_list_says_what_it_leaves_out_and_when_there_is_none(running: Running, remit: Remit) -> None:
    running.answers["login.list"] = {"logins": [a_login(taken("begun"))], "left_out": 7}
    code, out, _ = remit("login", "list", "--user", "engineer", "--client", "desktop")
    assert (code, "and 7 more" in out) == (0, True)
    assert running.asked == [("login.list", {"user": "engineer", "client": "desktop"})]
    running.answers["login.list"] = {"logins": [], "left_out": 0}
    assert remit("login", "list")[1] == "no login is remembered\n"
    assert json.loads(remit("login", "list", "--json")[1])["schema"] == "remit/login-list/1"
