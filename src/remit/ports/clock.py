"""Time and randomness, handed in so that a test can hold them still."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now_s(self) -> float:
        """Wall clock, seconds since the epoch."""
        ...

    def monotonic_s(self) -> float:
        """A clock that is never set back; only differences mean anything."""
        ...


class Entropy(Protocol):
    def id(self, prefix: str) -> str:
        """`prefix_` and 80 random bits in base32: `dec_7Q2K…`. From the operating system's generator."""
        ...

    def bytes(self, count: int) -> bytes: ...
