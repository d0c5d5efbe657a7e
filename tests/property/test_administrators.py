"""What administrators with any roles may do is what the table says by tenant; a client does at most the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

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
    decide,
    scopes_held,
)
from remit.core.delegation import Delegation, delegated
from remit.core.errors import Denied
from remit.core.scope import OneTool, Scope, WholeServer, intersect

TENANTS = ("acme", "globex", "initech")
ROLES = st.dictionaries(st.sampled_from(TENANTS), st.frozensets(st.sampled_from(Role)))
ADMINISTRATORS = ROLES.map(lambda roles: Administrator("x", roles, 1, "x"))
TOUCHED = st.frozensets(st.sampled_from(TENANTS))
ACTS = st.sampled_from(Act)
SCOPES = st.frozensets(
    st.one_of(st.builds(OneTool, st.just("remit"), st.sampled_from(Act)), st.just(WholeServer("remit")))
)


def permitted(asker: Asker, act: Act, tenants: frozenset[str]) -> bool:
    try:
        decide(asker, act, tenants, decision_id="dec_1")
    except Denied:
        return False
    return True


def by_the_table(administrator: Administrator, act: Act, tenants: frozenset[str]) -> bool:
    """The reference: said once more, the long way."""
    rule = RULES[act]
    fits = {tenant: bool(administrator.roles.get(tenant, frozenset()) & rule.roles) for tenant in TENANTS}
    if rule.reach is Reach.PROCESS:
        return any(fits.values())
    return bool(tenants) and all(fits[tenant] for tenant in tenants)


@settings(deadline=None)
@given(ADMINISTRATORS, ACTS, TOUCHED)
def test_an_act_is_permitted_where_the_table_says_so_for_every_tenant(
    administrator: Administrator, act: Act, tenants: frozenset[str]
) -> None:
    assert permitted(Asker(administrator, AtSocket(1)), act, tenants) == by_the_table(administrator, act, tenants)


@settings(deadline=None)
@given(st.frozensets(st.sampled_from(TENANTS), min_size=1), ACTS, TOUCHED)
def test_whoever_has_only_the_role_of_audit_reaches_no_act_that_changes_anything(
    theirs: frozenset[str], act: Act, tenants: frozenset[str]
) -> None:
    auditor = Administrator("auditor", dict.fromkeys(theirs, frozenset({Role.AUDIT})), 1)
    assert not (permitted(Asker(auditor, AtSocket(1)), act, tenants) and RULES[act].changes)
    assert not any(RULES[each].changes for each in acts_of(scopes_held(auditor)))


@settings(deadline=None)
@given(ADMINISTRATORS, ACTS, TOUCHED, SCOPES)
def test_a_client_never_does_what_it_was_not_let_do_nor_what_its_administrator_may_not(
    administrator: Administrator, act: Act, tenants: frozenset[str], asked: frozenset[Scope]
) -> None:
    let = acts_of(intersect(asked, scopes_held(administrator)))
    through = Asker(administrator, ThroughClient("c", "grt_1", "x", let))
    direct = permitted(Asker(administrator, AtSocket(1)), act, tenants)
    assert permitted(through, act, tenants) == (direct and act in acts_of(asked) - AT_SOCKET_ALONE)


@settings(deadline=None)
@given(ADMINISTRATORS, st.frozensets(st.sampled_from(Role)), TOUCHED, ACTS, TOUCHED, st.floats(0, 3000))
def test_a_delegate_never_has_more_than_the_delegator_nor_than_was_delegated(
    delegator: Administrator,
    roles: frozenset[Role],
    tenants: frozenset[str],
    act: Act,
    touched: frozenset[str],
    now_s: float,
) -> None:
    delegation = Delegation("x", "y", tuple(sorted(roles)), tuple(sorted(tenants)), 1000.0, 2000.0)
    delegate = delegated(delegation, delegator, now_s=now_s)
    asked = Administrator("asked", dict.fromkeys(tenants, roles), 1)
    if permitted(Asker(delegate, AtSocket(1)), act, touched):
        assert permitted(Asker(delegator, AtSocket(1)), act, touched)
        assert permitted(Asker(asked, AtSocket(1)), act, touched)
        assert 1000.0 <= now_s < 2000.0
        assert act is not Act.ADMINISTRATOR_DELEGATE
    assert delegator.holds_all_of(delegate)
