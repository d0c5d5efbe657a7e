"""What administrators with any roles may do is what the table says by tenant; a client does at most the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remit.core.administration import (
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


@given(ADMINISTRATORS, ACTS, TOUCHED)
def test_an_act_is_permitted_where_the_table_says_so_for_every_tenant(
    administrator: Administrator, act: Act, tenants: frozenset[str]
) -> None:
    assert permitted(Asker(administrator, AtSocket(1)), act, tenants) == by_the_table(administrator, act, tenants)


@given(st.frozensets(st.sampled_from(TENANTS), min_size=1), ACTS, TOUCHED)
def test_whoever_has_only_the_role_of_audit_reaches_no_act_that_changes_anything(
    theirs: frozenset[str], act: Act, tenants: frozenset[str]
) -> None:
    auditor = Administrator("auditor", dict.fromkeys(theirs, frozenset({Role.AUDIT})), 1)
    assert not (permitted(Asker(auditor, AtSocket(1)), act, tenants) and RULES[act].changes)
    assert not any(RULES[each].changes for each in acts_of(scopes_held(auditor)))


@given(ADMINISTRATORS, ACTS, TOUCHED, SCOPES)
def test_a_client_never_does_what_it_was_not_let_do_nor_what_its_administrator_may_not(
    administrator: Administrator, act: Act, tenants: frozenset[str], asked: frozenset[Scope]
) -> None:
    let = acts_of(intersect(asked, scopes_held(administrator)))
    through = Asker(administrator, ThroughClient("c", "grt_1", "x", let))
    direct = permitted(Asker(administrator, AtSocket(1)), act, tenants)
    assert permitted(through, act, tenants) == (direct and act in acts_of(asked))
