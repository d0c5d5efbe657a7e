"""Whoever has one IPv6 connection has 2^64 addresses: to a limit per peer they are one, and two networks are two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from remit.core.egress import Network
from remit.core.proxies import one_peer
from remit.flows.oauth_error import OAuthError
from remit.surfaces.mcp.asgi import AsgiApp, AsgiBridge, SideLoop
from remit.surfaces.mcp.exchange import HttpRequest
from tests.scenes.endpoints import ASKED, Endpoints, form
from tests.unit.surfaces.mcp.test_asgi import OURS, Noted


@pytest.fixture
def side() -> Iterator[SideLoop]:
    running = SideLoop()
    yield running
    running.stop()


async def asks(side: SideLoop, address: str, *, proxies: tuple[Network, ...] = ()) -> str:
    """Who a page sees, directly or by way of a proxy that is believed."""
    noted = Noted()
    app: AsgiApp = noted.app  # type: ignore[assignment]
    bridge = AsgiBridge(app, side, scheme="http", server=("127.0.0.1", 1), proxies=proxies)
    headers = [(b"x-forwarded-for", address.encode())] if proxies else []
    connected = "10.0.0.1" if proxies else address
    await bridge(HttpRequest(b"POST", b"/par", b"", headers, b"", connected), noted)  # type: ignore[arg-type]
    return noted.client


@pytest.mark.parametrize("proxies", [(), OURS], ids=["direct", "behind a proxy"])
async def test_a_stranger_with_many_addresses_of_one_network_is_held_to_the_limit_of_one(
    side: SideLoop, proxies: tuple[Network, ...]
) -> None:
    scene = Endpoints()
    for number in range(30):
        peer = await asks(side, f"2001:db8:66:1::{number + 1:x}", proxies=proxies)
        await scene.push.push(form(peer=peer, **ASKED))
    peer = await asks(side, "2001:db8:66:1:ffff::1", proxies=proxies)
    with pytest.raises(OAuthError) as caught:
        await scene.push.push(form(peer=peer, **ASKED))
    assert caught.value.status == 429
    peer = await asks(side, "2001:db8:66:2::1", proxies=proxies)
    assert await scene.push.push(form(peer=peer, **ASKED))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_an_address_says_which_network_asks(address: str, expected: str) -> None:
    assert one_peer(address) == expected
