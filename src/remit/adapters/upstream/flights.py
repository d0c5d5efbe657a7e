"""Requests under way in legacy sessions, so that ids can be mapped where they travel on their own: a client's
`notifications/cancelled`, and a reply that comes on a resumed stream."""

from __future__ import annotations

from collections import OrderedDict

from remit.adapters.upstream.http_sessions import Owner

# Replies that may still come on another stream. Their clients resume within seconds or not at all.
DETACHED_MAX = 4096


class Flights:
    """Our id and the client's id of each request of a session. Both directions are bound to the session's owner."""

    __slots__ = ("_detached", "_ours", "_theirs")

    def __init__(self) -> None:
        self._ours: dict[tuple[Owner, bytes], int] = {}
        self._theirs: dict[int, tuple[Owner, bytes]] = {}
        self._detached: OrderedDict[int, None] = OrderedDict()

    def begin(self, owner: Owner, client_id: bytes, id: int) -> None:
        self._ours[owner, client_id] = id
        self._theirs[id] = (owner, client_id)

    def end(self, id: int) -> None:
        self._detached.pop(id, None)
        key = self._theirs.pop(id, None)
        if key is not None and self._ours.get(key) == id:
            del self._ours[key]

    def detach(self, id: int) -> None:
        """The request's stream is over, its answer is not."""
        self._detached[id] = None
        while len(self._detached) > DETACHED_MAX:
            self.end(next(iter(self._detached)))

    def ours(self, owner: Owner, client_id: bytes) -> int | None:
        return self._ours.get((owner, client_id))

    def theirs(self, owner: Owner, id: int) -> bytes | None:
        key = self._theirs.get(id)
        return key[1] if key is not None and key[0] == owner else None
