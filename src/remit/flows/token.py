"""The token endpoint: who is the client, what does it ask for, what is it granted (RFC 6749 section 4.4, RFC 8707)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from remit.core.attempts import Attempts
from remit.core.authorization_details import granted_details
from remit.core.clients import Client, ClientAuthentication
from remit.core.errors import Invalid, Refusal
from remit.core.ledger import RecordKind
from remit.core.reasons import Kind, Reason
from remit.core.scope import Scope, parse_scope, scope_text
from remit.core.secret import Secret
from remit.flows.create_grant import CreateGrant, Granted
from remit.flows.oauth_error import OAuthError as OAuthError
from remit.flows.redeem import Redeem
from remit.ports.assertions import ClientAssertions
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPES_MAX: Final = 256
AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"
BY_A_PERSON: Final = (AUTHORIZATION_CODE, REFRESH_TOKEN)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A form with each parameter once, among them an assertion or a secret sent in the wrong place. `basic` is the
    client id and secret of the Authorization header, decoded."""

    parameters: Mapping[str, str] = field(repr=False)
    basic: tuple[str, Secret] | None
    peer: str


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
    """The walk and its ports. Requests are limited per peer and per client, wrong secrets and those of public clients
    per both together: then a stranger elsewhere cannot lock a client out."""

    create: CreateGrant
    redeem: Redeem
    assertions: ClientAssertions
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    peers: Attempts = field(default_factory=lambda: Attempts(burst=120, per_minute=600))
    failures: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=10))
    requests: Attempts = field(default_factory=lambda: Attempts(burst=60, per_minute=120))

    async def issue(self, request: TokenRequest) -> TokenAnswer:
        """Raises `OAuthError`; every refusal of a client that proved who it is is recorded, every other is counted:
        anybody can ask in the name of a public one.
        """
        client = self._client(request, public=request.parameters.get("grant_type") in BY_A_PERSON)
        try:
            granted, refresh = await self._granted(client, request.parameters)
        except OAuthError as error:
            self._record_denial(client, error.error, error.description)
            raise
        except Refusal as refusal:
            if refusal.kind is not Kind.OUTAGE:
                self._record_denial(client, refusal.reason.value, refusal.detail)
            raise _as_oauth(refusal) from refusal
        expires_in_s = granted.token_expires_at_s - int(self.clock.now_s())
        details = tuple(granted_details(granted.grant)) if refresh is not None else ()
        return TokenAnswer(granted.token, expires_in_s, scope_text(granted.grant.scopes), refresh, details)

    async def revoke(self, request: TokenRequest) -> None:
        """RFC 7009: the grant behind a refresh token ends as finished. A token that is none of the client's is no error
        (section 2.2). Raises `OAuthError`.
        """
        client = self._client(request, public=True)
        try:
            await self.redeem.finish(client, request.parameters.get("token", ""))
        except Refusal as refusal:
            raise _as_oauth(refusal) from refusal

    # 1 the client ------------------------------------------------------------------------------------------------
    def _client(self, request: TokenRequest, *, public: bool) -> Client:
        """Who asks, and not too often. Whoever names a public client has proven nothing: one of them slows down only
        those who ask from the same place.
        """
        self._limit(self.peers, f"peer {request.peer}")
        client = self._authenticated(request, public=public)
        proven = client.authentication is not ClientAuthentication.NONE
        self._limit(self.requests, client.id if proven else f"{client.id} {request.peer}")
        return client

    def _authenticated(self, request: TokenRequest, *, public: bool) -> Client:
        """One method per request (RFC 6749 section 2.3). Every failure gets the same answer, whatever it was."""
        asserted = "client_assertion" in request.parameters or "client_assertion_type" in request.parameters
        if "client_secret" in request.parameters:
            raise OAuthError("invalid_request", "a client secret is sent in the Authorization header only")
        if asserted and request.basic is not None:
            raise OAuthError("invalid_request", "more than one way of client authentication")
        basic = request.basic is not None
        try:
            if not asserted and not basic:
                client = self._by_name(request.parameters) if public else None
            else:
                client = (
                    self._by_assertion(request.parameters) if asserted else self._by_secret(request.basic, request.peer)
                )
        except Refusal as refusal:
            self.ledger.refused(refusal.reason)
            if refusal.kind is Kind.OUTAGE:
                raise _as_oauth(refusal) from refusal
            raise OAuthError("invalid_client", refusal.detail, status=401, basic=basic) from refusal
        if client is None:
            self.ledger.refused(Reason.TOKEN_INVALID)
            raise OAuthError("invalid_client", "client authentication failed", status=401, basic=basic or not asserted)
        if request.parameters.get("client_id", client.id) != client.id:
            raise OAuthError("invalid_request", "client_id is not the authenticated client")
        return client

    def _by_name(self, parameters: Mapping[str, str]) -> Client | None:
        """A public client proves nothing; the code's verifier and the refresh token are its proof (OAuth 2.1)."""
        client = self.create.registry.clients.get(parameters.get("client_id", ""))
        return client if client is not None and client.authentication is ClientAuthentication.NONE else None

    def _by_assertion(self, parameters: Mapping[str, str]) -> Client | None:
        if parameters.get("client_assertion_type") != JWT_BEARER:
            raise OAuthError("invalid_request", f"client_assertion_type: expected {JWT_BEARER}")
        assertion = Secret(parameters.get("client_assertion", "").encode("utf-8", "replace"))
        client = self.create.registry.clients.get(self.assertions.unverified_client(assertion))
        if client is None or client.authentication is not ClientAuthentication.PRIVATE_KEY_JWT:
            return None
        self.assertions.verify(assertion, client.id, client.keys)
        return client

    def _by_secret(self, basic: tuple[str, Secret] | None, peer: str) -> Client | None:
        if basic is None:
            return None
        name, presented = basic
        guesses = f"{peer} {name[:256]}"
        self._require_attempts(self.failures, guesses)
        client = self.create.registry.clients.get(name)
        registered = client is not None and client.authentication is ClientAuthentication.CLIENT_SECRET_BASIC
        expected = client.secret if client is not None and registered else None
        # Digests have one length, and an unknown client is compared too: the time says nothing about either.
        wanted = sha256(expected.expose() if expected is not None else b"").digest()
        same = hmac.compare_digest(sha256(presented.expose()).digest(), wanted)
        if same and expected is not None and expected.expose():
            return client
        self.failures.take(guesses, self.clock.monotonic_s())
        return None

    # 2 what it asks for, 3 what it is granted --------------------------------------------------------------------
    async def _granted(self, client: Client, parameters: Mapping[str, str]) -> tuple[Granted, Secret | None]:
        grant_type = parameters.get("grant_type")
        if grant_type is None:
            raise OAuthError("invalid_request", "grant_type is missing")
        if "authorization_details" in parameters:  # left unread it would be a grant wider than what was asked for
            raise OAuthError("invalid_authorization_details", "not understood here (RFC 9396): ask with scope, or anew")
        if grant_type == AUTHORIZATION_CODE:
            redeemed = await self.redeem.code(client, parameters)
            return redeemed.granted, redeemed.refresh
        if grant_type == REFRESH_TOKEN:
            redeemed = await self.redeem.refresh(client, parameters)
            return redeemed.granted, redeemed.refresh
        if grant_type != "client_credentials":
            raise OAuthError("unsupported_grant_type", f"expected {', '.join((*BY_A_PERSON, 'client_credentials'))}")
        if client.terms is None:
            raise OAuthError("unauthorized_client", "the client is registered without a grant of its own")
        resource = parameters.get("resource", "")
        if not resource:
            raise OAuthError("invalid_target", "resource is missing: name the endpoint the token is for (RFC 8707)")
        return await self.create.for_client(client, resource, _scopes(parameters.get("scope", ""))), None

    def _limit(self, attempts: Attempts, name: str) -> None:
        self._require_attempts(attempts, name)
        attempts.take(name, self.clock.monotonic_s())

    def _require_attempts(self, attempts: Attempts, name: str) -> None:
        wait_s = attempts.wait_s(name, self.clock.monotonic_s())
        if wait_s:
            self.ledger.refused(Reason.LIMIT_RATE)
            raise OAuthError("temporarily_unavailable", "too many requests", status=429, wait_s=wait_s)

    def _record_denial(self, client: Client, reason: str, detail: str) -> None:
        """Best kept short: `detail` may hold what the client sent, cut to size by whoever raised it. Who only named a
        public client is counted: nobody fills the disk with somebody else's name.
        """
        if client.authentication is ClientAuthentication.NONE:
            self.ledger.refused(Reason.TOKEN_INVALID)
            return
        fields = {
            "client": client.id,
            **({"tenant": client.tenant} if client.tenant else {}),
            "action": "token",
            "reason": reason,
            "detail": detail[:512],
        }
        self.ledger.write(RecordKind.DENIAL, self.entropy.id("dec"), fields)


def _scopes(text: str) -> frozenset[Scope]:
    names = text.split(" ") if text else []
    if len(names) > SCOPES_MAX:
        raise OAuthError("invalid_scope", f"more than {SCOPES_MAX} scopes")
    try:
        return frozenset(parse_scope(name) for name in names)
    except Invalid as error:
        raise OAuthError("invalid_scope", error.detail) from error


_ERROR: Final[dict[Reason, str]] = {
    Reason.OUTSIDE_GRANT: "invalid_scope",
    Reason.SERVER_UNKNOWN: "invalid_target",
    Reason.GRANT_ENDED: "invalid_grant",
    Reason.GRANT_EXPIRED: "invalid_grant",
    Reason.BUDGET_EXHAUSTED: "invalid_grant",
}


def _as_oauth(refusal: Refusal) -> OAuthError:
    """An outage says no more than that it is one; a refusal that no error code fits is the registration's fault."""
    if refusal.kind is Kind.OUTAGE:
        return OAuthError("temporarily_unavailable", refusal.meaning.text, status=503, wait_s=1.0)
    return OAuthError(_ERROR.get(refusal.reason, "unauthorized_client"), refusal.detail or refusal.meaning.text)
