"""Which client asks: at the token endpoint and at the others it reaches by itself (RFC 6749 section 2.3)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from remit.core.attempts import Attempts
from remit.core.clients import Client, ClientAuthentication
from remit.core.errors import Refusal
from remit.core.ledger import RecordKind
from remit.core.reasons import Kind, Reason
from remit.core.secret import Secret
from remit.flows.create_grant import CreateGrant
from remit.flows.oauth_error import OAuthError, as_oauth
from remit.ports.assertions import ClientAssertions
from remit.ports.clock import Clock, Entropy
from remit.ports.ledger import Ledger

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# What a device hears while its person has not answered is no refusal (RFC 8628 section 3.5).
NOT_YET: Final = frozenset({"authorization_pending", "slow_down"})
# Who a client is, as far as a form says it: what is left of the form is what it asks for.
CREDENTIALS: Final = frozenset({"client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A form with each parameter once, among them an assertion or a secret sent in the wrong place. `basic` is the
    client id and secret of the Authorization header, decoded."""

    parameters: Mapping[str, str] = field(repr=False)
    basic: tuple[str, Secret] | None
    peer: str


@dataclass(slots=True)
class AuthenticateClient:
    """The walk and its ports. Requests are limited per peer and per client, wrong secrets and those of public clients
    per both together: then a stranger elsewhere cannot lock a client out. The limits hold for all endpoints together.
    """

    create: CreateGrant
    assertions: ClientAssertions
    ledger: Ledger
    clock: Clock
    entropy: Entropy
    peers: Attempts = field(default_factory=lambda: Attempts(burst=120, per_minute=600))
    failures: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=10))
    requests: Attempts = field(default_factory=lambda: Attempts(burst=60, per_minute=120))

    def client(self, request: ClientRequest, *, public: bool, requests: Attempts | None = None) -> Client:
        """Who asks, and not too often. Whoever names a public client has proven nothing: one of them slows down only
        those who ask from the same place. With `requests` a client that proved who it is and answers for a server is
        held to that limit alone. Raises `OAuthError`.
        """
        self.limit(self.peers, f"peer {request.peer}")
        client = self._authenticated(request, public=public)
        proven = client.authentication is not ClientAuthentication.NONE
        if proven and requests is not None and client.introspects:
            self.peers.give_back(f"peer {request.peer}", self.clock.monotonic_s())
            self.limit(requests, client.id)
        else:
            self.limit(self.requests, client.id if proven else f"{client.id} {request.peer}")
        return client

    def _authenticated(self, request: ClientRequest, *, public: bool) -> Client:
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
                raise as_oauth(refusal) from refusal
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

    @contextmanager
    def refusals_recorded(self, client: Client, action: str) -> Iterator[None]:
        """What is refused inside leaves as `OAuthError`. Every refusal of a client that proved who it is is recorded,
        every other is counted: anybody can ask in the name of a public one.
        """
        try:
            yield
        except OAuthError as error:
            if error.error in NOT_YET:
                raise
            self._record_denial(client, action, error.error, error.description)
            raise
        except Refusal as refusal:
            if refusal.kind is not Kind.OUTAGE:
                self._record_denial(client, action, refusal.reason.value, refusal.detail)
            raise as_oauth(refusal) from refusal

    def limit(self, attempts: Attempts, name: str) -> None:
        """Count one try. Raises `OAuthError` when there were too many."""
        self._require_attempts(attempts, name)
        attempts.take(name, self.clock.monotonic_s())

    def too_many(self, wait_s: float) -> OAuthError:
        """429, counted and not itemised."""
        self.ledger.refused(Reason.LIMIT_RATE)
        return OAuthError("temporarily_unavailable", "too many requests", status=429, wait_s=wait_s)

    def _require_attempts(self, attempts: Attempts, name: str) -> None:
        wait_s = attempts.wait_s(name, self.clock.monotonic_s())
        if wait_s:
            raise self.too_many(wait_s)

    def _record_denial(self, client: Client, action: str, reason: str, detail: str) -> None:
        """Best kept short: `detail` may hold what the client sent, cut to size by whoever raised it. Who only named a
        public client is counted, and who made up one that registered itself: no stranger fills the disk.
        """
        if not client.proven:
            self.ledger.refused(Reason.TOKEN_INVALID)
            return
        fields = {
            "client": client.id,
            **({"tenant": client.tenant} if client.tenant else {}),
            "action": action,
            "reason": reason,
            "detail": detail[:512],
        }
        self.ledger.write(RecordKind.DENIAL, self.entropy.id("dec"), fields)
