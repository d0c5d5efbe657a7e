"""How often something may be tried."""

from __future__ import annotations

import pytest

from remit.core.attempts import Attempts


def test_a_burst_goes_through_and_then_a_steady_rate() -> None:
    attempts = Attempts(burst=2, per_minute=6)
    for _ in range(2):
        assert attempts.wait_s("a", 0) == 0
        attempts.take("a", 0)
    assert attempts.wait_s("a", 0) == 10
    assert attempts.wait_s("a", 5) == pytest.approx(5)
    assert attempts.wait_s("a", 10) == 0


def test_one_name_does_not_use_up_anothers_tries() -> None:
    attempts = Attempts(burst=1, per_minute=1)
    attempts.take("a", 0)
    assert attempts.wait_s("a", 0) > 0
    assert attempts.wait_s("b", 0) == 0


def test_waiting_long_fills_no_more_than_the_burst() -> None:
    attempts = Attempts(burst=1, per_minute=60)
    attempts.take("a", 0)
    attempts.take("a", 1000)
    assert attempts.wait_s("a", 1000) > 0


def test_many_names_do_not_fill_the_memory_and_the_exhausted_are_remembered() -> None:
    attempts = Attempts(burst=2, per_minute=1, names_max=100)
    attempts.take("guilty", 0)
    attempts.take("guilty", 0)
    for number in range(1000):
        attempts.take(f"innocent {number}", 0)
    assert len(attempts._buckets) <= 100
    assert attempts.wait_s("guilty", 0) > 0
