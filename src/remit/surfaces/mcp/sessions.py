"""Legacy sessions: sealed handles out, sealed handles in, and the little that must be remembered about them.

A handle carries its own state, so that ten thousand abandoned sessions cost nothing. Remembered are only the sessions
that ended before their grant did, requests in flight and questions to the client, each bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from remit.core.errors import refuse
from remit.core.handle import PURPOSE, Handle
from remit.core.principals import Authenticated
from remit.core.reasons import Reason
from remit.core.request import Session
from remit.ports.clock import Clock, Entropy
from remit.ports.sealer import Sealer, Unsealed

_HANDLE_LENGTH_MAX = 6000
_OPENED_MAX = 4096
_ENDED_PER_GRANT_MAX = 1024
_ENDED_GRANTS_MAX = 4096
_QUESTIONS_MAX = 64
_ASKED_SESSIONS_MAX = 8192
_EVENT = "event"


@dataclass(slots=True)
class InFlight:
    """A request that `notifications/cancelled` can name. `cancelled` tells that apart from any other cancellation."""

    task: asyncio.Task[object]
    cancelled: bool = False


@dataclass(slots=True)
class _Ended:
    """The sessions of one grant that ended before it did: by nonce with the second of their issue, and all that were
    issued up to `until_s`."""

    nonces: dict[str, int] = field(default_factory=dict)
    until_s: int = -1


class Sessions:
    """All legacy sessions of this process. A handle of an earlier process life does not open: which of its sessions had
    ended is forgotten, so all of them have."""

    def __init__(self, sealer: Sealer, clock: Clock, entropy: Entropy) -> None:
        self._sealer = sealer
        self._clock = clock
        self._entropy = entropy
        self._life = entropy.id("life").encode("ascii")
        self._opened: dict[bytes, Handle] = {}
        self._ended: dict[str, _Ended] = {}
        self._ended_until_s = -1
        self._in_flight: dict[tuple[str, bytes], InFlight] = {}
        self._questions: dict[str, dict[bytes, None]] = {}

    def new_nonce(self) -> str:
        return self._entropy.id("ses")

    def mint(self, authenticated: Authenticated, resource: str, session: Session) -> bytes:
        """The value of `Mcp-Session-Id`. Raises `Invalid` if the client said too much about itself."""
        claims = authenticated.claims
        handle = Handle(claims.grant_id, claims.client_id, claims.subject, resource, int(self._clock.now_s()), session)
        return self._sealer.seal(PURPOSE, handle.encode(), bound_to=self._life).encode("ascii")

    def require(self, presented: bytes | None, authenticated: Authenticated, resource: str) -> Session:
        """The session of a presented handle. Raises `Invalid`: `session_missing` (400) or `session_unknown` (404) for
        one that is ended, unknown or another grant's, which all look the same (G15).
        """
        if presented is None:
            raise refuse(Reason.SESSION_MISSING)
        handle = self._opened.get(presented) or self._open(presented)
        if not handle.belongs_to(authenticated.claims, resource) or self._has_ended(handle):
            raise refuse(Reason.SESSION_UNKNOWN)
        return handle.session

    def _open(self, presented: bytes) -> Handle:
        if len(presented) > _HANDLE_LENGTH_MAX:
            raise refuse(Reason.SESSION_UNKNOWN)
        try:
            content = self._sealer.open(PURPOSE, presented.decode("latin-1"), bound_to=self._life)
        except Unsealed:
            raise refuse(Reason.SESSION_UNKNOWN) from None
        handle = Handle.decode(content)
        if len(self._opened) >= _OPENED_MAX:
            self._opened.pop(next(iter(self._opened)))
        self._opened[presented] = handle
        return handle

    def _has_ended(self, handle: Handle) -> bool:
        own = self._ended.get(handle.grant)
        ended = own is not None and (handle.session.nonce in own.nonces or handle.issued_at_s <= own.until_s)
        return ended or handle.issued_at_s <= self._ended_until_s

    def end(self, presented: bytes) -> None:
        """From now on the handle is unknown. When a grant has too many to remember, every session of its own as old as
        the forgotten one ends: its client opens a new one, and nobody else's is touched.
        """
        handle = self._opened.pop(presented, None)
        if handle is None:
            return
        nonce = handle.session.nonce
        own = self._ended.setdefault(handle.grant, _Ended())
        own.nonces[nonce] = handle.issued_at_s
        self._questions.pop(nonce, None)
        for (owner, _), call in list(self._in_flight.items()):
            if owner == nonce:
                call.cancelled = True
                call.task.cancel()
        if len(own.nonces) > _ENDED_PER_GRANT_MAX:
            own.until_s = max(own.until_s, own.nonces.pop(next(iter(own.nonces))))
        if len(self._ended) > _ENDED_GRANTS_MAX:  # more grants than are alive together: the first is the oldest
            forgotten = self._ended.pop(next(iter(self._ended)))
            self._ended_until_s = max(self._ended_until_s, forgotten.until_s, *forgotten.nonces.values())

    def life(self, session: Session) -> SessionLife:
        return SessionLife(session.nonce, self._sealer, self._expect, self._life)

    def _expect(self, nonce: str, id: bytes) -> None:
        questions = self._questions.get(nonce)
        if questions is None:
            while len(self._questions) >= _ASKED_SESSIONS_MAX:
                self._questions.pop(next(iter(self._questions)))
            questions = self._questions[nonce] = {}
        while len(questions) >= _QUESTIONS_MAX:
            questions.pop(next(iter(questions)))
        questions[id] = None

    def take_answer(self, session: Session, id: bytes) -> None:
        """An answer is accepted once, from the session that was asked. Raises `Invalid`."""
        questions = self._questions.get(session.nonce, {})
        if id not in questions:
            raise refuse(Reason.INVALID_MESSAGE, "this session was asked nothing under this id")
        del questions[id]
        if not questions:
            self._questions.pop(session.nonce, None)

    def start(self, session: Session, id: bytes) -> InFlight:
        """Raises `Invalid` if a request of this session is in flight under this id."""
        key = (session.nonce, id)
        if key in self._in_flight:
            raise refuse(Reason.DUPLICATE_REQUEST_ID)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is served by a task")
        call = self._in_flight[key] = InFlight(task)
        return call

    def finish(self, session: Session, id: bytes) -> None:
        self._in_flight.pop((session.nonce, id), None)

    def cancel(self, session: Session, id: bytes) -> None:
        """Legacy cancellation is by message, and only the session's own requests can be named (G11)."""
        call = self._in_flight.get((session.nonce, id))
        if call is not None:
            call.cancelled = True
            call.task.cancel()


@dataclass(frozen=True, slots=True)
class SessionLife:
    """What a session's streams need: ids to resume from that only this session can use, and questions that only this
    session can answer."""

    nonce: str
    sealer: Sealer
    expect: Callable[[str, bytes], None]
    bound: bytes

    def seal_event(self, event_id: str) -> str:
        return self.sealer.seal(_EVENT, event_id.encode("utf-8"), bound_to=self.bound + self.nonce.encode("ascii"))

    def open_event(self, sealed: bytes) -> str:
        """Raises `Invalid` for an id of another session's stream, or none of ours (G14)."""
        try:
            return self.sealer.open(
                _EVENT, sealed.decode("latin-1"), bound_to=self.bound + self.nonce.encode("ascii")
            ).decode("utf-8")
        except Unsealed:
            raise refuse(Reason.INVALID_MESSAGE, "Last-Event-ID is not of this session") from None

    def expect_answer(self, id: bytes) -> None:
        self.expect(self.nonce, id)
