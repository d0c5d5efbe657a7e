"""A limit on how often something may be tried: a bucket per name that fills at a steady rate, in bounded memory."""

from __future__ import annotations


class Attempts:
    """`burst` tries at once, then `per_minute`.

    With more than `names_max` names in use the fullest buckets are forgotten: those would permit anyway.
    """

    def __init__(self, *, burst: int, per_minute: float, names_max: int = 10_000) -> None:
        self._burst = float(burst)
        self._per_s = per_minute / 60
        self._names_max = names_max
        self._buckets: dict[str, tuple[float, float]] = {}  # name -> (tries left, as of when)

    def wait_s(self, name: str, monotonic_s: float) -> float:
        """How long until the name may try: 0 if it may now. Takes nothing."""
        return max(0.0, (1 - self._left(name, monotonic_s)) / self._per_s)

    def take(self, name: str, monotonic_s: float) -> None:
        """Count one try."""
        self._buckets[name] = (max(0.0, self._left(name, monotonic_s) - 1), monotonic_s)
        if len(self._buckets) > self._names_max:
            fullest = sorted(self._buckets, key=lambda other: self._left(other, monotonic_s), reverse=True)
            for other in fullest[: max(1, self._names_max // 10)]:
                del self._buckets[other]

    def give_back(self, name: str, monotonic_s: float) -> None:
        """The try was none of those that are to be limited."""
        if name in self._buckets:
            self._buckets[name] = (min(self._burst, self._left(name, monotonic_s) + 1), monotonic_s)

    def _left(self, name: str, monotonic_s: float) -> float:
        left, as_of_s = self._buckets.get(name, (self._burst, monotonic_s))
        return min(self._burst, left + (monotonic_s - as_of_s) * self._per_s)
