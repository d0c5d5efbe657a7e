"""The one way out: every connection Remit opens is checked against the address rules when it is dialled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from remit.core.egress import Peer, Trust

T = TypeVar("T")


class Dialler(Protocol):
    async def dial(self, make: Callable[[], T], peer: Peer, trust: Trust, *, ca_file: str = "") -> T:
        """Connect and return the protocol that `make` built, its transport already given to it.

        Resolves once, holds every address found against `trust`, and connects to an address that was checked, so that
        a second answer from DNS changes nothing. Raises `Denied` (`address_refused`) or `Outage`
        (`upstream_unreachable`).
        """
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """`fresh_s` is how long it need not be fetched again (RFC 9111)."""

    content: bytes
    fresh_s: float


class Fetcher(Protocol):
    async def fetch(
        self, url: str, trust: Trust, *, bytes_max: int, accept: str = "application/json", ca_file: str = ""
    ) -> Fetched:
        """What a 200 answer to GET holds. No redirect is followed. Raises `Denied` or `Outage`."""
        ...
