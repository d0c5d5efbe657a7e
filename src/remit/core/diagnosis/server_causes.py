"""Step 3: the authorization server's metadata (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import Final

from remit.core.diagnosis import document_causes
from remit.core.diagnosis.causes import Cause, Difference, Hypothesis, likely, possible, ruled_out, untested
from remit.core.diagnosis.document_causes import SERVER, in_short
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import split, text, texts

NO_METADATA: Final = "there is no authorization server metadata"
REQUIRED: Final = ("authorization_endpoint", "token_endpoint", "response_types_supported")


def _missing(evidence: Evidence) -> Cause:
    if evidence.server_heard is not None:
        return ruled_out(f"found at {evidence.server_heard.place}")
    if not evidence.servers:
        return untested("no authorization server is known")
    if evidence.walked_as_legacy:
        return untested("only the server's own origin was left to guess, and it has none")
    return likely(
        f"no metadata of {evidence.issuer}: {', '.join(map(in_short, evidence.servers))}",
        f"serve it at {evidence.servers[0].url}; is authorization_servers the issuer, with its path?",
    )


def _issuer(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    difference = Difference("issuer", evidence.issuer, text(evidence.server.get("issuer")))
    if difference.at < 0:
        return ruled_out("the metadata has exactly the issuer that was looked for")
    return likely(
        "the metadata's issuer is not the one it was found by; clients must refuse it (RFC 8414 section 3.3)",
        "let authorization_servers and issuer be one string, slash for slash",
        difference,
    )


def _forms(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    found = [heard.place for heard in evidence.servers if "issuer" in (heard.document or {})]
    if evidence.servers[0].place in found:
        return ruled_out("the first form is served")
    return possible(
        f"only as {', '.join(found)}; clients of 2025-06-18 ask for no more than {evidence.servers[0].url}",
        "serve the same document there too",
    )


def _pkce(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    methods = texts(evidence.server.get("code_challenge_methods_supported"))
    if "S256" in methods:
        return ruled_out("S256 is advertised")
    return likely(
        "code_challenge_methods_supported does not list S256; clients must refuse to go on",
        'add "code_challenge_methods_supported": ["S256"], once it is true',
        Difference("code_challenge_methods_supported", "S256", " ".join(methods)),
    )


def _incomplete(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    missing = [name for name in REQUIRED if not evidence.server.get(name)]
    if missing:
        return likely(f"the metadata lacks {', '.join(missing)}", "add what RFC 8414 section 2 requires")
    if "code" not in texts(evidence.server["response_types_supported"]):
        found = " ".join(texts(evidence.server["response_types_supported"]))
        difference = Difference("response_types_supported", "code", found)
        return likely("the authorization code flow is not offered", "switch it on at the server", difference)
    return ruled_out("what is required is there")


def _refresh(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    grants = texts(evidence.server.get("grant_types_supported"))
    if not grants or "refresh_token" in grants:
        return ruled_out("refreshing is offered" if grants else "it does not say that refreshing is not offered")
    return possible(
        "grant_types_supported has no refresh_token: people log in again each time a token ends",
        "let the server give refresh tokens to clients",
        Difference("grant_types_supported", "refresh_token", " ".join(grants)),
    )


def _scopes(evidence: Evidence) -> Cause:
    if evidence.server_heard is None:
        return untested(NO_METADATA)
    known = texts(evidence.server.get("scopes_supported"))
    unknown = [scope for scope in evidence.scopes_asked if known and scope not in known]
    if not unknown:
        return ruled_out("the scopes asked for are among the server's, or it lists none")
    return possible(
        "clients will ask for a scope that the authorization server does not list",
        "let both name the same scopes",
        *(Difference("scope", "", scope) for scope in unknown),
    )


def _first_place(evidence: Evidence) -> Cause:
    """An issuer with a query or fragment has no well-known place (RFC 8414 section 2)."""
    if not evidence.issuer:
        return untested("no authorization server is known")
    parts = split(evidence.issuer)
    if parts.query or parts.fragment:
        advice = "name the issuer itself in authorization_servers, not a metadata or login URL"
        return likely("authorization_servers holds something with a query or fragment, which no issuer has", advice)
    if "/.well-known/" in parts.path:
        advice = "name the issuer itself in authorization_servers, without /.well-known/…"
        return likely("authorization_servers holds the URL of a metadata document instead of an issuer", advice)
    return ruled_out("it has the form of an issuer")


HYPOTHESES: Final = (
    Hypothesis("issuer_form", "authorization_servers names no issuer", _first_place),
    Hypothesis("server_metadata_missing", "the authorization server has no metadata", _missing),
    Hypothesis("server_metadata_unreadable", "something else answers in its place", document_causes.unreadable(SERVER)),
    Hypothesis("server_metadata_redirects", "its place redirects", document_causes.redirected(SERVER)),
    Hypothesis("server_metadata_broken", "a place of it fails", document_causes.broken(SERVER)),
    Hypothesis("issuer_mismatch", "the issuer is another one", _issuer),
    Hypothesis("server_incomplete", "the metadata lacks what is required", _incomplete),
    Hypothesis("pkce_unadvertised", "PKCE with S256 is not advertised", _pkce),
    Hypothesis("server_form", "older clients do not find the metadata", _forms),
    Hypothesis("scope_unknown", "an unknown scope is asked for", _scopes),
    Hypothesis("no_refresh", "tokens are not refreshed", _refresh),
)
