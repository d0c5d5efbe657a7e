"""The machine's own clocks and random generator."""

from __future__ import annotations

import os
import time

# 80 bits are eight pieces of ten; each piece is two characters of RFC 4648 base32.
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [left + right for left in _ALPHABET for right in _ALPHABET]


class SystemClock:
    """The wall clock and the monotonic clock of the operating system."""

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()


class SystemEntropy:
    """The operating system's generator, drawn anew each time: safe across threads and forks."""

    def id(self, prefix: str) -> str:
        n, p = int.from_bytes(os.urandom(10), "big"), _PAIRS
        return (
            f"{prefix}_{p[n >> 70]}{p[n >> 60 & 1023]}{p[n >> 50 & 1023]}{p[n >> 40 & 1023]}"
            f"{p[n >> 30 & 1023]}{p[n >> 20 & 1023]}{p[n >> 10 & 1023]}{p[n & 1023]}"
        )

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)
