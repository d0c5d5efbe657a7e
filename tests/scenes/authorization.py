"""An authorization request as a client sends it, and the clients there are. Each test names only what it is about."""

from __future__ import annotations

from typing import Any

from remit.core.authorization_request import AuthorizationRequest, asked, return_address
from remit.core.clients import Client, ClientAuthentication

RESOURCES = frozenset({"https://remit.test/mcp", "https://remit.test/mcp/files"})
RESOURCE = "https://remit.test/mcp"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
EDITOR = Client(
    "editor", frozenset({"acme"}), ClientAuthentication.NONE,
    redirects=frozenset({"https://editor.example/cb", "http://127.0.0.1/cb"}),
)  # fmt: skip
ROBOT = Client("robot", frozenset({"acme"}), ClientAuthentication.PRIVATE_KEY_JWT)
CLIENTS = {client.id: client for client in (EDITOR, ROBOT)}
PARAMETERS = {
    "response_type": "code",
    "client_id": "editor",
    "redirect_uri": "http://127.0.0.1:50123/cb",
    "resource": RESOURCE,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "af0ifjsldkj",
}


def the_parameters(**changes: str | None) -> dict[str, str]:
    """With None a parameter is left out."""
    return {name: value for name, value in (PARAMETERS | changes).items() if value is not None}


def a_request(**changes: Any) -> AuthorizationRequest:
    parameters = the_parameters(**changes)
    return asked(return_address(parameters, CLIENTS), parameters, RESOURCES)
