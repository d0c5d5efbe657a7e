"""Whom a delegation makes an administrator: never more than the delegator, in time, and not to be passed on."""

from __future__ import annotations

from msgspec.structs import replace

from remit.core.administration import Act, Administrator, Role
from remit.core.delegation import Delegation, delegated
from remit.core.rows import from_row, to_row

ALICE = Administrator("alice", {"acme": frozenset({Role.APPROVAL, Role.AUDIT}), "globex": frozenset({Role.AUDIT})}, 1)
GIVEN = Delegation("alice", "bob", (Role.APPROVAL, Role.AUDIT), ("acme", "globex"), 1000.0, 2000.0)


def test_it_survives_the_store() -> None:
    assert from_row(to_row(GIVEN), Delegation) == GIVEN


def test_the_delegate_has_what_was_delegated_and_is_still_held() -> None:
    bob = delegated(GIVEN, ALICE, now_s=1500.0)
    assert bob.roles == {"acme": {Role.APPROVAL, Role.AUDIT}, "globex": {Role.AUDIT}}
    assert (bob.account, bob.uid, bob.origin) == ("bob", None, "alice")
    less = Administrator("alice", {"acme": frozenset({Role.AUDIT})}, 1)
    assert delegated(GIVEN, less, now_s=1500.0).roles == {"acme": {Role.AUDIT}, "globex": frozenset()}
    narrow = replace(GIVEN, roles=(Role.KEY,))
    assert delegated(narrow, ALICE, now_s=1500.0).tenants == frozenset()


def test_before_and_after_its_time_it_is_nothing() -> None:
    assert [delegated(GIVEN, ALICE, now_s=now_s).tenants for now_s in (999.0, 2000.0)] == [frozenset(), frozenset()]
    assert delegated(GIVEN, ALICE, now_s=1999.0).tenants


def test_it_is_not_passed_on() -> None:
    assert ALICE.tenants_for(Act.ADMINISTRATOR_DELEGATE)
    assert delegated(GIVEN, ALICE, now_s=1500.0).tenants_for(Act.ADMINISTRATOR_DELEGATE) == frozenset()
