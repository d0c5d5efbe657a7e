"""`remit account`: which link is asked for, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.unit.cli.conftest import Running

Command = Callable[..., tuple[int, str, str]]
MADE = {
    "account": "engineer", "link": "http://localhost/password?link=abc", "expires_in_s": 86400, "decision_id": "dec_1",
}  # fmt: skip


@pytest.mark.parametrize("how", ["invite", "first", "recover"])
def test_a_link_is_asked_for_and_told(remit: Command, running: Running, how: str) -> None:
    running.answers[f"account.{how}"] = MADE
    code, out, _ = remit("account", how, "engineer")
    assert code == 0
    assert MADE["link"] in out
    assert "For engineer, good once and for 24 hours." in out
    assert running.asked == [(f"account.{how}", {"account": "engineer"})]
    _, out, _ = remit("account", how, "engineer", "--json")
    assert json.loads(out)["link"] == MADE["link"]


def test_the_first_account_need_not_be_named_and_another_has_to_be(remit: Command, running: Running) -> None:
    running.answers["account.first"] = MADE
    assert remit("account", "first")[0] == 0
    assert running.asked == [("account.first", {"account": ""})]
    assert remit("account", "recover")[0] == 2
