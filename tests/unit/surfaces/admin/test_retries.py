"""What was sent twice under one key is done once, for as long as it is remembered."""

from __future__ import annotations

import pytest

from remit.core.errors import Denied, Invalid
from remit.core.reasons import Reason
from remit.surfaces.admin.retries import KEPT_PER_ASKER_MAX, KEPT_S, Retries


def test_the_second_of_two_gets_the_first_s_answer() -> None:
    retries = Retries()
    assert retries.begin("alice", "k", b"{}", 0.0) is None
    retries.done("alice", "k", b"done")
    again = retries.begin("alice", "k", b"{}", KEPT_S - 1)
    assert again is not None
    assert again.expose() == b"done"
    assert retries.begin("bob", "k", b"{}", 1.0) is None
    assert retries.begin("alice", "other", b"{}", 1.0) is None


def test_a_key_stands_for_one_request() -> None:
    retries = Retries()
    retries.begin("alice", "k", b"{}", 0.0)
    with pytest.raises(Invalid) as caught:
        retries.begin("alice", "k", b"{} ", 0.0)
    assert caught.value.reason is Reason.INVALID_PARAMS


def test_while_the_first_is_under_way_the_second_waits_and_after_a_failure_it_is_the_first() -> None:
    retries = Retries()
    retries.begin("alice", "k", b"{}", 0.0)
    with pytest.raises(Invalid) as caught:
        retries.begin("alice", "k", b"{}", 0.0)
    assert caught.value.reason is Reason.CONFLICT
    retries.failed("alice", "k")
    assert retries.begin("alice", "k", b"{}", 0.0) is None


def test_a_key_is_forgotten_by_time_and_never_for_room() -> None:
    retries = Retries()
    for number in range(KEPT_PER_ASKER_MAX):
        retries.begin("alice", str(number), b"{}", 0.0)
        retries.done("alice", str(number), b"")
    with pytest.raises(Denied) as caught:
        retries.begin("alice", "more", b"{}", KEPT_S - 1)
    assert caught.value.reason is Reason.LIMIT_RATE
    assert retries.begin("bob", "more", b"{}", KEPT_S - 1) is None
    assert retries.begin("alice", "more", b"{}", KEPT_S) is None


def test_what_is_kept_has_no_printable_form() -> None:
    retries = Retries()
    retries.begin("alice", "k", b"{}", 0.0)
    retries.done("alice", "k", b"secret-token")
    assert "secret-token" not in repr(retries._kept)
