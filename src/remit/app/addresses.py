"""The addresses of `remit.yaml`: where Remit listens, what it is called, and where answers may be sent."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from remit.app.sections import Settings
from remit.core.egress import parse_networks
from remit.core.errors import Refusal
from remit.core.redirects import checked_redirect


def misfit_public_url(url: str, where: str = "public_url") -> Iterator[str]:
    public = urlsplit(url)
    if (
        public.scheme not in ("http", "https")
        or not public.hostname
        or public.query
        or public.fragment
        or public.username
        or public.path
    ):
        yield f"{where}: expected https://host[:port] with no path, found {url!r}"
    elif not _port_fits(public):
        yield f"{where}: expected a port up to 65535, found {url!r}"
    elif public.scheme == "http" and not _loopback(public.hostname):
        yield f"{where}: plain http is for loopback only; use https"


def misfit_listen(listen: str, where: str = "listen", *, secured: bool) -> Iterator[str]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        yield f"{where}: expected HOST:PORT, found {listen!r}"
    elif not _loopback(host.strip("[]")) and not secured:
        yield (
            f"{where}: {listen} is reachable from outside and has no TLS; "
            "set tls, or behind_tls_proxy if a proxy terminates it"
        )


def misfit_admin(settings: Settings, *, secured: bool) -> Iterator[str]:
    """The second listener is another place under another name: what is good at one is good for nothing at the other."""
    if not settings.admin_url and not settings.admin_listen:
        return
    if not settings.admin_url or not settings.admin_listen:
        yield "admin_url, admin_listen: set both, or neither: then there is no administration over HTTP"
        return
    yield from misfit_public_url(settings.admin_url, "admin_url")
    yield from misfit_listen(settings.admin_listen, "admin_listen", secured=secured)
    if _origin(settings.admin_url) == _origin(settings.public_url):
        yield "admin_url: is public_url; administration needs a name or a port of its own"
    port = settings.admin_listen.rpartition(":")[2]
    if settings.admin_listen == settings.listen and port != "0":
        yield "admin_listen: is listen; administration needs a port of its own"


def _origin(url: str) -> tuple[str, str, int | None]:
    place = urlsplit(url)
    default = {"http": 80, "https": 443}.get(place.scheme)
    return place.scheme, place.hostname or "", (place.port if _port_fits(place) else None) or default


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
