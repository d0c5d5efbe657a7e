"""What a page learns of who asks: the connection's address, and a proxy's word only where it is believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remit.core.egress import Network, parse_networks
from remit.surfaces.mcp.asgi import AsgiApp, AsgiBridge, Scope, SideLoop
from remit.surfaces.mcp.exchange import HttpRequest

OURS = parse_networks(("10.0.0.0/8",))


@pytest.fixture
def side() -> Iterator[SideLoop]:
    running = SideLoop()
    yield running
    running.stop()


class Noted:
    """An application that notes who asks, and whoever takes its answer."""

    def __init__(self) -> None:
        self.client = ""
        self.status = 0

    async def app(self, scope: Scope, _receive: object, send: object) -> None:
        self.client = scope["client"][0]
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    def whole(self, status: int, *_: object) -> None:
        self.status = status


@pytest.mark.parametrize(
    ("proxies", "connected", "expected"),
    [
        ((), "10.0.0.1", "10.0.0.1"),
        (OURS, "10.0.0.1", "198.51.100.1"),
        (OURS, "192.0.2.7", "192.0.2.7"),
    ],
)
async def test_a_proxys_word_is_taken_where_it_is_believed(
    side: SideLoop, proxies: tuple[Network, ...], connected: str, expected: str
) -> None:
    noted = Noted()
    app: AsgiApp = noted.app  # type: ignore[assignment]
    bridge = AsgiBridge(app, side, scheme="http", server=("127.0.0.1", 1), proxies=proxies)
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.1")]
    await bridge(HttpRequest(b"GET", b"/sign-in", b"", headers, b"", connected), noted)  # type: ignore[arg-type]
    assert (noted.client, noted.status) == (expected, 204)
