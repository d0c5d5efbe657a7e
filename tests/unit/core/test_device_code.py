"""The short code a device shows: easy to read out, typed in any way people type, and nothing else is one."""

from __future__ import annotations

import pytest

from remit.core.device_code import LETTERS, parse_user_code, user_code
from remit.core.errors import Invalid
from remit.core.reasons import Reason


def test_a_code_has_eight_consonants_in_two_groups_and_all_of_them_occur() -> None:
    codes = [user_code(bytes([number, *range(15)])) for number in range(256)] + [user_code(b"\xff" * 16)]
    assert all(parse_user_code(code) == code and code[4] == "-" for code in codes)
    assert user_code(bytes(16)) == "BBBB-BBBB"
    assert set("".join(codes)) == {*LETTERS, "-"}


@pytest.mark.parametrize(
    "typed", ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "WDJB_MJHT", "w.d.j.b.m.j.h.t", "wdjb--mjht"]
)
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert parse_user_code(typed) == "WDJB-MJHT"


@pytest.mark.parametrize(
    "typed", ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "ＷDJB-MJHT", "W" * 9000, "-"]
)
def test_anything_else_is_none(typed: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_user_code(typed)
    assert caught.value.reason is Reason.USER_CODE_INVALID
