"""What a client did on its way from a 401 to a called tool, read from what went over the wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.peers.relay import Seen

RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
METHODS = {"Basic": "secret", "assertion": "key", "": "none"}


def walked(seen: Sequence[Seen], endpoint: str) -> dict[str, str]:
    """The steps of one client at the MCP endpoint `endpoint`, in the words of tools/reference/clients.yaml. A step that
    was not taken, or did not succeed, is `-`.
    """
    (asked, *_), codes = at(seen, "/authorize", 303), at(seen, "/token", 200, grant_type="authorization_code")
    return {
        "registration": _registration(seen, asked),
        "discovery": " → ".join(_discovery(seen, endpoint)) or "-",
        "authentication": _authentication(codes[0]) if codes else "-",
        "request": ", ".join(_request([*at(seen, "/par", 201), asked])),
        "resource": ", ".join(_resources(seen)) or "-",
        "list": _revisions(seen, endpoint, "tools/list"),
        "call": _revisions(seen, endpoint, "tools/call"),
        "refresh": _refresh(seen, endpoint),
        "revoke": "yes" if at(seen, "/revoke", 200) else "-",
    }


def at(seen: Sequence[Seen], path: str, status: int, **sent: str) -> list[Seen]:
    return [each for each in seen if each.path == path and each.status == status and sent.items() <= each.sent.items()]


def _discovery(seen: Sequence[Seen], endpoint: str) -> Iterator[str]:
    if at(seen, endpoint, 401):
        yield "401"
    if at(seen, f"{RESOURCE_METADATA}{endpoint}", 200):
        yield "resource metadata"
    if at(seen, "/.well-known/oauth-authorization-server", 200):
        yield "server metadata"
    elif at(seen, "/.well-known/openid-configuration", 200):
        yield "OpenID metadata"


def _registration(seen: Sequence[Seen], asked: Seen) -> str:
    if at(seen, "/register", 201):
        return "registers itself"
    return "describes itself" if asked.sent.get("client_id", "").startswith("https://") else "is registered"


def _authentication(exchange: Seen) -> str:
    scheme = exchange.headers.get("authorization", "").partition(" ")[0]
    return METHODS["assertion" if "client_assertion" in exchange.sent else scheme]


def _request(parts: Sequence[Seen]) -> Iterator[str]:
    sent = {name: value for part in parts for name, value in part.sent.items()}
    if "request_uri" in sent:
        yield "PAR"
    if sent.get("code_challenge_method") == "S256":
        yield "PKCE"
    yield from (name for name in ("state", "scope", "authorization_details") if name in sent)


def _resources(seen: Sequence[Seen]) -> Iterator[str]:
    """Where RFC 8707's parameter is sent."""
    if any("resource" in each.sent for each in [*at(seen, "/par", 201), *at(seen, "/authorize", 303)]):
        yield "authorize"
    for grant_type, name in (("authorization_code", "token"), ("refresh_token", "refresh")):
        if any("resource" in each.sent for each in at(seen, "/token", 200, grant_type=grant_type)):
            yield name


def _refresh(seen: Sequence[Seen], endpoint: str) -> str:
    """Ahead of time, or once a token that was good is refused."""
    refreshed = at(seen, "/token", 200, grant_type="refresh_token")
    if not refreshed:
        return "-"
    before = seen[: seen.index(refreshed[0])]
    first = min((before.index(each) for each in at(before, endpoint, 200)), default=len(before))
    return "after a 401" if at(before[first:], endpoint, 401) else "ahead"


def _revisions(seen: Sequence[Seen], endpoint: str, method: str) -> str:
    found = {each.headers.get("mcp-protocol-version", "none") for each in at(seen, endpoint, 200, method=method)}
    return ", ".join(sorted(found)) or "-"
