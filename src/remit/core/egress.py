"""Which addresses Remit may connect to: pure rules, applied to every resolved address at the moment of dialling.

Two classes of trust. A *registered* endpoint was written down by an operator: it may be inside, if what was written
says so. A *learned* endpoint came out of somebody's document or header: public addresses only. Link-local and cloud
metadata addresses are refused for both. An address that carries another inside (IPv4-mapped, NAT64, 6to4, Teredo) is
judged by the one that packets would reach (GO-2026-5996, CVE-2026-80347).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import urlsplit

from remit.core.errors import refuse
from remit.core.reasons import Reason

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
# Metadata services that are not link-local: Alibaba, Oracle (old), AWS over IPv6, GCP's documented ULA.
_METADATA: Final = frozenset(
    ip_address(text) for text in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*\.?\Z")
_NUMERIC_LABEL: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_TARGET: Final = re.compile(r"[!-~]*\Z")


@dataclass(frozen=True, slots=True)
class Registered:
    """An operator wrote this endpoint down. `names_address`: the URL itself holds the address, or says localhost;
    otherwise an inside address must lie in `networks`."""

    names_address: bool
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """A URL that came from a document, a header or a principal."""


Trust = Registered | Learned


@dataclass(frozen=True, slots=True)
class Peer:
    """Where to connect and what to ask for there. `host` is lower case, an IPv6 literal without brackets."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The Host header's value (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_peer(url: str) -> Peer:
    """One spelling per host: no userinfo, no fragment, no decimal, octal or hexadecimal address. Raises `Denied`."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").lower()
    except ValueError:
        raise refuse(Reason.ADDRESS_REFUSED, "the URL cannot be parsed") from None
    if parts.scheme not in ("http", "https") or parts.username is not None or "\\" in url or "#" in url:
        raise refuse(Reason.ADDRESS_REFUSED, "expected http(s)://HOST[:PORT]/PATH without user, password or fragment")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if port == 0 or not _TARGET.match(target) or not _TARGET.match(url):
        raise refuse(Reason.ADDRESS_REFUSED, "expected a port above 0 and a path of visible ASCII characters")
    _check_host(host, bracketed=parts.netloc.startswith("["))
    return Peer(parts.scheme == "https", host, port or (443 if parts.scheme == "https" else 80), target)


def _check_host(host: str, *, bracketed: bool) -> None:
    if bracketed:
        if "%" in host or literal(host) is None:
            raise refuse(Reason.ADDRESS_REFUSED, "expected an IPv6 address without a zone between brackets")
        return
    if not _HOST.match(host):
        raise refuse(Reason.ADDRESS_REFUSED, "expected a host name or address")
    # WHATWG URL: a host whose last label is a number is an IPv4 address, however it is spelt. One spelling is taken.
    if _NUMERIC_LABEL.match(host.rstrip(".").rsplit(".", 1)[-1]) and not isinstance(literal(host), IPv4Address):
        raise refuse(Reason.ADDRESS_REFUSED, "expected an IPv4 address as four decimal numbers")


def literal(host: str) -> Address | None:
    """The address if the host is one, written canonically enough for `ipaddress` (no leading zeros), else None."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises `Denied` for a network that is not one or has host bits set."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError:
        raise refuse(Reason.ADDRESS_REFUSED, "networks: expected CIDR like 10.0.0.0/8") from None


def registered(peer: Peer, networks: tuple[str, ...] = ()) -> Registered:
    """The trust an operator's URL carries."""
    name = peer.host.rstrip(".")
    names_address = literal(peer.host) is not None or name == "localhost" or name.endswith(".localhost")
    return Registered(names_address, parse_networks(networks))


def carried(address: Address) -> Address:
    """The address packets would reach: the IPv4 address an IPv6 one carries inside, if it carries one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _IPV4_COMPATIBLE and int(address) > 1:
        return IPv4Address(int(address))
    return address


def refuse_address(trust: Trust, address: Address) -> None:
    """Raises `Denied` (`address_refused`) unless this address may be dialled. Names no address that was resolved."""
    reached = carried(address)
    if _is_never(address) or _is_never(reached):
        raise refuse(Reason.ADDRESS_REFUSED, "the host resolves to a link-local, metadata or special-purpose address")
    if reached.is_global:
        return
    match trust:
        case Learned():
            raise refuse(Reason.ADDRESS_REFUSED, "the host resolves to an address that is not public")
        case Registered(names_address=names_address, networks=networks):
            if names_address or any(_within(candidate, networks) for candidate in (address, reached)):
                return
            raise refuse(
                Reason.ADDRESS_REFUSED,
                "the host resolves to a private address outside the server's networks; add the network if it is yours",
            )


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _is_never(address: Address) -> bool:
    return (
        address in _METADATA
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.is_reserved and not address.is_loopback and isinstance(address, IPv4Address))
    )
