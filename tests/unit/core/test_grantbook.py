"""Selecting grants: exactly what was named, with everything narrowed from it; nothing named selects nothing."""

from __future__ import annotations

import pytest

from remit.core.grant import LiveGrant
from remit.core.grantbook import GrantBook, Selector
from remit.core.principals import Principal, PrincipalKind
from remit.core.scope import OneTool, WholeServer
from tests.scenes.grant import a_grant


def book() -> GrantBook:
    grants = GrantBook()
    bob = Principal(PrincipalKind.HUMAN, "bob")
    first = LiveGrant(a_grant(id="one"), now_s=1000, monotonic_s=0)
    child = LiveGrant(a_grant(id="child", parent="one", actors=("agent",)), now_s=1000, monotonic_s=0, parent=first)
    second = LiveGrant(
        a_grant(id="two", subject=bob, tenant="globex", scopes=frozenset({OneTool("git", "git_log")})),
        now_s=1000,
        monotonic_s=0,
    )
    for live in (first, child, second):
        grants.add(live)
    return grants


@pytest.mark.parametrize(
    ("selector", "ids"),
    [
        (Selector(), set()),
        (Selector(grant="one"), {"one", "child"}),
        (Selector(grant="child"), {"child"}),
        (Selector(subject="engineer"), {"one", "child"}),
        (Selector(subject="bob"), {"two"}),
        (Selector(subject="nobody"), set()),
        (Selector(client="editor"), {"one", "two", "child"}),
        (Selector(actor="agent"), {"child"}),
        (Selector(server="git"), {"two"}),
        (Selector(server="files", tenant="globex"), set()),
        (Selector(tenant="globex"), {"two"}),
        (Selector(everything=True), {"one", "child", "two"}),
        (Selector(everything=True, tenant="acme"), {"one", "child"}),
    ],
)
def test_a_selector_takes_what_it_names_and_what_was_narrowed_from_it(selector: Selector, ids: set[str]) -> None:
    assert {live.grant.id for live in book().select(selector)} == ids


def test_forgetting_a_grant_changes_the_epoch_once() -> None:
    grants = book()
    before = grants.epoch
    grants.remove("two")
    grants.remove("two")
    assert grants.epoch == before + 1
    assert grants.find("two") is None
    assert len(grants) == 2


def test_a_server_scope_is_found_by_its_server() -> None:
    assert WholeServer("files") in a_grant().scopes
