"""A page cursor, once opened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core import cursor
from remit.core.cursor import Cursor
from remit.core.errors import Refusal
from remit.core.reasons import Reason


@given(st.text(), st.integers(0, 10**9))
def test_a_cursor_reads_back_as_it_was_written(shown: str, offset: int) -> None:
    assert Cursor.decode(Cursor(shown, offset).encode()).require_for(shown) == offset


def test_g10_a_cursor_is_for_the_list_it_was_made_for() -> None:
    with pytest.raises(Refusal) as caught:
        Cursor("before", 5).require_for("after")
    assert caught.value.reason is Reason.INVALID_CURSOR


def test_g10_a_cursor_s_binding_tells_grants_endpoints_and_lists_apart() -> None:
    parts = [("g1", "r1", "m1"), ("g2", "r1", "m1"), ("g1", "r2", "m1"), ("g1", "r1", "m2")]
    assert len({cursor.bound_to(*each) for each in parts}) == 4
