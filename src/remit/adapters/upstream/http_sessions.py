"""Legacy sessions at HTTP servers: whose they are; bounded and forgotten, so that abandoned ones cost nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# Which session: the grant, and the nonce of the client's own session with Remit.
Owner = tuple[str, str]


@dataclass(slots=True)
class Opened:
    """A session at the server. `id` is empty at a server that keeps none; `version` is what it negotiated."""

    id: str
    version: str
    used_s: float


class Sessions:
    """At most `sessions_max`, the least recently used forgotten first, each at most `ttl_s` after its last use."""

    def __init__(self, monotonic_s: Callable[[], float], *, sessions_max: int, ttl_s: float) -> None:
        self._monotonic_s = monotonic_s
        self._sessions_max = sessions_max
        self._ttl_s = ttl_s
        self._opened: OrderedDict[Owner, Opened] = OrderedDict()

    def __len__(self) -> int:
        return len(self._opened)

    def find(self, owner: Owner) -> Opened | None:
        opened = self._opened.get(owner)
        if opened is not None:
            opened.used_s = self._monotonic_s()
            self._opened.move_to_end(owner)
        return opened

    def add(self, owner: Owner, id: str, version: str) -> list[Opened]:
        """Returns the sessions that had to give way: the server should be told."""
        now_s = self._monotonic_s()
        self._opened[owner] = Opened(id, version, now_s)
        self._opened.move_to_end(owner)
        gone = self.expired(now_s)
        while len(self._opened) > self._sessions_max:
            gone.append(self._opened.popitem(last=False)[1])
        return gone

    def expired(self, now_s: float) -> list[Opened]:
        """Forget and return the sessions nobody has used for `ttl_s`."""
        gone: list[Opened] = []
        while self._opened:
            owner, opened = next(iter(self._opened.items()))
            if now_s - opened.used_s <= self._ttl_s:
                break
            gone.append(self._opened.pop(owner))
        return gone

    def drop(self, owner: Owner) -> Opened | None:
        return self._opened.pop(owner, None)

    def drop_grant(self, grant_id: str) -> list[Opened]:
        return [self._opened.pop(owner) for owner in [owner for owner in self._opened if owner[0] == grant_id]]
