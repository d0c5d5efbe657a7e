"""Authentication against the tokens a `FakeTokenSigner` issued, with core's real checks of time and audience."""

from __future__ import annotations

from remit.core.errors import refuse
from remit.core.principals import Authenticated, conclude_authenticated
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.clock import Clock
from remit.testing.tokens import FakeTokenSigner

ISSUER = "http://127.0.0.1:8700"


class FakeAuthenticator:
    def __init__(self, signer: FakeTokenSigner, clock: Clock, *, issuer: str = ISSUER) -> None:
        self._signer = signer
        self._clock = clock
        self._issuer = issuer

    def authenticate(self, authorization: Secret | None, resource: str) -> Authenticated:
        if authorization is None:
            raise refuse(Reason.TOKEN_MISSING)
        scheme, _, token = authorization.expose().partition(b" ")
        if scheme.lower() != b"bearer" or not token or b" " in token or b"," in token:
            raise refuse(Reason.TOKEN_MALFORMED)
        claims = self._signer.issued.get(token)
        if claims is None:
            raise refuse(Reason.TOKEN_INVALID)
        now_s = self._clock.now_s()
        return conclude_authenticated(claims, issuer=self._issuer, resource=resource, now_s=now_s, leeway_s=0)
