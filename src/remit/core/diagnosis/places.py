"""Where a client looks for metadata, in its order (MCP 2026-07-28 authorization; RFC 9728 section 3, RFC 8414
section 3, OpenID Connect Discovery section 4).
"""

from __future__ import annotations

from typing import Final

from remit.core.diagnosis.heard import origin, split

RESOURCE: Final = "/.well-known/oauth-protected-resource"
OAUTH: Final = "/.well-known/oauth-authorization-server"
OPENID: Final = "/.well-known/openid-configuration"


def resource_places(url: str, named: str) -> list[tuple[str, str]]:
    """The protected resource metadata of this endpoint: where the header says (empty: it does not), path, root."""
    path = split(url).path
    places = [("header", named)] if named else []
    places += [("path", f"{origin(url)}{RESOURCE}{path}")] if path not in ("", "/") else []
    return [*places, ("root", f"{origin(url)}{RESOURCE}")]


def server_places(issuer: str) -> list[tuple[str, str]]:
    """The metadata of the authorization server with this issuer."""
    base, path = origin(issuer), split(issuer).path.rstrip("/")
    if not path:
        return [("oauth", f"{base}{OAUTH}"), ("openid", f"{base}{OPENID}")]
    return [
        ("oauth, path inserted", f"{base}{OAUTH}{path}"),
        ("openid, path inserted", f"{base}{OPENID}{path}"),
        ("openid, path appended", f"{base}{path}{OPENID}"),
    ]
