"""The addresses of `remit.yaml`: where Remit listens, what it is called, and where answers may be sent."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from remit.core.egress import parse_networks
from remit.core.errors import Refusal
from remit.core.redirects import checked_redirect


def misfit_public_url(url: str) -> Iterator[str]:
    public = urlsplit(url)
    if (
        public.scheme not in ("http", "https")
        or not public.hostname
        or public.query
        or public.fragment
        or public.username
        or public.path
    ):
        yield f"public_url: expected https://host[:port] with no path, found {url!r}"
    elif not _port_fits(public):
        yield f"public_url: expected a port up to 65535, found {url!r}"
    elif public.scheme == "http" and not _loopback(public.hostname):
        yield "public_url: plain http is for loopback only; use https"


def misfit_listen(listen: str, *, secured: bool) -> Iterator[str]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        yield f"listen: expected HOST:PORT, found {listen!r}"
    elif not _loopback(host.strip("[]")) and not secured:
        yield (
            f"listen: {listen} is reachable from outside and has no TLS; "
            "set tls, or behind_tls_proxy if a proxy terminates it"
        )


def misfit_redirects(where: str, uris: Iterable[str]) -> Iterator[str]:
    for uri in uris:
        try:
            checked_redirect(uri, private_schemes=True)
        except Refusal as refusal:
            yield f"{where}: {refusal.detail}"


def misfit_networks(where: str, networks: Iterable[str]) -> Iterator[str]:
    try:
        parse_networks(tuple(networks))
    except Refusal as refusal:
        yield f"{where}: {refusal.detail}"


def _port_fits(url: SplitResult) -> bool:
    try:
        return url.port is None or url.port > 0
    except ValueError:
        return False


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
