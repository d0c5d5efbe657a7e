"""What a walk finds at a server where everything is right, to be changed in one place by a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from remit.core.diagnosis.causes import Cause, Verdict
from remit.core.diagnosis.evidence import Evidence, Reach, Token
from remit.core.diagnosis.heard import Heard
from remit.core.diagnosis.table import diagnose

ORIGIN, ISSUER = "https://mcp.example", "https://login.example"
URL = f"{ORIGIN}/mcp"
METADATA = f"{ORIGIN}/.well-known/oauth-protected-resource/mcp"
RESOURCE: dict[str, Any] = {"resource": URL, "authorization_servers": [ISSUER], "scopes_supported": ["look"]}
SERVER: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["none"],
    "client_id_metadata_document_supported": True,
    "authorization_response_iss_parameter_supported": True,
}
CHALLENGE = f'Bearer resource_metadata="{METADATA}", scope="look"'
REDIRECT, ELSEWHERE = "http://127.0.0.1/callback", "http://127.0.0.1:49199/callback"
NOW_S = 1_800_000_000.0


def said(place: str, url: str, status: int = 200, body: Any = b"", **headers: str) -> Heard:
    """An answer; a mapping is sent as JSON."""
    is_json = isinstance(body, dict)
    kind = {"content-type": "application/json"} if is_json else {}
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Heard(place, url, status, kind | told, body=json.dumps(body).encode() if is_json else body)


def refused(place: str, challenge: str | None = CHALLENGE, status: int = 401) -> Heard:
    return Heard(place, URL, status, challenges_raw=() if challenge is None else (challenge,))


def answered(place: str, result: Mapping[str, Any] | None = None) -> Heard:
    return said(place, URL, 200, {"jsonrpc": "2.0", "id": 1, "result": dict(result or {})})


def resource(**changed: Any) -> tuple[Heard, ...]:
    """The metadata at the place the challenge names, with members changed, or (None) absent."""
    return said("header", METADATA, 200, _changed(RESOURCE, changed)), said("root", f"{ORIGIN}/root", 404)


def server(**changed: Any) -> tuple[Heard, ...]:
    place = f"{ISSUER}/.well-known/oauth-authorization-server"
    return said("oauth", place, 200, _changed(SERVER, changed)), said("openid", f"{ISSUER}/openid", 404)


def _changed(document: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**document, **changed}.items() if value is not None}


def token(**changed: Any) -> Token:
    claims = {"iss": ISSUER, "aud": URL, "exp": NOW_S + 600, "nbf": NOW_S - 10, "scope": "look"}
    return Token(_changed(claims, changed), "at+jwt")


def authorized(status: int = 302, to: str = f"{ISSUER}/login?flow=1") -> Heard:
    return said("authorize", f"{ISSUER}/authorize", status, location=to)


def healthy() -> Evidence:
    to = f"{REDIRECT}?error=login_required&iss={ISSUER}"
    return Evidence(
        URL,
        (refused("discover"), refused("initialize")),
        resource(),
        ISSUER,
        server(),
        client_id="desktop",
        redirect=REDIRECT,
        redirect_elsewhere=ELSEWHERE,
        authorize=(authorized(to=to), authorized(to=to)),
        token=token(),
        calls=(answered("discover"), answered("tools/list", {"tools": [{"name": "look"}]})),
        reach={"mcp.example": Reach.PUBLIC, "login.example": Reach.PUBLIC},
        now_s=NOW_S,
        skew_s=0.0,
    )


def with_(**changed: Any) -> Evidence:
    return replace(healthy(), **changed)


def judged(id: str, evidence: Evidence) -> Cause:
    return next(cause for cause in diagnose(evidence) if cause.id == id)


def verdict(id: str, evidence: Evidence) -> Verdict:
    return judged(id, evidence).verdict


def likely(evidence: Evidence) -> list[str]:
    """What is likely, in rank order."""
    return [cause.id for cause in diagnose(evidence) if cause.verdict is Verdict.LIKELY]


def possible(evidence: Evidence) -> list[str]:
    return [cause.id for cause in diagnose(evidence) if cause.verdict is Verdict.POSSIBLE]
