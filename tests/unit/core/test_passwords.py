from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.errors import Invalid
from remit.core.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, checked_password, normalized
from remit.core.reasons import Reason


@pytest.mark.parametrize(
    ("typed", "account"),
    [
        ("", "engineer"),
        ("fourteen chars", "engineer"),
        ("x" * (PASSWORD_CHARS_MAX + 1), "engineer"),
        ("aaaaaaaaaaaaaaaaaaaa", "engineer"),
        ("abcabcabcabcabcabc", "engineer"),
        ("engineerengineer", "engineer"),
        ("ENGINEER engineer 1", "engineer"),
        ("abcdefghijklmnopqrst", "engineer"),
        ("passwordpassword", "engineer"),
    ],
)
def test_a_password_anybody_would_guess_is_refused_without_being_quoted(typed: str, account: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_password(typed, account)
    assert refused.value.reason is Reason.PASSWORD_WEAK
    assert not typed or typed not in str(refused.value)


@pytest.mark.parametrize(
    "typed", ["fifteen chars !", "vier lange Wörter hier", "correct horse battery", "密码密码一二三四五六七八九十天地"]
)
def test_a_long_one_is_taken_whatever_it_is_made_of(typed: str) -> None:
    assert checked_password(typed, "engineer").expose() == unicodedata.normalize("NFC", typed).encode()


def test_one_password_typed_on_two_keyboards_is_one() -> None:
    composed, decomposed = "vier lange W\u00f6rter", "vier lange Wo\u0308rter"
    assert checked_password(decomposed, "e").expose() == normalized(composed).expose()


@given(st.text())
def test_what_is_taken_is_long(typed: str) -> None:
    with suppress(Invalid):
        checked_password(typed, "")
        assert len(unicodedata.normalize("NFC", typed)) >= PASSWORD_CHARS_MIN
