"""Noticing that the wall clock was set back: a grant made on such a clock would outlive what it says."""

from __future__ import annotations

from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason

STEP_S_MAX: Final = 2.0


class ClockSteps:
    """Holds the wall clock against the monotonic one since the latest moment at which it was where it should be."""

    def __init__(self, now_s: float, monotonic_s: float) -> None:
        self._now_s = now_s
        self._monotonic_s = monotonic_s

    def require_steady(self, now_s: float, monotonic_s: float) -> None:
        """Raises `Outage` (`clock_stepped`) while the wall clock is behind where it should be."""
        behind_s = self._now_s + (monotonic_s - self._monotonic_s) - now_s
        if behind_s > STEP_S_MAX:
            raise refuse(Reason.CLOCK_STEPPED, f"it is {behind_s:.0f} s behind")
        if behind_s <= 0:  # ahead, as after a suspended machine wakes: from here on nothing earlier is believed
            self._now_s, self._monotonic_s = now_s, monotonic_s
