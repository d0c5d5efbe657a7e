"""A proposal is confirmed once, by somebody else, as it was shown."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remit.core.administration import RULES, Act, Administrator, Role
from remit.core.errors import Denied, Invalid
from remit.core.proposal import (
    ARGUMENTS_BYTES_MAX,
    NEVER_WAITS,
    TRANSITIONS,
    Proposal,
    ProposalEvent,
    ProposalState,
    after,
    concerns,
    digest_of,
    require_second,
)
from remit.core.reasons import Reason
from remit.core.rows import from_row, to_row

ACME = frozenset({"acme"})
OPEN = Proposal("server.approve", {"server": "a"}, "d" * 64, "alice", "alice", ("acme",), 1000.0, 2000.0)


def named(name: str, *roles: Role, tenants: frozenset[str] = ACME, delegated_by: str = "") -> Administrator:
    return Administrator(name, dict.fromkeys(tenants, frozenset(roles)), 1, delegated_by=delegated_by)


def test_it_survives_the_store() -> None:
    assert from_row(to_row(OPEN), Proposal) == OPEN


@pytest.mark.parametrize("state", list(ProposalState))
@pytest.mark.parametrize("event", list(ProposalEvent))
def test_a_proposal_ends_as_the_table_says_and_then_never_again(state: ProposalState, event: ProposalEvent) -> None:
    proposal = replace(OPEN, state=state.value)
    if (state, event) in TRANSITIONS:
        assert after(proposal, event, now_s=1999.0).state == TRANSITIONS[state, event]
        return
    with pytest.raises(Invalid) as caught:
        after(proposal, event, now_s=1999.0)
    assert caught.value.reason is Reason.CONFLICT


@pytest.mark.parametrize(("now_s", "good"), [(999.9, False), (1000.0, True), (1999.9, True), (2000.0, False)])
def test_it_is_good_for_its_time(now_s: float, good: bool) -> None:
    if good:
        assert after(OPEN, ProposalEvent.CONFIRM, now_s=now_s).state == "confirmed"
        return
    with pytest.raises(Invalid) as caught:
        after(OPEN, ProposalEvent.CONFIRM, now_s=now_s)
    assert caught.value.reason is Reason.CONFLICT


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (named("alice", *Role), Reason.SECOND_PERSON_NEEDED),
        (named("puppet", *Role, delegated_by="alice"), Reason.SECOND_PERSON_NEEDED),
    ],
)
def test_whoever_proposed_it_is_no_second_person_nor_is_whoever_has_their_rights(
    other: Administrator, reason: Reason
) -> None:
    with pytest.raises(Denied) as caught:
        require_second(OPEN, other, OPEN.digest)
    assert caught.value.reason is reason
    require_second(OPEN, named("bob"), OPEN.digest)
    with pytest.raises(Denied):  # nor whoever delegated the rights it was proposed with
        require_second(replace(OPEN, by="puppet", origin="bob"), named("bob"), OPEN.digest)


def test_another_digest_confirms_nothing() -> None:
    for digest in ("", "e" * 64, OPEN.digest.upper()):
        with pytest.raises(Invalid) as caught:
            require_second(OPEN, named("bob"), digest)
        assert caught.value.reason is Reason.CONFLICT


def test_it_concerns_those_who_may_do_it_for_all_it_touches() -> None:
    both = replace(OPEN, tenants=("acme", "globex"))
    assert concerns(OPEN, named("bob", Role.SERVER))
    assert not concerns(OPEN, named("bob", Role.AUDIT, Role.KEY))
    assert not concerns(both, named("bob", Role.SERVER))
    assert concerns(both, named("bob", Role.SERVER, tenants=frozenset({"acme", "globex", "x"})))
    assert not concerns(replace(OPEN, tenants=()), named("bob", *Role))
    process = replace(OPEN, act="key.rotate", tenants=())
    assert (concerns(process, named("bob", Role.KEY)), concerns(process, named("bob", Role.AUDIT))) == (True, False)


@pytest.mark.parametrize(
    "other",
    [
        ("server.diff", {"server": "a"}, ACME), ("server.approve", {"server": "b"}, ACME),
        ("server.approve", {"server": "a"}, frozenset({"acme", "globex"})), ("server.approve", {"server": ["a"]}, ACME),
    ],
)  # fmt: skip
def test_a_digest_stands_for_act_arguments_and_tenants(other: Any) -> None:
    assert digest_of("server.approve", {"server": "a"}, ACME) != digest_of(*other)
    assert digest_of("a", {"x": 1, "y": 2}, ACME) == digest_of("a", {"y": 2, "x": 1}, ACME)


@pytest.mark.parametrize("arguments", [{"x": float("nan")}, {"x": b"y"}, {"x": "y" * ARGUMENTS_BYTES_MAX}])
def test_what_cannot_be_kept_is_not_proposed(arguments: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        digest_of("a", arguments, ACME)


def test_acts_that_end_something_never_wait() -> None:
    assert {Act.REVOKE, Act.GRANT_END} <= NEVER_WAITS
    assert all(RULES[act].changes or act is Act.PROPOSAL_LIST for act in NEVER_WAITS)
