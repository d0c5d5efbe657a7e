"""Who may administer what: the whole table, and the separation it stands for."""

from __future__ import annotations

import pytest

from remit.core.administration import RULES, Act, Administrator, Reach, Role, decide
from remit.core.errors import Denied

BOTH = frozenset({"acme", "globex"})
ACME = frozenset({"acme"})


def holder(*roles: Role, tenants: frozenset[str] = BOTH) -> Administrator:
    return Administrator("alice", 1000, frozenset(roles), tenants)


def permitted(administrator: Administrator, act: Act, tenants: frozenset[str]) -> bool:
    try:
        decide(administrator, act, tenants, decision_id="dec_1")
    except Denied:
        return False
    return True


def about(act: Act) -> frozenset[str]:
    return ACME if RULES[act].reach is Reach.TENANT else frozenset()


def test_every_act_has_a_rule() -> None:
    assert set(RULES) == set(Act)
    assert all(rule.roles for rule in RULES.values())


@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("role", list(Role))
def test_an_act_is_permitted_to_exactly_the_roles_of_its_rule(act: Act, role: Role) -> None:
    assert permitted(holder(role), act, about(act)) == (role in RULES[act].roles)


@pytest.mark.parametrize("act", list(Act))
def test_without_a_role_nothing_is_permitted(act: Act) -> None:
    assert not permitted(holder(), act, about(act))


def test_the_auditor_reads_and_changes_nothing() -> None:
    acts = {act for act in Act if permitted(holder(Role.AUDIT), act, about(act))}
    assert {Act.AUDIT_READ, Act.AUDIT_EXPORT, Act.EXPLAIN, Act.GRANT_LIST} <= acts
    assert not any(RULES[act].changes for act in acts)


def test_no_role_alone_can_both_write_policy_and_make_grants_or_read_the_records_or_blind_them() -> None:
    for left, right in [
        (Act.POLICY_RELOAD, Act.GRANT_CREATE),
        (Act.GRANT_CREATE, Act.AUDIT_READ),
        (Act.KEY_ROTATE, Act.AUDIT_READ),
        (Act.SERVER_APPROVE, Act.POLICY_RELOAD),
        (Act.AUDIT_ERASE, Act.AUDIT_READ),
    ]:
        assert not RULES[left].roles & RULES[right].roles


@pytest.mark.parametrize(
    ("tenants", "expected"),
    [(ACME, True), (BOTH, False), (frozenset({"globex"}), False), (frozenset({""}), False), (frozenset(), False)],
)
def test_an_administrator_acts_for_their_own_tenants_only(tenants: frozenset[str], expected: bool) -> None:
    assert permitted(holder(Role.APPROVAL, tenants=ACME), Act.REVOKE, tenants) is expected


def test_a_permit_names_the_tenants_it_is_for() -> None:
    found = decide(holder(Role.APPROVAL), Act.GRANT_LIST, ACME, decision_id="dec_1")
    assert (found.tenants, found.decision_id) == (ACME, "dec_1")
