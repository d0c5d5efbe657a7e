"""Resolve once, check every address, connect to a checked one."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from remit.core.egress import Address, Learned, Peer, Trust, literal, refuse_address
from remit.core.errors import refuse
from remit.core.reasons import Reason

T = TypeVar("T")
Resolver = Callable[[str, int], Awaitable[list[str]]]
ADDRESSES_MAX = 16
# The system looks up two names at once (libuv: half of its four threads). Strangers' names take one of them.
LEARNED_LOOKUPS_MAX = 1


async def system_resolver(host: str, port: int) -> list[str]:
    """What the operating system answers, in its order of preference."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class CheckedDialler:
    """Implements `ports.dialler.Dialler`. The address connected to is the one that was checked, never the name again,
    so that a name which answers differently the second time gains nothing (CVE-2026-77822, CVE-2026-44694)."""

    def __init__(self, resolve: Resolver = system_resolver, *, tls_s_max: float = 10.0) -> None:
        self._resolve = resolve
        self._tls_s_max = tls_s_max
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._learning = asyncio.Semaphore(LEARNED_LOOKUPS_MAX)

    async def dial(self, make: Callable[[], T], peer: Peer, trust: Trust, *, ca_file: str = "") -> T:
        addresses = await self._addresses(peer, trust)
        for address in addresses:
            # One bad address condemns the name: which one is dialled must not be a matter of luck.
            refuse_address(trust, address)
        context = self._context(ca_file) if peer.secure else None
        failure = "the server cannot be reached"
        for address in addresses[:ADDRESSES_MAX]:
            try:
                return await self._connect(make, str(address), peer, context)
            except ssl.SSLError as error:
                failure = f"TLS with the server failed: {error.reason or 'certificate not accepted'}"
            except OSError:
                continue
        raise refuse(Reason.UPSTREAM_UNREACHABLE, failure)

    async def _connect(self, make: Callable[[], T], address: str, peer: Peer, context: ssl.SSLContext | None) -> T:
        secure: dict[str, Any] = {}
        if context is not None:
            secure = {"ssl": context, "server_hostname": peer.host, "ssl_handshake_timeout": self._tls_s_max}
        _, protocol = await asyncio.get_running_loop().create_connection(
            cast("Callable[[], asyncio.BaseProtocol]", make), address, peer.port, **secure
        )
        return cast("T", protocol)

    async def _addresses(self, peer: Peer, trust: Trust) -> list[Address]:
        written = literal(peer.host)
        if written is not None:
            return [written]
        try:
            found = await self._found(peer, trust)
        except OSError:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, f"the name {peer.host} does not resolve") from None
        addresses = [address for text in found if (address := literal(text.partition("%")[0])) is not None]
        if not addresses:
            raise refuse(Reason.UPSTREAM_UNREACHABLE, f"the name {peer.host} does not resolve")
        return list(dict.fromkeys(addresses))

    async def _found(self, peer: Peer, trust: Trust) -> list[str]:
        """A lookup goes on when whoever waits for it has given up, and holds its place until it is over."""
        if not isinstance(trust, Learned):
            return await self._resolve(peer.host, peer.port)
        await self._learning.acquire()
        looking = asyncio.ensure_future(self._resolve(peer.host, peer.port))
        looking.add_done_callback(lambda _: self._learning.release())
        return await asyncio.shield(looking)

    def _context(self, ca_file: str) -> ssl.SSLContext:
        context = self._contexts.get(ca_file)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=ca_file or None)
            except OSError:
                raise refuse(Reason.UPSTREAM_UNREACHABLE, f"ca_file {ca_file} cannot be read as PEM") from None
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[ca_file] = context
        return context
