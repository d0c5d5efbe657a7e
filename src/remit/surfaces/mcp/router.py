"""Which surface answers a path. Exact paths only: no prefixes but `/mcp/`, no decoding, no normalising, no Host."""

from __future__ import annotations

from collections.abc import Callable

from remit.surfaces.mcp.exchange import Handler, HttpRequest, Responder

WELL_KNOWN = b"/.well-known/"
PAGES = frozenset(
    {
        b"/authorize", b"/par", b"/device_authorization", b"/token", b"/revoke", b"/introspect", b"/register",
        b"/sign-in", b"/sign-out", b"/password", b"/account", b"/account/end", b"/account/take-back", b"/account/cut",
        b"/consent", b"/device", b"/jwks.json",
        b"/sign-in/passkey", b"/account/passkeys", b"/account/passkeys/add", b"/account/passkeys/remove",
        b"/passkey.js",
    }
)  # fmt: skip
NOTHING_HERE = b'{"error":"not_found"}'


class Router:
    """`ready` says whether calls may run now. Health answers carry no names, counts or versions: they need no token."""

    def __init__(self, mcp: Handler, pages: Handler, ready: Callable[[], bool]) -> None:
        self._mcp = mcp
        self._pages = pages
        self._ready = ready

    async def __call__(self, request: HttpRequest, responder: Responder) -> None:
        path = request.path
        if path == b"/mcp" or path.startswith(b"/mcp/"):
            await self._mcp(request, responder)
        elif path in PAGES or path.startswith(WELL_KNOWN):
            await self._pages(request, responder)
        elif path == b"/healthz":
            responder.whole(200, b'{"alive":true}')
        elif path == b"/readyz":
            ready = self._ready()
            responder.whole(200 if ready else 503, b'{"ready":true}' if ready else b'{"ready":false}')
        else:
            responder.whole(404, NOTHING_HERE)
