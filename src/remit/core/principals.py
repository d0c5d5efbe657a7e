"""Who takes part in a call: the subject, the client, the actor, and the proof that a token named them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from remit.core.authentication import NOBODY, Authentication
from remit.core.errors import refuse
from remit.core.reasons import Reason


class PrincipalKind(StrEnum):
    HUMAN = "Human"
    CLIENT = "Client"
    WORKLOAD = "Workload"


@dataclass(frozen=True, slots=True)
class Principal:
    """An identity is (issuer, subject), never an e-mail address. `issuer` is empty for Remit's own accounts and
    clients.
    """

    kind: PrincipalKind
    subject: str
    issuer: str = ""

    @property
    def id(self) -> str:
        """The name policies and records use. Local subjects may not contain `|`, so the two forms never meet."""
        return f"{self.issuer}|{self.subject}" if self.issuer else self.subject


class Attestation(StrEnum):
    """How much is known about the client, weakest first."""

    NONE = "none"
    REGISTERED = "registered"
    METADATA_DOCUMENT = "metadata_document"
    KEY_BOUND = "key_bound"


class Presence(StrEnum):
    """Whether a human is there."""

    INTERACTIVE = "interactive"
    AUTONOMOUS = "autonomous"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says (RFC 9068, RFC 8693 `act`). Only an authenticator that checked the signature
    makes one.

    `actors` is the `act` chain, outermost first; it is context, never the principal. Times are seconds since the epoch.
    """

    issuer: str
    subject: str
    client_id: str
    grant_id: str
    tenant: str
    audience: str
    token_id: str
    issued_at_s: int
    not_before_s: int
    expires_at_s: int
    actors: tuple[str, ...] = ()
    scope: str = ""
    authentication: Authentication = NOBODY


class Authenticated(msgspec.Struct, frozen=True):
    """Proof of stage 1: this token is genuine, for this very resource, and valid now."""

    claims: Claims
    resource: str


def conclude_authenticated(
    claims: Claims, *, issuer: str, resource: str, now_s: float, leeway_s: float
) -> Authenticated:
    """Hold verified claims against this moment and this endpoint (RFC 9068 section 4, RFC 8707).

    Run on every request, cached signature or not, because time and endpoint differ between two uses of one token.
    """
    if claims.issuer != issuer:
        raise refuse(Reason.TOKEN_INVALID, "the token's issuer is not this authorization server")
    if claims.audience != resource:
        raise refuse(Reason.TOKEN_AUDIENCE, f"this endpoint is {resource}")
    if now_s >= claims.expires_at_s + leeway_s:
        raise refuse(Reason.TOKEN_EXPIRED)
    if now_s + leeway_s < claims.not_before_s:
        raise refuse(Reason.TOKEN_EARLY)
    return Authenticated(claims, resource)


def claim_set(claims: Claims) -> dict[str, Any]:
    """As JSON: the claim set of RFC 9068 section 2.2, with `act` nested outermost first (RFC 8693 section 4.1)."""
    payload: dict[str, Any] = {
        "iss": claims.issuer,
        "sub": claims.subject,
        "aud": claims.audience,
        "exp": claims.expires_at_s,
        "nbf": claims.not_before_s,
        "iat": claims.issued_at_s,
        "jti": claims.token_id,
        "client_id": claims.client_id,
        "grant_id": claims.grant_id,
        "tenant": claims.tenant,
        "scope": claims.scope,
    }
    if claims.authentication.methods:
        payload["acr"] = claims.authentication.acr.value
        payload["amr"] = list(claims.authentication.methods)
        payload["auth_time"] = int(claims.authentication.at_s)
    act: dict[str, Any] | None = None
    for actor in reversed(claims.actors):
        act = {"sub": actor} if act is None else {"sub": actor, "act": act}
    if act is not None:
        payload["act"] = act
    return payload
