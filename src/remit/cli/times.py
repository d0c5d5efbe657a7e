"""Moments as people read them: local time, and how far away."""

from __future__ import annotations

import time
from datetime import datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def until(moment_s: float) -> str:
    """`14:32 (in 12 min)`, `ended 3 s ago`; infinity is `never`."""
    if moment_s == float("inf"):
        return "never"
    distance_s = moment_s - time.time()  # noqa: TID251  shown to a person, decides nothing
    if distance_s < 0:
        return f"ended {span(-distance_s)} ago"
    return f"{datetime.fromtimestamp(moment_s).astimezone():%H:%M:%S} (in {span(distance_s)})"


def span(length_s: float) -> str:
    """One unit, rounded down."""
    if length_s < MINUTE_S:
        return f"{int(length_s)} s"
    if length_s < HOUR_S:
        return f"{int(length_s // MINUTE_S)} min"
    return f"{int(length_s // HOUR_S)} h" if length_s < DAY_S else f"{int(length_s // DAY_S)} d"


def moment(at: object) -> str:
    """A record's time, whether in seconds or already written out, as local time to the millisecond."""
    if isinstance(at, int | float):
        return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]
    try:
        return f"{datetime.fromisoformat(str(at)).astimezone():%Y-%m-%d %H:%M:%S.%f}"[:-3]
    except ValueError:
        return str(at)
