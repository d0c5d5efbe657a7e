"""The token endpoint: what a client asks for, and what it is granted (RFC 6749 section 4.4, RFC 8707)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.authorization_details import granted_details
from remit.core.clients import Client
from remit.core.errors import Invalid, Refusal
from remit.core.scope import Scope, parse_scopes, scope_text
from remit.core.secret import Secret
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.client_authentication import AuthenticateClient, ClientRequest
from remit.flows.create_grant import CreateGrant, Granted
from remit.flows.oauth_error import OAuthError, as_oauth
from remit.flows.redeem import Redeem
from remit.ports.clock import Clock

SCOPES_MAX: Final = 256
AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
BY_A_PERSON: Final = (AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """RFC 6749 section 5.1."""

    token: Secret
    expires_in_s: int
    scope: str
    refresh: Secret | None = None
    details: tuple[Mapping[str, Any], ...] = ()


@dataclass(slots=True)
class IssueToken:
    create: CreateGrant
    redeem: Redeem
    authenticate: AuthenticateClient
    devices: AuthorizeDevice
    clock: Clock

    async def issue(self, request: ClientRequest) -> TokenAnswer:
        """Raises `OAuthError`."""
        public = request.parameters.get("grant_type") in BY_A_PERSON
        client = self.authenticate.client(request, public=public)
        with self.authenticate.refusals_recorded(client, "token"):
            granted, refresh = await self._granted(client, request.parameters)
        expires_in_s = granted.token_expires_at_s - int(self.clock.now_s())
        of_tools = not self.create.registry.administration.is_for(granted.grant.resource)
        details = tuple(granted_details(granted.grant)) if refresh is not None and of_tools else ()
        return TokenAnswer(granted.token, expires_in_s, scope_text(granted.grant.scopes), refresh, details)

    async def revoke(self, request: ClientRequest) -> None:
        """RFC 7009: the grant behind a refresh token ends as finished. A token that is none of the client's is no error
        (section 2.2). Raises `OAuthError`.
        """
        client = self.authenticate.client(request, public=True)
        try:
            await self.redeem.finish(client, request.parameters.get("token", ""))
        except Refusal as refusal:
            raise as_oauth(refusal) from refusal

    async def _granted(self, client: Client, parameters: Mapping[str, str]) -> tuple[Granted, Secret | None]:
        grant_type = parameters.get("grant_type")
        if grant_type is None:
            raise OAuthError("invalid_request", "grant_type is missing")
        if "authorization_details" in parameters:  # left unread it would be a grant wider than what was asked for
            raise OAuthError("invalid_authorization_details", "not understood here (RFC 9396): ask with scope, or anew")
        by_a_person = {
            AUTHORIZATION_CODE: self.redeem.code,
            REFRESH_TOKEN: self.redeem.refresh,
            DEVICE_CODE: self.devices.poll,
        }
        if grant_type in by_a_person:
            redeemed = await by_a_person[grant_type](client, parameters)
            return redeemed.granted, redeemed.refresh
        if grant_type != "client_credentials":
            raise OAuthError("unsupported_grant_type", f"expected {', '.join((*BY_A_PERSON, 'client_credentials'))}")
        if client.terms is None:
            raise OAuthError("unauthorized_client", "the client is registered without a grant of its own")
        resource = parameters.get("resource", "")
        if not resource:
            raise OAuthError("invalid_target", "resource is missing: name the endpoint the token is for (RFC 8707)")
        return await self.create.for_client(client, resource, _scopes(parameters.get("scope", ""))), None


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return parse_scopes(text, names_max=SCOPES_MAX)
    except Invalid as error:
        raise OAuthError("invalid_scope", error.detail) from error
