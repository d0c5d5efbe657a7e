"""Step 2: the protected resource metadata (RFC 9728), and every address that documents and headers send clients to."""

from __future__ import annotations

from typing import Final

from remit.core.diagnosis import document_causes
from remit.core.diagnosis.causes import Cause, Difference, Hypothesis, likely, possible, ruled_out, untested
from remit.core.diagnosis.document_causes import RESOURCE, in_short
from remit.core.diagnosis.evidence import Evidence, Reach
from remit.core.diagnosis.heard import host, origin, split

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _missing(evidence: Evidence) -> Cause:
    if evidence.resource_heard is not None:
        return ruled_out(f"found at {evidence.resource_heard.place}")
    if not evidence.resource or evidence.is_open:
        return ruled_out("it asks for no login") if evidence.is_open else untested("it was not asked for")
    said = f"no protected resource metadata: {', '.join(map(in_short, evidence.resource))}"
    if evidence.server_heard is not None:
        advice = "serve it (RFC 9728); now only clients that fall back to 2025-03-26 find an authorization server"
        return possible(f"{said}; but there is an authorization server at the same origin", advice)
    return likely(said, f"serve it at {evidence.resource[0].url}; does the proxy pass /.well-known/ on?")


def _mismatch(evidence: Evidence) -> Cause:
    if evidence.resource_heard is None:
        return untested("there is no protected resource metadata")
    found = evidence.resource_named
    difference = Difference("resource", evidence.url, found)
    if difference.at < 0:
        return ruled_out("the metadata names exactly this URL")
    advice = "set the server's public URL to what clients use, character by character, or give clients the other"
    if found.rstrip("/") == evidence.url.rstrip("/"):
        said = "the metadata's resource and the URL differ in the last slash; whoever compares exactly refuses"
        return possible(said, advice, difference)
    if is_parent(found, evidence.url):
        said = "the metadata's resource is a parent of the URL; the official SDKs take that, exact clients do not"
        return possible(said, advice, difference)
    return likely("the metadata is for another resource than this URL; clients must refuse it", advice, difference)


def is_parent(parent: str, url: str) -> bool:
    """The same origin, and a path above (what the official SDKs accept)."""
    above = split(parent).path.rstrip("/") + "/"
    return origin(parent).lower() == origin(url).lower() and (split(url).path + "/").startswith(above)


def _no_server(evidence: Evidence) -> Cause:
    if evidence.resource_heard is None:
        return untested("there is no protected resource metadata")
    if evidence.issuers:
        return ruled_out(f"it names {len(evidence.issuers)}")
    advice = 'add "authorization_servers": ["https://…"], with the issuer as that server spells it'
    return likely("the metadata names no authorization_servers", advice)


def _insecure(evidence: Evidence) -> Cause:
    """Behind a proxy that ends TLS a server thinks it is plain http."""
    if not evidence.advertised:
        return untested("no address was learned")
    plain = [(what, url) for what, url in evidence.advertised if not is_secure(evidence, url)]
    if not plain:
        return ruled_out("every address is https, or loopback as the URL is")
    differences = (Difference(what, f"https{url[4:]}" if url[:5] == "http:" else "", url) for what, url in plain)
    return likely(
        "plain http, or no URL at all, is advertised; clients refuse it",
        "set the public URL of the server that says so to https://…; do not let it guess from forwarded headers",
        *differences,
    )


def is_secure(evidence: Evidence, url: str) -> bool:
    """https, or http to loopback if that is what was typed."""
    parts = split(url)
    if not parts.hostname or parts.username is not None:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and split(evidence.url).scheme == "http" and host(url) in LOOPBACK
    )


def _inside(evidence: Evidence) -> Cause:
    """A host that only the server's own network knows."""
    if not evidence.advertised:
        return untested("no address was learned")
    if evidence.typed_inside:
        bad = [(what, url) for what, url in evidence.advertised if evidence.reach.get(host(url)) is Reach.NOWHERE]
        if not bad:
            return ruled_out("every host resolves; the URL itself is inside, so inside ones are no surprise")
    else:
        bad = [
            (what, url)
            for what, url in evidence.advertised
            if evidence.reach.get(host(url), Reach.PUBLIC) is not Reach.PUBLIC
        ]
        if not bad:
            return ruled_out("every host is public")
    return likely(
        "an address is advertised that clients outside cannot reach, and must not try",
        "set the public URL of the server that says so; it seems to take its own name, or the proxy's inner one",
        *(Difference(what, "", url) for what, url in bad),
    )


HYPOTHESES: Final = (
    Hypothesis("metadata_missing", "there is no protected resource metadata", _missing),
    Hypothesis("metadata_unreadable", "something else answers in its place", document_causes.unreadable(RESOURCE)),
    Hypothesis("metadata_redirects", "the metadata's place redirects", document_causes.redirected(RESOURCE)),
    Hypothesis("metadata_broken", "a place of the metadata fails", document_causes.broken(RESOURCE)),
    Hypothesis("advertised_insecure", "plain http is advertised", _insecure),
    Hypothesis("advertised_inside", "an inside or unknown host is advertised", _inside),
    Hypothesis("resource_mismatch", "the metadata is for another URL", _mismatch),
    Hypothesis("no_authorization_server", "the metadata names no authorization server", _no_server),
)
