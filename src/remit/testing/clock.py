"""Time that stands still until a test moves it, and randomness that is the same in every run."""

from __future__ import annotations

import hashlib


class FakeClock:
    """`advance` moves both clocks; `step_wall` moves the wall clock alone, as an operator or NTP does."""

    def __init__(self, now_s: float = 1_800_000_000.0, monotonic_s: float = 5_000.0) -> None:
        self._now_s = now_s
        self._monotonic_s = monotonic_s

    def now_s(self) -> float:
        return self._now_s

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(f"time passes forwards: found {seconds}; step_wall sets a wall clock back")
        self._now_s += seconds
        self._monotonic_s += seconds

    def step_wall(self, seconds: float) -> None:
        self._now_s += seconds


class FakeEntropy:
    """Ids count upwards: `dec_0000000000000001`. Bytes never repeat within one instance."""

    def __init__(self, seed: bytes = b"remit") -> None:
        self._seed = seed
        self._drawn = 0

    def id(self, prefix: str) -> str:
        self._drawn += 1
        return f"{prefix}_{self._drawn:016d}"

    def bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(self._seed + self._drawn.to_bytes(8, "big")).digest(count)
