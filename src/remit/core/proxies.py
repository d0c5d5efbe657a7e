"""Who asks, where proxies of the operator's own stand in front. Only for limits per peer: it is never authority."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Network, ip_address
from typing import Final

from remit.core.egress import Address, Network

HOPS_MAX: Final = 16
NETWORK_BITS: Final = 64


def peer_of(connected: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's: of the connection, or of what the proxies wrote into
    `X-Forwarded-For`, read from the right. What stands further left was written by whoever asks, and says nothing.
    """
    peer = connected
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    for hop in reversed(hops[-HOPS_MAX:]):
        if not _is_trusted(peer, trusted):
            return peer
        address = _address(hop)
        if address is None:
            return peer
        peer = str(address)
    return peer


def one_peer(address: str) -> str:
    """What a limit per peer counts by: an IPv4 address, or the /64 in which one connection has all its IPv6 addresses
    (RFC 6177). Text that is no address is itself.
    """
    found = _address(address.partition("%")[0])
    if found is None or found.version == 4:
        return address if found is None else str(found)
    return str(IPv6Network((int(found), NETWORK_BITS), strict=False))


def _is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    address = _address(peer)
    return address is not None and any(address.version == each.version and address in each for each in trusted)


def _address(text: str) -> Address | None:
    """`192.0.2.7`, `192.0.2.7:5000`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:5000`; else None."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if found.version == 6 else None
    return mapped or found
