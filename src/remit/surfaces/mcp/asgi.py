"""The bridge from the hot server to ordinary ASGI surfaces (OAuth now, sign-in pages later), on a loop of their own.

A slow page must not delay a tool call, so the application runs on a side loop in a thread. Requests there are small and
answers are whole: the bridge carries no streams.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from remit.core.egress import Network
from remit.core.proxies import one_peer, peer_of
from remit.surfaces.mcp.exchange import HttpRequest, Responder

Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Callable[[], Awaitable[Scope]], Callable[[Scope], Awaitable[None]]], Awaitable[None]]

ANSWER_BYTES_MAX = 4_194_304
# A busy thread without this held the interpreter lock long enough to cost the hot loop 5 ms at the median.
SWITCH_INTERVAL_S = 0.0005


class SideLoop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="remit-side", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self.loop.close()


class AsgiBridge:
    """A handler that runs one ASGI application on a `SideLoop`. `scheme` and `server` come from configuration, never
    from the request: nothing behind the bridge may learn its own address from a header. `proxies` are those whose word
    is taken for who asks, which limits and nothing else go by.
    """

    def __init__(
        self, app: AsgiApp, side: SideLoop, *, scheme: str, server: tuple[str, int], proxies: Sequence[Network] = ()
    ) -> None:
        self._app = app
        self._side = side
        self._scheme = scheme
        self._server = server
        self._proxies = proxies

    async def __call__(self, request: HttpRequest, responder: Responder) -> None:
        future = asyncio.run_coroutine_threadsafe(self._respond(request), self._side.loop)
        status, headers, body = await asyncio.wrap_future(future)
        content_type = next((value for name, value in headers if name == b"content-type"), b"application/json")
        kept = [
            (name, value)
            for name, value in headers
            if name not in (b"content-type", b"content-length", b"connection", b"transfer-encoding")
        ]
        responder.whole(status, body, kept, content_type)

    def _peer(self, request: HttpRequest) -> str:
        said = [value.decode("latin-1") for name, value in request.headers if name == b"x-forwarded-for"]
        return one_peer(peer_of(request.peer, said, self._proxies) if self._proxies else request.peer)

    async def _respond(self, request: HttpRequest) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method.decode("ascii"),
            "scheme": self._scheme,
            "path": request.path.decode("latin-1"),
            "raw_path": request.path,
            "query_string": request.query,
            "root_path": "",
            "headers": request.headers,
            "client": (self._peer(request), 0),
            "server": self._server,
        }
        sent: list[Scope] = []
        received = False

        async def receive() -> Scope:
            nonlocal received
            if received:
                return {"type": "http.disconnect"}
            received = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Scope) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start = sent[0]
        body = b"".join(message.get("body", b"") for message in sent[1:])
        if len(body) > ANSWER_BYTES_MAX:
            raise RuntimeError("the application's answer is larger than the bridge carries")
        headers = [(bytes(name).lower(), bytes(value)) for name, value in start.get("headers", [])]
        return int(start["status"]), headers, body
