"""`remit administrator`: who administers, and whom they let."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.cli.conftest import Running

Remit = Callable[..., tuple[int, str, str]]
ALICE: dict[str, Any] = {
    "name": "alice", "uid": 7, "account": "", "roles": {"acme": ["key"]}, "delegation": "", "delegated_by": "",
    "expires_at_s": None,
}  # fmt: skip
BOB = ALICE | {
    "name": "bob (delegated by alice)", "uid": None, "account": "bob", "delegation": "dlg_1", "delegated_by": "alice",
    "expires_at_s": 2.0, "roles": {"acme": []},
}  # fmt: skip


def test_who_administers_is_listed(running: Running, remit: Remit) -> None:
    running.answers["administrator.list"] = {"administrators": [ALICE, BOB]}
    code, out, _ = remit("administrator", "list")
    assert code == 0
    assert ("acme:key" in out, "acme:-" in out, "dlg_1" in out) == (True, True, True)
    running.answers["administrator.list"] = {"administrators": []}
    assert remit("administrator", "list")[1] == "nobody\n"


def test_somebody_is_let_administer_for_a_while(running: Running, remit: Remit) -> None:
    running.answers["administrator.delegate"] = {"administrator": BOB, "decision_id": "dec_1"}
    given = ("bob", "--role", "key", "--role", "audit", "--tenant", "acme", "--ttl", "2h")
    code, out, _ = remit("administrator", "delegate", *given)
    assert (code, "dlg_1" in out) == (0, True)
    asked = {"account": "bob", "roles": ["key", "audit"], "tenants": ["acme"], "ttl_s": 7200.0}
    assert running.asked[-1] == ("administrator.delegate", asked)
    assert remit("administrator", "delegate", "bob", "--role", "key")[0] == 2


def test_a_delegation_is_ended_by_its_id(running: Running, remit: Remit) -> None:
    running.answers["administrator.undelegate"] = {"ended": "dlg_1", "decision_id": "dec_1"}
    assert remit("administrator", "undelegate", "dlg_1")[:2] == (0, "ended  dlg_1\n")
