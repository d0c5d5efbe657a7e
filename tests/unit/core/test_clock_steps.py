"""A wall clock that was set back is noticed, one that slews or jumps ahead is not blamed."""

from __future__ import annotations

import pytest

from remit.core.clock_steps import ClockSteps
from remit.core.errors import Outage


def is_steady(steps: ClockSteps, now_s: float, monotonic_s: float) -> bool:
    try:
        steps.require_steady(now_s, monotonic_s)
    except Outage:
        return False
    return True


def test_time_that_passes_is_steady() -> None:
    steps = ClockSteps(1000.0, 10.0)
    assert is_steady(steps, 1060.0, 70.0)
    assert is_steady(steps, 1059.5, 70.0)


def test_a_step_back_is_an_outage_until_the_clock_is_right_again() -> None:
    steps = ClockSteps(1000.0, 10.0)
    with pytest.raises(Outage, match="it is 30 s behind"):
        steps.require_steady(1030.0, 70.0)
    assert is_steady(steps, 1060.0, 70.0)


def test_a_step_back_after_a_step_ahead_is_noticed() -> None:
    steps = ClockSteps(1000.0, 10.0)
    assert is_steady(steps, 4600.0, 10.0)
    with pytest.raises(Outage):
        steps.require_steady(1001.0, 11.0)
