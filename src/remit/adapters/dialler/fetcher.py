"""One GET through the checked dialler: for documents at URLs somebody else chose."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

from remit.adapters.dialler.freshness import fresh_s
from remit.core.egress import Trust, parse_peer
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.ports.dialler import Dialler, Fetched
from remit.wire.response import Response, ResponseError, ResponseParser, TooLarge

# For a server that does not say how long its document stands.
UNSAID_S = 300.0


class _Get(asyncio.Protocol):
    """Writes the request when connected; `done` holds the whole response."""

    def __init__(self, request: bytes, bytes_max: int) -> None:
        self._request = request
        self._parser = ResponseParser(bytes_max)
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except TooLarge:
            self._fail(Reason.UPSTREAM_TOO_LARGE, "the document is larger than allowed")
        except ResponseError as error:
            self._fail(Reason.UPSTREAM_INVALID, str(error))
        if self._parser.response.complete and not self.done.done():
            self.done.set_result(self._parser.response)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._parser.end() and not self.done.done():
            self.done.set_result(self._parser.response)
        self._fail(Reason.UPSTREAM_UNREACHABLE, "the server closed the connection before the document was complete")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, reason: Reason, detail: str) -> None:
        if not self.done.done():
            self.done.set_exception(refuse(reason, detail))


class CheckedFetcher:
    """Implements `ports.dialler.Fetcher`. `fetch_s_max` bounds the whole of it, so that a slow answer holds nothing."""

    def __init__(self, dialler: Dialler, *, fetch_s_max: float = 5.0) -> None:
        self._dialler = dialler
        self._fetch_s_max = fetch_s_max

    async def fetch(
        self, url: str, trust: Trust, *, bytes_max: int, accept: str = "application/json", ca_file: str = ""
    ) -> Fetched:
        try:
            response = await asyncio.wait_for(self._get(url, trust, bytes_max, accept, ca_file), self._fetch_s_max)
        except TimeoutError:
            raise refuse(
                Reason.UPSTREAM_TIMEOUT, f"the document did not arrive within {self._fetch_s_max:g} s"
            ) from None
        if response.status != 200:  # a redirect is an answer, not an instruction (CVE-2026-77261)
            raise refuse(
                Reason.UPSTREAM_INVALID, f"expected HTTP 200, found {response.status}; redirects are not followed"
            )
        return Fetched(response.take(), fresh_s(response.headers, UNSAID_S))

    async def _get(self, url: str, trust: Trust, bytes_max: int, accept: str, ca_file: str) -> Response:
        peer = parse_peer(url)
        request = (
            f"GET {peer.target} HTTP/1.1\r\nhost: {peer.authority}\r\nuser-agent: remit\r\naccept: {accept}\r\n"
            "connection: close\r\n\r\n"
        ).encode("ascii")
        get = await self._dialler.dial(partial(_Get, request, bytes_max), peer, trust, ca_file=ca_file)
        try:
            return await get.done
        finally:
            get.close()
