"""`remit proposal`, and what every other command says where its act waits for a second person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from remit.core.errors import refuse
from remit.core.reasons import Reason
from tests.unit.cli.conftest import Running

Remit = Callable[..., tuple[int, str, str]]
PROPOSAL: dict[str, Any] = {
    "id": "prp_1", "act": "account.invite", "arguments": {"account": "engineer"}, "digest": "d" * 64, "by": "alice",
    "tenants": ["acme"], "state": "open", "proposed_at_s": 1.0, "expires_at_s": 2.0,
}  # fmt: skip
DONE = {"act": "account.invite", "result": {"link": "https://x"}, "decision_id": "dec_1"}


def test_an_act_that_waits_says_what_to_do_next_and_is_no_failure(running: Running, remit: Remit) -> None:
    running.answers["account.invite"] = {"proposal": PROPOSAL}
    code, out, _ = remit("account", "invite", "engineer")
    assert (code, out.splitlines()[0].split("  ")[:3]) == (0, ["PROPOSED", "account.invite", "prp_1"])
    assert "remit proposal confirm prp_1" in out
    code, out, _ = remit("account", "invite", "engineer", "--json")
    assert json.loads(out) == {"schema": "remit/proposal/1", "proposal": PROPOSAL}


def test_each_item_of_a_server_waits_by_itself(running: Running, remit: Remit) -> None:
    change = {"drift": "changed", "kind": "tool", "name": "a", "before": None, "after": None, "digest": "x"}
    running.answers["server.diff"] = {"changes": [change, change | {"name": "b"}]}
    running.answers["server.approve"] = lambda asked: {"proposal": PROPOSAL | {"id": asked["item"]}}
    code, out, _ = remit("server", "approve", "files", "--yes")
    assert (code, out.count("PROPOSED"), "tool/a" in out, "tool/b" in out) == (0, 2, True, True)


def test_what_waits_is_listed_and_what_is_over_only_if_asked_for(running: Running, remit: Remit) -> None:
    running.answers["proposal.list"] = {"proposals": [PROPOSAL, PROPOSAL | {"id": "prp_2", "state": "confirmed"}]}
    assert "prp_2" not in remit("proposal", "list")[1]
    assert "prp_2" in remit("proposal", "list", "--ended")[1]
    running.answers["proposal.list"] = {"proposals": []}
    assert remit("proposal", "list")[1] == "nothing waits for a second person\n"


def test_a_confirmation_is_for_what_was_shown(running: Running, remit: Remit) -> None:
    running.answers |= {"proposal.list": {"proposals": [PROPOSAL]}, "proposal.confirm": DONE}
    code, out, err = remit("proposal", "confirm", "prp_1", "--yes")
    assert (code, "https://x" in out) == (0, True)
    assert "account.invite for acme, proposed by alice" in err
    assert '"account": "engineer"' in err
    assert running.asked[-1] == ("proposal.confirm", {"proposal": "prp_1", "digest": "d" * 64})
    remit("proposal", "confirm", "prp_1", "--digest", "e")
    assert running.asked[-1] == ("proposal.confirm", {"proposal": "prp_1", "digest": "e"})


def test_nothing_is_confirmed_where_nobody_can_be_asked(running: Running, remit: Remit) -> None:
    running.answers |= {"proposal.list": {"proposals": [PROPOSAL]}, "proposal.confirm": DONE}
    code, _, err = remit("proposal", "confirm", "prp_1")
    assert (code, "nobody is there to be asked" in err) == (2, True)
    assert [act for act, _ in running.asked] == ["proposal.list"]
    code, _, err = remit("proposal", "confirm", "prp_9", "--yes")
    assert (code, "no proposal prp_9 that you may see" in err) == (2, True)


def test_whoever_proposed_it_is_told_to_ask_somebody_else(running: Running, remit: Remit) -> None:
    running.answers |= {
        "proposal.list": {"proposals": [PROPOSAL]},
        "proposal.confirm": refuse(Reason.SECOND_PERSON_NEEDED, "it was proposed by alice"),
    }
    code, _, err = remit("proposal", "confirm", "prp_1", "--yes")
    assert (code, "may not confirm it" in err) == (4, True)


def test_a_proposal_is_withdrawn(running: Running, remit: Remit) -> None:
    running.answers["proposal.withdraw"] = {"proposal": PROPOSAL | {"state": "withdrawn"}, "decision_id": "dec_1"}
    assert remit("proposal", "withdraw", "prp_1")[:2] == (0, "withdrawn  prp_1\n")
