"""The walk of `remit doctor URL`: what a client does from a URL to its first call, changing nothing at the other side.

    1 call without a token    2 protected resource metadata    3 authorization server metadata
    4 registration            5 token                          6 call

It judges nothing: what it found becomes `Evidence`, and `core/diagnosis` says what that means.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from remit.cli.mcp_client import LEGACY, MODERN
from remit.cli.probe import Asking, Probe
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, origin, split, text
from remit.core.diagnosis.places import resource_places, server_places
from remit.core.diagnosis.resource_causes import LOOPBACK
from remit.core.diagnosis.token_causes import read_token
from remit.core.secret import Secret
from remit.wire.revisions import META_CAPABILITIES, META_CLIENT, META_VERSION

CLIENT = {"name": "remit-doctor", "version": "1"}
# A document may name thousands of hosts; each costs seconds, and tells its name server that somebody looks.
LOOKED_UP_MAX = 20
ACCEPT = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@dataclass(frozen=True, slots=True)
class Given:
    """What the operator has beside the URL."""

    client_id: str = ""
    redirect: str = ""
    token: Secret | None = None


def walk(url: str, given: Given, probe: Probe) -> Evidence:
    """From the first request to as far as it goes."""
    began_s = _now_s()
    asked = _opened(probe, url, None)
    evidence = Evidence(url, asked, client_id=given.client_id, redirect=given.redirect, reach=probe.reach)
    evidence = replace(evidence, now_s=_now_s(), skew_s=_skew_s(asked, (began_s + _now_s()) / 2))
    if evidence.answered is None:
        return evidence
    if not evidence.is_open or evidence.refusal is not None or given.token is not None:
        evidence = _metadata(probe, evidence)
    evidence = _authorize(probe, evidence)
    if given.token is not None:
        evidence = replace(evidence, token=read_token(given.token), calls=_calls(probe, url, given.token))
    return evidence


# 1 and 6: the endpoint ----------------------------------------------------------------------------------------------
def _opened(probe: Probe, url: str, token: Secret | None) -> tuple[Heard, ...]:
    """Both openings: what a modern client sends first, and what a legacy one does."""
    modern = probe.ask("discover", url, _modern("server/discover"), token=token)
    if not modern.status:
        return (modern,)
    legacy = probe.ask("initialize", url, _initialize(), token=token)
    _close(probe, url, legacy, token)
    return modern, legacy


def _calls(probe: Probe, url: str, token: Secret) -> tuple[Heard, ...]:
    modern = probe.ask("discover", url, _modern("server/discover"), token=token)
    if modern.result is not None:
        return modern, probe.ask("tools/list", url, _modern("tools/list"), token=token)
    if modern.status in (0, 401, 403):
        return (modern,)
    legacy = probe.ask("initialize", url, _initialize(), token=token)
    if legacy.result is None:
        return modern, legacy
    headers = {"MCP-Protocol-Version": text(legacy.result.get("protocolVersion")) or LEGACY[0], **_session(legacy)}
    begun = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    probe.ask("initialized", url, _post(begun, headers), token=token)
    listed = probe.ask("tools/list", url, _post(_request("tools/list", {}), headers), token=token)
    _close(probe, url, legacy, token)
    return legacy, listed


def _modern(method: str) -> Asking:
    meta = {META_VERSION: MODERN, META_CAPABILITIES: {}, META_CLIENT: CLIENT}
    return _post(_request(method, {"_meta": meta}), {"MCP-Protocol-Version": MODERN, "Mcp-Method": method})


def _initialize() -> Asking:
    params = {"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": CLIENT}
    return _post(_request("initialize", params), {})


def _request(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _post(message: Mapping[str, Any], headers: Mapping[str, str]) -> Asking:
    return Asking("POST", {**ACCEPT, **headers}, json.dumps(message).encode(), reply_to=1)


def _session(opened: Heard) -> dict[str, str]:
    found = opened.headers.get("mcp-session-id", "")
    return {"Mcp-Session-Id": found} if found else {}


def _close(probe: Probe, url: str, opened: Heard, token: Secret | None) -> None:
    """Leave no session behind."""
    if opened.result is not None and _session(opened):
        probe.ask("delete", url, Asking("DELETE", {**ACCEPT, **_session(opened)}), token=token)


# 2 and 3: metadata --------------------------------------------------------------------------------------------------
def _metadata(probe: Probe, evidence: Evidence) -> Evidence:
    evidence = replace(evidence, resource=_documents(probe, resource_places(evidence.url, evidence.metadata_named)))
    issuer = next(iter(evidence.issuers), "")
    if not issuer and evidence.resource_heard is None:
        issuer = origin(evidence.url)  # what clients of 2025-03-26 take for it
    if issuer:
        evidence = replace(evidence, issuer=issuer, servers=_documents(probe, server_places(issuer)))
    for _, url in evidence.advertised[:LOOKED_UP_MAX]:
        probe.look_up(url)
    return evidence


def _documents(probe: Probe, places: list[tuple[str, str]]) -> tuple[Heard, ...]:
    """Each place once, even if two places have one address."""
    found: dict[str, Heard] = {}
    for place, url in places:
        if url not in found:
            found[url] = probe.ask(place, url)
    return tuple(found.values())


# 4: the authorization endpoint --------------------------------------------------------------------------------------
def _authorize(probe: Probe, evidence: Evidence) -> Evidence:
    """A correct request, as a browser would send it; where it leads is told and not followed."""
    endpoint = text(evidence.server.get("authorization_endpoint"))
    pushed_only = evidence.server.get("require_pushed_authorization_requests") is True
    if not evidence.client_id or not endpoint or pushed_only:
        return evidence
    elsewhere = other_port(evidence.redirect)
    redirects = [evidence.redirect, elsewhere] if elsewhere else [evidence.redirect]
    heard = tuple(_asked_to_authorize(probe, evidence, endpoint, redirect) for redirect in redirects)
    return replace(evidence, authorize=heard, redirect_elsewhere=elsewhere)


def _asked_to_authorize(probe: Probe, evidence: Evidence, endpoint: str, redirect: str) -> Heard:
    challenge = urlsafe_b64encode(hashlib.sha256(secrets.token_bytes(32)).digest()).rstrip(b"=").decode("ascii")
    parameters = {
        "response_type": "code",
        "client_id": evidence.client_id,
        "redirect_uri": redirect,
        "state": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": evidence.resource_named or evidence.url,
        "scope": " ".join(evidence.scopes_asked),
    }
    query = urlencode({name: value for name, value in parameters.items() if value}, errors="replace")
    joined = f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"
    heard = probe.ask("authorize", joined, Asking(headers={"Accept": "text/html"}))
    return replace(heard, url=endpoint)


def other_port(redirect: str) -> str:
    """The same redirect URI at another port, if it is one of a program on the device; else empty."""
    parts = split(redirect)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return ""
    port = 49_199 if parts.port != 49_199 else 49_198
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return parts._replace(netloc=f"{name}:{port}").geturl()


# time ---------------------------------------------------------------------------------------------------------------
def _skew_s(asked: tuple[Heard, ...], here_s: float) -> float | None:
    """How far the server's clock is ahead, to the second, by the `Date` of its first answer."""
    said = next((heard.headers["date"] for heard in asked if "date" in heard.headers), "")
    try:
        return round(parsedate_to_datetime(said).timestamp() - here_s) if said else None
    except (ValueError, OverflowError):
        return None


def _now_s() -> float:
    return time.time()  # noqa: TID251  compared with another machine's clock, and shown; decides nothing
