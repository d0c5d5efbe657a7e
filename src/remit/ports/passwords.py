"""Turning a password into something that can be kept, and holding one against it."""

from __future__ import annotations

from typing import Protocol

from remit.core.secret import Secret


class Passwords(Protocol):
    async def hashed(self, password: Secret) -> str:
        """A salted, memory-hard hash that names its parameters. Raises `Denied` (`limit_rate`) when too many wait."""
        ...

    async def same(self, password: Secret, kept: str) -> bool:
        """Whether the hash was made from this password. An empty `kept` is nobody's and takes as long as any other, so
        that the time does not say which accounts there are. Raises `Denied` (`limit_rate`) when too many wait.
        """
        ...

    def outdated(self, kept: str) -> bool:
        """Whether the hash was made with weaker parameters than a new one would be."""
        ...
