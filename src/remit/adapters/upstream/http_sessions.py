"""Legacy sessions at HTTP servers: whose they are; bounded and forgotten, so that abandoned ones cost nothing."""

from __future__ import annotations

from collections import Counter, OrderedDict
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
    """At most `sessions_max`, the least recently used forgotten first, each at most `ttl_s` after its last use. One
    grant has at most `per_grant_max` of them, so that it displaces its own before anybody else's."""

    def __init__(
        self, monotonic_s: Callable[[], float], *, sessions_max: int, ttl_s: float, per_grant_max: int = 64
    ) -> None:
        self._monotonic_s = monotonic_s
        self._sessions_max = sessions_max
        self._per_grant_max = per_grant_max
        self._of_grant: Counter[str] = Counter()
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
        replaced = self.drop(owner)
        gone = self.expired(now_s)
        if replaced is not None and replaced.id != id:  # some servers name every session alike
            gone.append(replaced)
        self._opened[owner] = Opened(id, version, now_s)
        self._of_grant[owner[0]] += 1
        if self._of_grant[owner[0]] > self._per_grant_max:
            gone.append(self._remove(next(other for other in self._opened if other[0] == owner[0])))
        while len(self._opened) > self._sessions_max:
            gone.append(self._remove(next(iter(self._opened))))
        return gone

    def expired(self, now_s: float) -> list[Opened]:
        """Forget and return the sessions nobody has used for `ttl_s`."""
        gone: list[Opened] = []
        while self._opened:
            owner, opened = next(iter(self._opened.items()))
            if now_s - opened.used_s <= self._ttl_s:
                break
            gone.append(self._remove(owner))
        return gone

    def drop(self, owner: Owner) -> Opened | None:
        return self._remove(owner) if owner in self._opened else None

    def drop_grant(self, grant_id: str) -> list[Opened]:
        if grant_id not in self._of_grant:
            return []
        return [self._remove(owner) for owner in [owner for owner in self._opened if owner[0] == grant_id]]

    def _remove(self, owner: Owner) -> Opened:
        self._of_grant[owner[0]] -= 1
        if not self._of_grant[owner[0]]:
            del self._of_grant[owner[0]]
        return self._opened.pop(owner)
