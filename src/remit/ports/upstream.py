"""The servers behind Remit, over any transport and era."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from remit.core.catalog import Era, Item
from remit.core.lease import Leased
from remit.core.ledger import OutcomeStatus
from remit.core.request import Session


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC message from the server that is not the final reply (notification, or legacy server-to-client
    request).

    `data` is the message's JSON text, empty for a legacy priming event. `event_id` and `retry_ms` are the SSE fields
    of the 2025-11-25 revision, for the client to resume with.
    """

    data: bytes
    event_id: str = ""
    retry_ms: int | None = None


class Reply(msgspec.Struct, frozen=True):
    """The server's final answer. `member` is `result` or `error`; `value` its JSON text, byte for byte (G16).

    `http_status` is the upstream's (200 over stdio). `session` is a new upstream session id, from initialize only.
    `DETACHED` status has an empty value: the stream ended early and the answer may come on another stream (2025-11-25,
    resumption).
    """

    member: str
    value: bytes
    status: OutcomeStatus
    http_status: int = 200
    session: str = ""
    event_id: str = ""


class Sink(Protocol):
    """Takes a request's interim messages to the client, in order."""

    async def interim(self, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class Survey:
    """What a server was found to speak and offer. `problems` names what was left out and why (for example G5)."""

    eras: frozenset[Era]
    discovery: Mapping[Era, Mapping[str, Any]]
    versions: Mapping[Era, tuple[str, ...]]
    items: Sequence[Item]
    problems: tuple[str, ...] = field(default_factory=tuple)


class Upstreams(Protocol):
    async def exchange(self, leased: Leased, params: Mapping[str, Any], sink: Sink) -> Reply:
        """Send the leased request with `params` (already checked and normalised) and return its reply.

        The upstream JSON-RPC id is ours and maps back (G22b); a reply without it never reaches anybody. Being cancelled
        cancels the upstream request in its era's way (G11). Raises `Outage`.
        """
        ...

    async def notify(self, leased: Leased, body: Mapping[str, Any]) -> None:
        """Pass a legacy client's notification or response on to the session's server."""
        ...

    async def listen(self, leased: Leased, last_event_id: str, sink: Sink) -> None:
        """Legacy GET: the session's stream of server messages until either side ends it. Raises `Outage`."""
        ...

    async def close_session(self, server: str, grant_id: str, session: Session) -> None:
        """Legacy DELETE, or the end of the handle: tell the server, stop the session's process."""
        ...

    def end_grant(self, grant_id: str) -> int:
        """Stop every child process and drop every session the grant holds, now. The number of processes stopped."""
        ...

    async def survey(self, server: str, deadline_s: float) -> Survey:
        """Probe the server's eras (G1) and list everything it offers, for the catalog. Raises `Outage`."""
        ...
