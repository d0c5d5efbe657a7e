"""Passwords without hashing work: what is kept says what it was made from, so it is for tests alone."""

from __future__ import annotations

from remit.core.secret import Secret


class FakePasswords:
    """`asked` counts comparisons, those with nobody's hash among them. `weak` hashes count as outdated."""

    def __init__(self) -> None:
        self.asked = 0
        self.weak: set[str] = set()

    async def hashed(self, password: Secret) -> str:
        return f"fake:{password.expose().hex()}"

    async def same(self, password: Secret, kept: str) -> bool:
        self.asked += 1
        return bool(kept) and kept == await self.hashed(password)

    def outdated(self, kept: str) -> bool:
        return kept in self.weak
