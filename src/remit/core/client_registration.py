"""Dynamic client registration (RFC 7591): what a client asks to be registered as, and what it is registered as.

Deprecated in MCP since 2026-07-28 and off unless it is configured: whoever reaches the endpoint may register, so a
registration says nothing about a client but where its answers go, and those places are listed by the operator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.client_document import REDIRECTS_MAX, checked_name, public_keys
from remit.core.clients import Client, ClientAuthentication
from remit.core.errors import Refusal
from remit.core.redirects import LOOPBACK, checked_redirect, shown
from remit.core.rows import Stored

ID_PREFIX: Final = "dcr_"
APPLICATION_TYPES: Final = ("native", "web")
GIVEN_GRANTS: Final = ("authorization_code", "refresh_token")


class RegistrationError(Exception):
    """An error answer of RFC 7591 section 3.2.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class KeptRegistration(Stored, frozen=True, tag="remit.registration/1"):
    """A client that registered itself, as the store keeps it."""

    id: str
    name: str
    redirects: tuple[str, ...]
    authentication: str
    keys: dict[str, Any]
    registered_at_s: float

    def client(self, tenant: str) -> Client:
        return Client(
            id=self.id,
            tenants=frozenset({tenant}),
            authentication=ClientAuthentication(self.authentication),
            keys=self.keys,
            redirects=frozenset(self.redirects),
            name=self.name,
            self_registered=True,
        )


@dataclass(frozen=True, slots=True)
class Registration:
    """What a request asks for, checked, and changed to what there is: no secrets, and the code grant."""

    name: str
    redirects: tuple[str, ...]
    authentication: ClientAuthentication
    keys: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The same request is the same client: those that register at every start do not add up."""
        content = [self.name, self.redirects, self.authentication.value, self.keys]
        return ID_PREFIX + hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()[:32]


def parse_registration(found: Mapping[str, Any], hosts: frozenset[str]) -> Registration:
    """`hosts` are those of redirect URIs that may be registered; `SCHEME:` stands for an app's own scheme. Raises
    `RegistrationError`.

    A secret is not given out, so a client that asks for one is registered without (section 3.2.1 lets the server
    replace what it asks for).
    """
    method = found.get("token_endpoint_auth_method", "none")
    if method not in ("none", "private_key_jwt", "client_secret_basic", "client_secret_post"):
        raise RegistrationError(
            "invalid_client_metadata", "token_endpoint_auth_method: expected none or private_key_jwt"
        )
    for member, wanted in (("grant_types", GIVEN_GRANTS[0]), ("response_types", "code")):
        said = found.get(member, [wanted])
        if not isinstance(said, list) or wanted not in said:
            raise RegistrationError("invalid_client_metadata", f"{member}: expected a list with {wanted}")
    if "software_statement" in found:
        raise RegistrationError("unapproved_software_statement", "software statements are not taken")
    kind = found.get("application_type")
    if kind is not None and kind not in APPLICATION_TYPES:
        raise RegistrationError(
            "invalid_client_metadata", f"application_type: expected {' or '.join(APPLICATION_TYPES)}"
        )
    signs = method == "private_key_jwt"
    try:
        name = checked_name(found.get("client_name", "unnamed"))
        keys = public_keys(found.get("jwks")) if signs else {}
    except Refusal as refusal:
        raise RegistrationError("invalid_client_metadata", refusal.detail) from None
    authentication = ClientAuthentication.PRIVATE_KEY_JWT if signs else ClientAuthentication.NONE
    return Registration(name, _redirects(found.get("redirect_uris"), kind, hosts), authentication, keys)


def answered(kept: KeptRegistration) -> dict[str, Any]:
    """Section 3.2.1: what it is registered as."""
    return {
        "client_id": kept.id,
        "client_id_issued_at": int(kept.registered_at_s),
        "client_name": kept.name,
        "redirect_uris": list(kept.redirects),
        "token_endpoint_auth_method": kept.authentication,
        "grant_types": list(GIVEN_GRANTS),
        "response_types": ["code"],
        **({"jwks": kept.keys} if kept.keys else {}),
    }


def _redirects(said: object, kind: object, hosts: frozenset[str]) -> tuple[str, ...]:
    if not isinstance(said, list) or not 1 <= len(said) <= REDIRECTS_MAX:
        raise RegistrationError("invalid_redirect_uri", f"redirect_uris: expected a list of 1 to {REDIRECTS_MAX}")
    for uri in said:
        if not isinstance(uri, str):
            raise RegistrationError("invalid_redirect_uri", "redirect_uris: expected text")
        try:
            checked_redirect(uri, private_schemes=True)
            host = shown(uri).host
        except Refusal as refusal:
            raise RegistrationError("invalid_redirect_uri", refusal.detail) from None
        if host not in hosts:
            raise RegistrationError("invalid_redirect_uri", f"{host} is not among the hosts that may register here")
        if kind == "web" and (host in LOOPBACK or not uri.startswith("https://")):
            raise RegistrationError("invalid_redirect_uri", "a web application's redirect URIs are https, not loopback")
    return tuple(sorted(set(said)))
