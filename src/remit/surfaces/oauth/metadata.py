"""What clients discover: protected resources (RFC 9728) and this authorization server (RFC 8414). Only what is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from remit.core.authentication import ASKABLE, Acr
from remit.core.passkeys import relying_party

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION_ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")


@dataclass(frozen=True, slots=True)
class Offers:
    """What is there only where the operator wants it: clients that describe themselves, and dynamic registration."""

    client_documents: bool = False
    registration: bool = False


NOTHING_MORE: Final = Offers()


def authorization_server(issuer: str, offers: Offers) -> dict[str, Any]:
    """RFC 8414 section 2; the rest by name: RFC 8628 section 4, 9126 section 5, 9207, 9396, 9701 section 7, client
    id metadata documents.
    """
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": False,
        "revocation_endpoint": f"{issuer}/revoke",
        "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt", "client_secret_basic"],
        "introspection_endpoint": f"{issuer}/introspect",
        "introspection_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
        "introspection_signing_alg_values_supported": ["ES256"],
        "jwks_uri": f"{issuer}/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE],
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": offers.client_documents,
        **({"registration_endpoint": f"{issuer}/register"} if offers.registration else {}),
        "authorization_details_types_supported": ["mcp_tool"],
        "acr_values_supported": [acr.value for acr in ASKABLE if acr is not Acr.PASSKEY or relying_party(issuer)],
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt", "client_secret_basic"],
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
    }


def protected_resource(issuer: str, server: str) -> dict[str, Any]:
    """RFC 9728 section 2, for `/mcp` (server empty) or `/mcp/{server}`. `/mcp` lists no scopes: they would name every
    tenant's servers to strangers."""
    document: dict[str, Any] = {
        "resource": f"{issuer}/mcp/{server}" if server else f"{issuer}/mcp",
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": f"Remit: {server}" if server else "Remit",
    }
    return document | {"scopes_supported": [server]} if server else document
