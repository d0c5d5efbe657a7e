"""argon2id (RFC 9106), by argon2-cffi, in threads: one hash takes 64 MiB and some tens of milliseconds."""

from __future__ import annotations

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret

# Each hash holds 64 MiB: this bounds what strangers can make us hold, and how long a person waits behind them.
AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 32


class Argon2Passwords:
    """Implements `ports.passwords.Passwords`."""

    def __init__(self, *, at_once_max: int = AT_ONCE_MAX, waiting_max: int = WAITING_MAX) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobodys = ""
        self._free = asyncio.Semaphore(at_once_max)
        self._waiting = 0
        self._waiting_max = waiting_max

    async def hashed(self, password: Secret) -> str:
        async with _Turn(self):
            return await asyncio.to_thread(self._hasher.hash, password.expose())

    async def same(self, password: Secret, kept: str) -> bool:
        async with _Turn(self):
            return await asyncio.to_thread(self._same, password, kept)

    def outdated(self, kept: str) -> bool:
        return self._hasher.check_needs_rehash(kept)

    def _same(self, password: Secret, kept: str) -> bool:
        if not kept and not self._nobodys:
            self._nobodys = self._hasher.hash(b"nobody has this password")
        try:
            self._hasher.verify(kept or self._nobodys, password.expose())
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError) as problem:
            raise refuse(Reason.STORE_UNAVAILABLE, f"a stored password hash: {type(problem).__name__}") from None
        return bool(kept)


class _Turn:
    """A place among those that hash. Whoever would wait behind too many is sent away at once."""

    def __init__(self, of: Argon2Passwords) -> None:
        self._of = of

    async def __aenter__(self) -> None:
        if self._of._waiting >= self._of._waiting_max:
            raise refuse(Reason.LIMIT_RATE, "too many people sign in at once")
        self._of._waiting += 1
        try:
            await self._of._free.acquire()
        except BaseException:
            self._of._waiting -= 1
            raise

    async def __aexit__(self, *_: object) -> None:
        self._of._waiting -= 1
        self._of._free.release()
