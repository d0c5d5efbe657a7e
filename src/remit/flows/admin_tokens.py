"""Who asks at the administration API: a client with a token for it, that an administrator let act for them."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.administration import Asker, ThroughClient, acts_of
from remit.core.errors import Refusal, refuse
from remit.core.grant import BY_CONSENT, bind
from remit.core.grantbook import GrantBook
from remit.core.principals import PrincipalKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.flows.administer import Administer
from remit.ports.authenticator import Authenticator
from remit.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class AdminTokens:
    """`resource` is the one audience that is good here. Refusals are counted: nobody is known yet."""

    authenticator: Authenticator
    grants: GrantBook
    administer: Administer
    clock: Clock
    resource: str

    def asker(self, authorization: Secret | None) -> Asker:
        """The administrator there is now, and what the client was let do. Raises `Unauthenticated`, and `Denied` for an
        account that administers nothing any more.
        """
        try:
            authenticated = self.authenticator.authenticate(authorization, self.resource)
            live = self.grants.find(authenticated.claims.grant_id)
            grant = bind(authenticated, live, monotonic_s=self.clock.monotonic_s()).grant
            if grant.subject.kind is not PrincipalKind.HUMAN or grant.subject.issuer or grant.origin.how != BY_CONSENT:
                raise refuse(Reason.GRANT_MISMATCH, "it is not one a person agreed to")
        except Refusal as refusal:
            self.administer.ledger.refused(refusal.reason)
            raise
        account = grant.subject.subject
        return self.administer.through(ThroughClient(grant.client_id, grant.id, account, acts_of(grant.scopes)))
