"""One way to an HTTP server: connections, heads and sessions of one tenant and one credential identity, shared with no
other (a connection that authenticated for one principal must never carry another's request)."""

from __future__ import annotations

from collections.abc import Callable

from remit.adapters.upstream.connection import Answer, Connection
from remit.adapters.upstream.flights import Flights
from remit.adapters.upstream.http_heads import Heads
from remit.adapters.upstream.http_replies import EventPump, failure, whole_reply
from remit.adapters.upstream.http_sessions import Opened, Sessions
from remit.adapters.upstream.messages import IdCounter
from remit.adapters.upstream.pool import Pool
from remit.adapters.upstream.world import World
from remit.core.egress import parse_peer, registered
from remit.core.lease import Credential
from remit.core.registration import REFERENCE, Http
from remit.core.request import McpRequest
from remit.ports.upstream import Message, Reply, Sink
from remit.wire.response import Response

SMALL_REPLY_BYTES_MAX = 65_536
LASTING = "subscriptions/listen"  # the one modern request that stays open


class NoSink:
    """Messages nobody asked to see, as during a handshake."""

    async def interim(self, message: Message) -> None:
        return None


class Lane:
    """`credential` is the one last used here: what goodbyes to the server are sent with."""

    def __init__(self, config: Http, world: World) -> None:
        peer = parse_peer(config.url)
        trust = registered(peer, config.networks)

        async def dial(make: Callable[[], Connection]) -> Connection:
            return await world.dialler.dial(make, peer, trust, ca_file=config.ca_file)

        limits = world.limits
        plain = {name: value for name, value in config.headers.items() if not REFERENCE.search(value)}
        self._world = world
        self._idle_s = limits.deadlines.idle_s
        self._reply_bytes_max = limits.reply_bytes_max
        self.heads = Heads(peer, plain)
        self.pool = Pool(dial, world.clock.monotonic_s, limits.deadlines, limits.connections_max)
        self.sessions = Sessions(world.clock.monotonic_s, sessions_max=limits.sessions_max, ttl_s=limits.session_ttl_s)
        self.flights = Flights()
        self.credential = Credential()

    @property
    def ids(self) -> IdCounter:
        return self._world.ids

    async def send(self, data: bytes, *, body_bytes_max: int, lasting: bool = False) -> tuple[Connection, Answer]:
        """Write a request on a connection of its own. `lasting` streams may be silent for as long as they like.

        The request is written exactly once. A connection the server has closed is noticed before, never tried.
        """
        connection = None if lasting else self.pool.take()
        if connection is None:  # awaited only where there is something to wait for: this is the hot path
            connection = await (self.pool.open_stream() if lasting else self.pool.open())
        return connection, connection.send(
            data,
            body_bytes_max=body_bytes_max,
            now_s=self._world.clock.monotonic_s(),
            limit_s=0.0 if lasting else self._idle_s,
        )

    async def carry(self, data: bytes, request: McpRequest, id: int, sink: Sink, *, in_session: bool = False) -> Reply:
        """Send and read until the reply. Whatever goes wrong, cancellation included, ends the connection: in the modern
        era that is the cancellation (G11)."""
        limit = self._reply_bytes_max
        connection, answer = await self.send(data, body_bytes_max=limit, lasting=request.method == LASTING)
        try:
            response = await answer.head
            if answer.chunks is None:
                reply = whole_reply(response, id, in_session=in_session)
            else:
                reply = await EventPump(request, id, sink, message_bytes_max=limit).run(answer, response)
        except BaseException:
            connection.abandon(answer)
            raise
        connection.finish(answer)
        return reply

    async def post(self, body: bytes, credential: Credential, version: str, session: str, routing: bytes = b"") -> None:
        """Send a notification or response. Raises `Outage` unless the server took it."""
        head = self.heads.post(credential, version, session, routing, len(body))
        response = await self.small(head + body)
        if response.status >= 300:
            raise failure(response, in_session=bool(session))

    async def small(self, data: bytes) -> Response:
        """Send a request whose answer nobody reads beyond its head."""
        connection, answer = await self.send(data, body_bytes_max=SMALL_REPLY_BYTES_MAX)
        try:
            response = await answer.head
        except BaseException:
            connection.abandon(answer)
            raise
        connection.finish(answer)
        return response

    def goodbye(self, gone: list[Opened], server: str) -> None:
        """Tell the server that sessions are over, without waiting."""
        for opened in gone:
            if opened.id:
                self._world.background.start(self._delete(opened), "session_delete_failed", server)

    async def _delete(self, opened: Opened) -> None:
        await self.small(self.heads.bare(b"DELETE", self.credential, opened.version, opened.id))
