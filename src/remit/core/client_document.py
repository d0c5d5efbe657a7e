"""Client id metadata documents: a client that is known by the https URL at which it describes itself
(draft-ietf-oauth-client-id-metadata-document, MCP 2026-07-28 authorization).

Whoever can put a file at that URL is the client, and no more is known of it: its name is what it says. So a document
makes nobody welcome. A rule for its domain does, or an administrator who has looked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from remit.core.clients import Client, ClientAuthentication
from remit.core.egress import Network
from remit.core.errors import Refusal, refuse
from remit.core.reasons import Reason
from remit.core.redirects import checked_redirect, shown

URL_CHARS_MAX: Final = 512
NAME_CHARS_MAX: Final = 128
REDIRECTS_MAX: Final = 32
KEYS_MAX: Final = 16
DOCUMENT_BYTES_MAX: Final = 16_384
# Members of a JWK that are read here. The others are not kept.
_PUBLIC: Final = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")
# Members of a JWK that only its owner may have (RFC 7518 section 6).
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class DomainTrust(StrEnum):
    """What a document's domain is worth. `ask`: an administrator lets each client in, and again when it changes."""

    TRUSTED = "trusted"
    ASK = "ask"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class DomainRule:
    """For a host, `*.` and a domain above it, or `*`. `tenants` are those the rule is for; `networks` and `ca_file` are
    for hosts of the operator's own, inside."""

    pattern: str
    trust: DomainTrust
    tenants: frozenset[str]
    networks: tuple[Network, ...] = ()
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class ClientDocument:
    """What a document says of its client, checked. `digest` is over all of it that matters for trust."""

    url: str
    host: str
    name: str
    redirects: frozenset[str]
    authentication: ClientAuthentication
    keys: Mapping[str, Any]
    digest: str


def is_document_url(client_id: str) -> bool:
    """Whether the client names itself by a URL; whether that is a good one, `document_host` says."""
    return client_id.startswith("https://")


def document_host(client_id: str) -> str:
    """The host of a client id that is a URL. Raises `Invalid` unless it is one that can be one: https, a path, one
    spelling, no user, query, fragment or dot segment (section 3 of the draft; the query it only discourages)."""
    if len(client_id) > URL_CHARS_MAX:
        raise _invalid(f"client_id is longer than {URL_CHARS_MAX} characters")
    try:
        checked_redirect(client_id, private_schemes=False)
    except Refusal as refusal:
        raise _invalid(f"client_id: {refusal.detail}") from None
    after = client_id.removeprefix("https://")
    if after == client_id or "?" in client_id:
        raise _invalid("client_id: expected https://HOST/PATH without a query")
    if not after.partition("/")[2]:
        raise _invalid("client_id: a path is missing after the host")
    return shown(client_id).host


def rule_for(rules: Mapping[str, DomainRule], host: str) -> DomainRule | None:
    """The rule that names the host most closely: itself, the nearest domain above it, everything."""
    labels = host.split(".")
    names = [host, *("*." + ".".join(labels[i:]) for i in range(1, len(labels))), "*"]
    return next((rules[name] for name in names if name in rules), None)


def parse_document(url: str, content: bytes) -> ClientDocument:
    """Raises `Invalid`: what was found and what was expected."""
    found = json_object(content)
    said = found.get("client_id")
    if said != url:  # simple string comparison (section 4.1)
        raise _invalid(f"client_id in the document is {str(said)[:80]!r}, expected exactly the URL it was read at")
    if "client_secret" in found or "client_secret_expires_at" in found:
        raise _invalid("a document holds no secret")
    authentication = _authentication(found.get("token_endpoint_auth_method", "none"))
    _require_among(found, "grant_types", "authorization_code")
    _require_among(found, "response_types", "code")
    name, redirects = checked_name(found.get("client_name")), _redirects(found.get("redirect_uris"))
    keys = public_keys(found.get("jwks")) if authentication is ClientAuthentication.PRIVATE_KEY_JWT else {}
    matters = [url, name, sorted(redirects), authentication.value, keys]
    digest = hashlib.sha256(json.dumps(matters, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
    return ClientDocument(url, document_host(url), name, redirects, authentication, keys, digest)


def described(document: ClientDocument, tenants: frozenset[str]) -> Client:
    """The client a document makes, for the tenants that let it in."""
    return Client(
        id=document.url,
        tenants=tenants,
        authentication=document.authentication,
        keys=document.keys,
        redirects=document.redirects,
        domain=document.host,
        name=document.name,
    )


def json_object(content: bytes) -> dict[str, Any]:
    """Raises `Invalid`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a member is there twice")
        return dict(pairs)

    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise _invalid("expected one JSON object in UTF-8, each member once") from None
    if not isinstance(found, dict):
        raise _invalid("expected one JSON object")
    return found


def _authentication(method: object) -> ClientAuthentication:
    if method not in ("none", "private_key_jwt"):
        raise _invalid(f"token_endpoint_auth_method: expected none or private_key_jwt, found {str(method)[:40]!r}")
    return ClientAuthentication(str(method))


def _require_among(found: Mapping[str, Any], member: str, wanted: str) -> None:
    said = found.get(member, [wanted])
    if not isinstance(said, list) or wanted not in said:
        raise _invalid(f"{member}: expected a list with {wanted}")


def checked_name(said: object) -> str:
    """People read it beside the domain, so it is short, on one line, and not turned round by control characters.
    Raises `Invalid`.
    """
    if not isinstance(said, str) or not said.strip() or len(said) > NAME_CHARS_MAX or not said.isprintable():
        raise _invalid(f"client_name: expected 1 to {NAME_CHARS_MAX} printable characters")
    return " ".join(said.split())


def _redirects(said: object) -> frozenset[str]:
    if not isinstance(said, list) or not 1 <= len(said) <= REDIRECTS_MAX:
        raise _invalid(f"redirect_uris: expected a list of 1 to {REDIRECTS_MAX}")
    for uri in said:
        if not isinstance(uri, str):
            raise _invalid("redirect_uris: expected text")
        try:
            checked_redirect(uri, private_schemes=True)
        except Refusal as refusal:
            raise _invalid(f"redirect_uris: {refusal.detail}") from None
    return frozenset(said)


def public_keys(said: object) -> Mapping[str, Any]:
    """A public JWK set inside the document. One at another URL (`jwks_uri`) is not taken: it could change unseen.
    Raises `Invalid`.
    """
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_MAX:
        raise _invalid(
            f"jwks: private_key_jwt needs 1 to {KEYS_MAX} public keys in the document; jwks_uri is not taken"
        )
    for key in keys:
        if not isinstance(key, dict) or key.keys() & _PRIVATE or key.get("kty") not in ("EC", "OKP", "RSA"):
            raise _invalid("jwks: expected public keys only, of type EC, OKP or RSA")
        if not all(isinstance(key[member], str) and key[member].isprintable() for member in key.keys() & set(_PUBLIC)):
            raise _invalid(f"jwks: expected text for {', '.join(_PUBLIC)}")
    return {"keys": [{member: key[member] for member in _PUBLIC if member in key} for key in keys]}


def _invalid(detail: str) -> Refusal:
    return refuse(Reason.CLIENT_DOCUMENT_INVALID, detail)
