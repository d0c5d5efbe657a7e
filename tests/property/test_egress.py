"""No way of writing or wrapping an inside address gets it past the rules for a learned URL."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.core.egress import Address, Learned, Registered, parse_networks, refuse_address
from remit.core.errors import Denied

INSIDE = [
    ip_network(text)
    for text in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")
]
WRAPPINGS: dict[str, Callable[[int], Address]] = {
    "plain": IPv4Address,
    "mapped": lambda n: IPv6Address((0xFFFF << 32) | n),
    "compatible": IPv6Address,
    "nat64": lambda n: IPv6Address(int(IPv6Address("64:ff9b::")) | n),
    "local nat64": lambda n: IPv6Address(int(IPv6Address("64:ff9b:1::")) | n),
    "6to4": lambda n: IPv6Address((0x2002 << 112) | (n << 80) | 1),
    "teredo": lambda n: IPv6Address((0x20010000 << 96) | (n ^ 0xFFFFFFFF)),
}
inside = st.sampled_from(INSIDE).flatmap(lambda net: st.integers(int(net.network_address), int(net.broadcast_address)))


@given(inside, st.sampled_from(sorted(WRAPPINGS)))
def test_an_inside_address_is_refused_however_it_is_wrapped(number: int, wrapping: str) -> None:
    with pytest.raises(Denied):
        refuse_address(Learned(), WRAPPINGS[wrapping](number))


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(WRAPPINGS)))
def test_a_learned_url_reaches_no_more_than_an_operators(number: int, wrapping: str) -> None:
    address = WRAPPINGS[wrapping](number)
    try:
        refuse_address(Learned(), address)
    except Denied:
        return
    assert refuse_address(Registered(names_address=False), address) is None


@given(
    st.integers(int(IPv4Address("169.254.0.0")), int(IPv4Address("169.254.255.255"))),
    st.sampled_from(sorted(WRAPPINGS)),
)
def test_link_local_is_refused_to_everybody(number: int, wrapping: str) -> None:
    everything = Registered(names_address=True, networks=parse_networks(("0.0.0.0/0", "::/0")))
    with pytest.raises(Denied):
        refuse_address(everything, WRAPPINGS[wrapping](number))
