"""Whoever answers for a resource asks whether a token for it is good (RFC 7662), and hears what a call with it would.

What a client may not ask about, and what is wrong with a token, look alike: it is not active, and that is all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from remit.core.attempts import Attempts
from remit.core.authorization_details import granted_details
from remit.core.clients import Client
from remit.core.errors import Denied, Unauthenticated
from remit.core.grant import LiveGrant, require_fits
from remit.core.grantbook import GrantBook
from remit.core.ledger import RecordKind
from remit.core.principals import Authenticated, PrincipalKind, claim_set
from remit.core.secret import Secret
from remit.flows.client_authentication import AuthenticateClient, ClientRequest
from remit.flows.oauth_error import OAuthError
from remit.ports.authenticator import Authenticator
from remit.ports.tokens import TokenSigner

REPORTED_EVERY_S: Final = 60.0
INACTIVE: Final[Mapping[str, Any]] = {"active": False}


@dataclass(frozen=True, slots=True)
class Introspected:
    """`signed` is the answer once more, for the client that asked and nobody else (RFC 9701), if it wanted that."""

    answer: Mapping[str, Any]
    signed: Secret | None


@dataclass(slots=True)
class Introspect:
    """The walk and its ports. A client that has proven who it is may ask as often as a busy server is called; nothing
    is written per question, so that a busy server does not fill the ledger.
    """

    authenticate: AuthenticateClient
    authenticator: Authenticator
    grants: GrantBook
    tokens: TokenSigner
    questions: Attempts = field(default_factory=lambda: Attempts(burst=1200, per_minute=12_000))
    _counted: Counter[tuple[str, str, bool]] = field(init=False, default_factory=Counter)
    _reported_s: float = field(init=False, default=float("-inf"))

    async def introspect(self, request: ClientRequest, *, signed: bool) -> Introspected:
        """Raises `OAuthError`."""
        client = self.authenticate.client(request, public=False, requests=self.questions)
        token = Secret(request.parameters.get("token", "").encode("utf-8", "replace"))
        found = self._found(client, token)
        self._counted[client.id, client.tenant, found is not None] += 1
        if not client.introspects:
            raise OAuthError("unauthorized_client", "the client is registered to ask about no token", status=403)
        if not token.expose():
            raise OAuthError("invalid_request", "token is missing")
        answer = INACTIVE if found is None else _active(*found)
        issuer = self.authenticate.create.registry.issuer
        attested = self.tokens.attest(answer, issuer=issuer, audience=client.id) if signed else None
        return Introspected(answer, attested)

    def _found(self, client: Client, token: Secret) -> tuple[Authenticated, LiveGrant] | None:
        """The very checks of a call's first two stages, against each resource the client answers for. A refresh token
        is none of them: called active, it might pass for an access token somewhere.
        """
        header = Secret(b"Bearer " + token.expose())
        for resource in sorted(client.introspects):
            try:
                authenticated = self.authenticator.authenticate(header, resource)
                live = require_fits(
                    authenticated,
                    self.grants.find(authenticated.claims.grant_id),
                    monotonic_s=self.authenticate.clock.monotonic_s(),
                    spends=True,
                )
            except Unauthenticated:
                continue
            except Denied:  # its budget is used up: no call with it would be permitted
                return None
            return (authenticated, live) if live.grant.tenant in client.tenants else None
        return None

    def report(self) -> None:
        """One record per client that asked since the last. Raises `Outage`, and the counts are kept."""
        self._reported_s = self.authenticate.clock.monotonic_s()
        for name, tenant in sorted({(name, tenant) for name, tenant, _ in self._counted}):
            active, inactive = self._counted[name, tenant, True], self._counted[name, tenant, False]
            fields = introspections_fields(name, tenant, active, inactive)
            self.authenticate.ledger.write(RecordKind.INTROSPECTIONS, self.authenticate.entropy.id("int"), fields)
            del self._counted[name, tenant, True], self._counted[name, tenant, False]

    def sweep(self) -> None:
        """Report, once a minute. Raises `Outage`."""
        if self._counted and self.authenticate.clock.monotonic_s() - self._reported_s >= REPORTED_EVERY_S:
            self.report()


def _active(authenticated: Authenticated, live: LiveGrant) -> dict[str, Any]:
    """RFC 7662 section 2.2, RFC 9396 section 9.2: what the token says, and what its grant gives."""
    grant = live.grant
    username = {"username": grant.subject.id} if grant.subject.kind is PrincipalKind.HUMAN else {}
    said = {"active": True, "token_type": "Bearer", "authorization_details": granted_details(grant)}
    return said | username | claim_set(authenticated.claims)


def introspections_fields(client: str, tenant: str, active: int, inactive: int) -> dict[str, object]:
    return {"client": client, "tenant": tenant, "active": active, "inactive": inactive}
