"""A request that was sent twice is carried out once: what an Idempotency-Key stands for is remembered for a while.

Kept in memory alone: after a restart a key is new. What is kept may hold a secret, so no longer than that is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret

KEPT_S: Final = 3600.0
KEPT_MAX: Final = 1_000
KEPT_PER_ASKER_MAX: Final = 100
KEY_CHARS_MAX: Final = 255


@dataclass(slots=True)
class _Kept:
    """`answer` None: it is still being carried out."""

    asked: bytes
    until_s: float
    answer: Secret | None = None


class Retries:
    """By who asks and their key. `asker` names an administrator and the client that acts for them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    def begin(self, asker: str, key: str, body: bytes, now_s: float) -> Secret | None:
        """The answer to the same request before; None if this is the first. Raises `Invalid`: another request came
        under this key (`invalid_params`), or the first is not done (`conflict`). `now_s` is monotonic.
        """
        self._forget(now_s)
        asked = sha256(body).digest()
        known = self._kept.get((asker, key))
        if known is None:
            self._require_room(asker)
            self._kept[asker, key] = _Kept(asked, now_s + KEPT_S)
            return None
        if known.asked != asked:
            raise refuse(Reason.INVALID_PARAMS, "Idempotency-Key: another request was sent under this key")
        if known.answer is None:
            raise refuse(Reason.CONFLICT, "the first request under this Idempotency-Key is still being carried out")
        return known.answer

    def done(self, asker: str, key: str, answer: bytes) -> None:
        self._kept[asker, key].answer = Secret(answer)

    def failed(self, asker: str, key: str) -> None:
        """Nothing was done: the same key may be tried again."""
        self._kept.pop((asker, key), None)

    def _forget(self, now_s: float) -> None:
        for name in [name for name, kept in self._kept.items() if now_s >= kept.until_s]:
            del self._kept[name]

    def _require_room(self, asker: str) -> None:
        """A key that was forgotten would be carried out twice, so none is; a further one has to wait."""
        own = sum(owner == asker for owner, _ in self._kept)
        if own >= KEPT_PER_ASKER_MAX or len(self._kept) >= KEPT_MAX:
            raise refuse(Reason.LIMIT_RATE, "too many requests with an Idempotency-Key within the last hour")
