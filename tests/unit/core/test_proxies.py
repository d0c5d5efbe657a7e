"""Who asks behind proxies: as far as they are trusted, and no further."""

from __future__ import annotations

import pytest

from remit.core.egress import parse_networks
from remit.core.proxies import HOPS_MAX, peer_of

OURS = parse_networks(("10.0.0.0/8", "2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("connected", "forwarded_for", "expected"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        ("192.0.2.7", ["10.0.0.1"], "192.0.2.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1:5000"], "198.51.100.1"),
        ("10.0.0.1", ["2001:db8:2::7"], "2001:db8:2::7"),
        ("10.0.0.1", ["[2001:db8:2::7]:443"], "2001:db8:2::7"),
        ("2001:db8:1::1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_nearest_that_is_not_trusted_asks(connected: str, forwarded_for: list[str], expected: str) -> None:
    assert peer_of(connected, forwarded_for, OURS) == expected


def test_nobody_is_trusted_unless_it_is_said() -> None:
    assert peer_of("10.0.0.1", ["198.51.100.1"], ()) == "10.0.0.1"


def test_a_long_way_is_not_followed_to_its_end() -> None:
    hops = ["198.51.100.1", *["10.0.0.2"] * HOPS_MAX]
    assert peer_of("10.0.0.1", [", ".join(hops)], OURS) == "10.0.0.2"
    assert peer_of("10.0.0.1", [", ".join(hops[:HOPS_MAX])], OURS) == "198.51.100.1"
