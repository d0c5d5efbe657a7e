"""What `explain` tells, and to whom."""

from __future__ import annotations

import pytest

from remit.core.errors import Invalid
from remit.flows.explain import explain, visible
from remit.testing.records import FakeRecords

ACME, GLOBEX = frozenset({"acme"}), frozenset({"globex"})
DENIAL = {
    "kind": "denial", "id": "dec_1", "at": "t", "tenant": "acme", "subject": "engineer", "reason": "policy_no_permit",
    "determining": [], "near_miss": {"policy": "w (files.cedar:12)", "failed": ["context.args.path like \"/srv/*\""]},
}  # fmt: skip
INTENT = {"kind": "intent", "id": "dec_2", "at": "t", "tenant": "acme", "determining": ["p (files.cedar:3)"]}
OUTCOME = {"kind": "outcome", "id": "dec_2", "at": "t", "tenant": "acme", "status": "ok"}


async def test_a_denial_names_its_reason_its_near_miss_and_the_next_step() -> None:
    story = await explain(FakeRecords([DENIAL]), "dec_1", ACME)
    assert (story["decision"], story["reason"]) == ("deny", "policy_no_permit")
    assert story["near_miss"]["policy"] == "w (files.cedar:12)"
    assert story["next"]


async def test_a_permit_names_its_policies_and_how_it_ended() -> None:
    story = await explain(FakeRecords([INTENT, OUTCOME]), "dec_2", ACME)
    assert (story["decision"], story["outcome"], story["determining"]) == ("permit", "ok", ["p (files.cedar:3)"])


async def test_an_intent_without_an_outcome_is_unknown_never_failed() -> None:
    story = await explain(FakeRecords([INTENT]), "dec_2", ACME)
    assert story["outcome"] == "unknown"


async def test_an_administrative_act_names_who_did_what_and_why_it_was_not_carried_out() -> None:
    act = {
        "kind": "admin",
        "id": "dec_3",
        "at": "t",
        "tenants": ["acme"],
        "administrator": "ann",
        "act": "grant.create",
    }
    story = await explain(FakeRecords([act]), "dec_3", ACME)
    assert (story["outcome"], story["asked"]) == ("ok", {"administrator": "ann", "act": "grant.create"})
    refused = act | {"effect": "refused", "reason": "invalid_params", "detail": "no account 'bob'"}
    story = await explain(FakeRecords([act, refused]), "dec_3", ACME)
    assert (story["reason"], story["detail"]) == ("invalid_params", "no account 'bob'")


@pytest.mark.parametrize(
    ("decision", "tenants"), [("dec_404", ACME), ("dec_1", GLOBEX), ("dec_1", frozenset()), ("dec_2", GLOBEX)]
)
async def test_an_unknown_decision_and_another_tenants_look_alike(decision: str, tenants: frozenset[str]) -> None:
    with pytest.raises(Invalid, match="that you may see"):
        await explain(FakeRecords([DENIAL, INTENT, OUTCOME]), decision, tenants)


@pytest.mark.parametrize(
    ("record", "seen"),
    [
        (INTENT, ["acme"]),
        (OUTCOME, ["acme"]),
        ({"kind": "outcome", "status": "ok"}, []),  # written before outcomes said whose they are
        ({"kind": "admin", "tenants": ["acme"], "act": "revoke"}, ["acme"]),
        ({"kind": "admin", "tenants": [], "act": "key.rotate"}, ["acme", "globex"]),
        ({"kind": "catalog", "tenants": ["acme"], "server": "git"}, ["acme"]),
        ({"kind": "catalog", "server": "git"}, []),
        ({"kind": "checkpoint"}, ["acme", "globex"]),
    ],
)
def test_a_record_is_seen_by_the_tenants_it_is_about(record: dict[str, object], seen: list[str]) -> None:
    assert [tenant for tenant in ("acme", "globex") if visible(record, frozenset({tenant}))] == seen
