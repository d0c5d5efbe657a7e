"""Where a request may come in: the paths, the hosts and origins, and the challenge each endpoint answers strangers
with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.request import Endpoint
from remit.core.scope import SERVER_NAME
from remit.wire.headers import HOST, ORIGIN, Fields

_PREFIX: Final = b"/mcp/"
_PLACES_MAX: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """One endpoint. `metadata` is the URL of its RFC 9728 document."""

    endpoint: Endpoint
    metadata: str


class Places:
    """`/mcp` and `/mcp/{server}` below one public URL, which is never taken from a header.

    A browser page of another origin, or one that has rebound its DNS name to this host, is refused before anything else
    about the request is looked at (G23). A client that is no browser sends no Origin.
    """

    def __init__(self, public_url: str, *, origins: Iterable[str] = ()) -> None:
        parts = urlsplit(public_url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.netloc
            or parts.path not in ("", "/")
            or parts.query
            or parts.fragment
        ):
            raise ValueError(f"public_url: expected http(s)://host[:port], found {public_url!r}")
        self._url = public_url.rstrip("/")
        netloc = parts.netloc.lower()
        default = {"http": ":80", "https": ":443"}[parts.scheme]
        own = {netloc, netloc.removesuffix(default)} | ({netloc + default} if parts.port is None else set())
        self._hosts = frozenset(host.lower().encode("ascii") for host in own)
        self._origins = frozenset(
            origin.lower().encode("ascii") for origin in (f"{parts.scheme}://{netloc.removesuffix(default)}", *origins)
        )
        self._places: dict[bytes, Place] = {b"/mcp": self._place("")}

    def find(self, path: bytes) -> Place:
        """The endpoint of a raw path, which is never decoded. Raises `Invalid`."""
        place = self._places.get(path)
        if place is None:
            name = path.removeprefix(_PREFIX).decode("latin-1") if path.startswith(_PREFIX) else ""
            if not SERVER_NAME.match(name):
                raise refuse(Reason.UNKNOWN_PATH)
            place = self._place(name)
            if len(self._places) < _PLACES_MAX:
                self._places[path] = place
        return place

    def _place(self, server: str) -> Place:
        path = f"/mcp/{server}" if server else "/mcp"
        return Place(Endpoint(server, self._url + path), f"{self._url}/.well-known/oauth-protected-resource{path}")

    def guard(self, fields: Fields) -> None:
        """Raises `Invalid` for a Host that is not ours and an Origin that is not allowed (G23)."""
        host, origin = fields.get(HOST), fields.get(ORIGIN)
        if HOST in fields.repeated or host is None or (host not in self._hosts and host.lower() not in self._hosts):
            raise refuse(Reason.BAD_HOST)
        if origin is not None and (ORIGIN in fields.repeated or origin.lower() not in self._origins):
            raise refuse(Reason.BAD_ORIGIN)


def challenge(
    place: Place,
    *,
    error: str = "",
    scope: str = "",
    description: str = "",
    sign_in: Mapping[str, object] | None = None,
) -> bytes:
    """`WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1). Values hold no quotes: they are URLs, scopes and
    ours. `sign_in` is how the person has to (RFC 9470 section 3).
    """
    parts = [f'error="{error}"'] if error else []
    if description:
        parts.append(f'error_description="{description}"')
    parts += [f'{name}="{value}"' for name, value in (sign_in or {}).items()]
    wanted = scope or place.endpoint.server
    if wanted:
        parts.append(f'scope="{wanted}"')
    parts.append(f'resource_metadata="{place.metadata}"')
    return ("Bearer " + ", ".join(parts)).encode("latin-1", "replace")
