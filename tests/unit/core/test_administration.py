"""Who may administer what: the whole table, and the separation it stands for."""

from __future__ import annotations

import pytest

from remit.core.administration import (
    AT_SOCKET_ALONE,
    RULES,
    Act,
    Administrator,
    Asker,
    AtSocket,
    Reach,
    Role,
    ThroughClient,
    acts_of,
    administrator_named,
    decide,
    scopes_held,
)
from remit.core.errors import Denied
from remit.core.reasons import Reason
from remit.core.scope import OneTool, WholeServer

BOTH = frozenset({"acme", "globex"})
ACME = frozenset({"acme"})


def holder(*roles: Role, tenants: frozenset[str] = BOTH) -> Administrator:
    return Administrator("alice", dict.fromkeys(tenants, frozenset(roles)), 1000, "alice")


def permitted(administrator: Administrator, act: Act, tenants: frozenset[str]) -> bool:
    return permitted_to(Asker(administrator, AtSocket(1000)), act, tenants)


def permitted_to(asker: Asker, act: Act, tenants: frozenset[str]) -> bool:
    try:
        decide(asker, act, tenants, decision_id="dec_1")
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
    found = decide(Asker(holder(Role.APPROVAL), AtSocket(1000)), Act.GRANT_LIST, ACME, decision_id="dec_1")
    assert (found.tenants, found.decision_id) == (ACME, "dec_1")


def test_a_role_for_one_tenant_is_none_for_another() -> None:
    roles = {"acme": frozenset({Role.APPROVAL}), "globex": frozenset({Role.AUDIT}), "none": frozenset[Role]()}
    mixed = Administrator("mixed", roles, 1000)
    assert mixed.tenants == BOTH
    assert (mixed.tenants_for(Act.GRANT_LIST), mixed.tenants_for(Act.GRANT_END)) == (BOTH, ACME)
    assert permitted(mixed, Act.GRANT_LIST, BOTH)
    assert not permitted(mixed, Act.GRANT_END, BOTH)
    assert permitted(mixed, Act.GRANT_END, ACME)
    assert not permitted(mixed, Act.EXPLAIN, frozenset({"none"}))


def test_an_act_about_the_process_needs_its_role_for_any_tenant() -> None:
    keys = Administrator("keys", {"acme": frozenset({Role.KEY}), "globex": frozenset({Role.AUDIT})}, 1000)
    assert permitted(keys, Act.KEY_ROTATE, frozenset())
    assert not permitted(holder(Role.AUDIT), Act.KEY_ROTATE, frozenset())


def through(*acts: Act) -> ThroughClient:
    return ThroughClient("dashboard", "grt_1", "alice", frozenset(acts))


@pytest.mark.parametrize("act", list(Act))
def test_a_client_does_what_it_was_let_do_and_the_administrator_may_do(act: Act) -> None:
    able = holder(*RULES[act].roles)
    for asker, expected in (
        (Asker(holder(), through(act)), Reason.ROLE_MISSING),
        (Asker(able, through()), Reason.INSUFFICIENT_SCOPE),
        (Asker(able, through(*set(Act) - {act})), Reason.INSUFFICIENT_SCOPE),
    ):
        with pytest.raises(Denied) as caught:
            decide(asker, act, about(act), decision_id="dec_1")
        assert caught.value.reason is expected
    assert permitted_to(Asker(able, through(act)), act, about(act)) is (act not in AT_SOCKET_ALONE)


def test_what_a_client_lacks_is_named_only_to_whom_it_would_help() -> None:
    with pytest.raises(Denied) as caught:
        decide(Asker(holder(Role.APPROVAL), through()), Act.GRANT_LIST, ACME, decision_id="dec_1")
    assert caught.value.data == {"scope": "remit:grant.list"}


def test_scopes_and_acts_say_the_same() -> None:
    for role in Role:
        assert acts_of(scopes_held(holder(role))) == holder(role).acts - AT_SOCKET_ALONE
    assert acts_of(frozenset({WholeServer("remit")})) == set(Act)
    assert acts_of(frozenset({WholeServer("remits"), OneTool("files", "status"), OneTool("remit", "none")})) == set()


def test_an_account_is_one_administrator_or_nobody() -> None:
    alice, nameless = holder(Role.KEY), Administrator("n", {"acme": frozenset(Role)}, 1)
    assert administrator_named("alice", [nameless, alice]) is alice
    for account, among in (("alice", [alice, alice]), ("alice", [nameless]), ("", [nameless])):
        with pytest.raises(Denied):
            administrator_named(account, among)


def test_whoever_holds_all_of_another_s_roles_is_told_from_who_does_not() -> None:
    assert holder(*Role).holds_all_of(holder(Role.KEY))
    assert not holder(Role.APPROVAL).holds_all_of(holder(Role.KEY))
    assert not holder(*Role, tenants=ACME).holds_all_of(holder(Role.KEY))
