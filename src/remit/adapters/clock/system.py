"""The machine's own clocks and random generator."""

from __future__ import annotations

import os
import time

# 80 bits are eight pieces of ten; each piece is two characters of RFC 4648 base32.
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ID_BYTES = 10
PIECES = 256
_PAIRS = [left + right for left in _ALPHABET for right in _ALPHABET]


class SystemClock:
    """The wall clock and the monotonic clock of the operating system."""

    def now_s(self) -> float:
        return time.time()

    def monotonic_s(self) -> float:
        return time.monotonic()


class SystemEntropy:
    """The operating system's generator, read a page at a time: a call each would cost more than all else an id needs.

    Pieces are handed out once (`list.pop` is one step for every thread) and a forked child starts without any.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        os.register_at_fork(after_in_child=self._pieces.clear)

    def id(self, prefix: str) -> str:
        try:
            piece = self._pieces.pop()
        except IndexError:
            page = os.urandom(ID_BYTES * PIECES)
            self._pieces.extend(page[at : at + ID_BYTES] for at in range(ID_BYTES, len(page), ID_BYTES))
            piece = page[:ID_BYTES]
        n, p = int.from_bytes(piece, "big"), _PAIRS
        return (
            f"{prefix}_{p[n >> 70]}{p[n >> 60 & 1023]}{p[n >> 50 & 1023]}{p[n >> 40 & 1023]}"
            f"{p[n >> 30 & 1023]}{p[n >> 20 & 1023]}{p[n >> 10 & 1023]}{p[n & 1023]}"
        )

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)
