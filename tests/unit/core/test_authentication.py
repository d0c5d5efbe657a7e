"""How sure it is who signed in, and how long ago."""

from __future__ import annotations

import pytest

from remit.core.authentication import NOBODY, PASSKEY, PASSWORD, Acr, Authentication


@pytest.mark.parametrize(
    ("methods", "acr"),
    [((), Acr.NONE), (("user",), Acr.NONE), (PASSWORD, Acr.PASSWORD), (PASSKEY, Acr.PASSKEY),
     ((*PASSWORD, *PASSKEY), Acr.PASSKEY), (("pop",), Acr.NONE)],
)  # fmt: skip
def test_the_methods_say_how_sure_it_is(methods: tuple[str, ...], acr: Acr) -> None:
    assert Authentication(methods, 0.0).acr is acr


def test_the_levels_are_in_order() -> None:
    assert [acr.level for acr in Acr] == [0, 1, 2]


@pytest.mark.parametrize(
    ("methods", "age_s", "meets"),
    [(PASSKEY, 0.0, True), (PASSKEY, 60.0, True), (PASSKEY, 60.1, False), (PASSKEY, -1.0, False),
     (PASSWORD, 0.0, False)],
)  # fmt: skip
def test_what_is_too_weak_too_old_or_of_the_future_does_not_do(
    methods: tuple[str, ...], age_s: float, meets: bool
) -> None:
    found = Authentication(methods, 1000.0 - age_s)
    assert found.meets(Acr.PASSKEY, max_age_s=60.0, now_s=1000.0) is meets


def test_whoever_did_not_sign_in_meets_no_demand() -> None:
    assert not NOBODY.meets(Acr.PASSWORD, max_age_s=1e12, now_s=1.0)
