"""Our own access tokens (RFC 9068): verified once, then known by their digest and held against the moment."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, Final

from remit.adapters.authenticator.jws import JwsError, json_object, parse, text_claim, whole_seconds
from remit.adapters.authenticator.public_key import PublicKey, public_key
from remit.core.authentication import NOBODY, Authentication
from remit.core.errors import refuse
from remit.core.grantbook import GrantBook
from remit.core.principals import Authenticated, Claims, conclude_authenticated
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.clock import Clock
from remit.ports.keyring import Keyring

# Exactly one scheme, one space, one token (RFC 6750 section 2.1); anything joined by a comma was two headers.
_BEARER: Final = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._~+/=-]+)\Z")
_HEADER: Final = frozenset({"alg", "typ", "kid"})
ACTORS_MAX: Final = 8


class _Verified:
    """A token whose signature was good. It is good again only under the same keys and the same set of live grants."""

    __slots__ = ("claims", "grants_epoch", "keys_epoch", "until_s")

    def __init__(self, claims: Claims, until_s: float, keys_epoch: int, grants_epoch: int) -> None:
        self.claims = claims
        self.until_s = until_s
        self.keys_epoch = keys_epoch
        self.grants_epoch = grants_epoch


class TokenAuthenticator:
    """`grants` is read for its epoch alone: whenever a grant ends, every token is verified anew."""

    def __init__(
        self, keys: Keyring, grants: GrantBook, clock: Clock, *, issuer: str,
        leeway_s: float = 0.0, token_lifetime_s_max: float = 3600.0, tokens_max: int = 16_384,
    ) -> None:  # fmt: skip
        self._keys = keys
        self._grants = grants
        self._now_s = clock.now_s
        self._issuer = issuer
        self._leeway_s = leeway_s
        self._token_lifetime_s_max = token_lifetime_s_max
        self._tokens_max = tokens_max
        self._verified: dict[bytes, _Verified] = {}

    def authenticate(self, authorization: Secret | None, resource: str) -> Authenticated:
        """See the port."""
        if authorization is None:
            raise refuse(Reason.TOKEN_MISSING)
        header = authorization.expose()
        digest = sha256(header).digest()
        now_s = self._now_s()
        known = self._verified.get(digest)
        if (
            known is None
            or known.keys_epoch != self._keys.epoch
            or known.grants_epoch != self._grants.epoch
            or now_s >= known.until_s
        ):
            known = self._verify(header, digest)
        return conclude_authenticated(
            known.claims, issuer=self._issuer, resource=resource, now_s=now_s, leeway_s=self._leeway_s
        )

    def _verify(self, header: bytes, digest: bytes) -> _Verified:
        self._verified.pop(digest, None)
        bearer = _BEARER.match(header)
        if bearer is None:
            raise refuse(Reason.TOKEN_MALFORMED)
        keys_epoch, grants_epoch = self._keys.epoch, self._grants.epoch
        try:
            claims, until_s = self._genuine(bearer[1])
        except JwsError as error:
            raise refuse(Reason.TOKEN_INVALID, str(error)) from None
        verified = _Verified(claims, until_s, keys_epoch, grants_epoch)
        if len(self._verified) >= self._tokens_max:  # only genuine tokens are kept, so strangers cannot crowd them out
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified
        return verified

    def _genuine(self, token: bytes) -> tuple[Claims, float]:
        """RFC 9068 section 4 up to the checks that depend on the moment. Raises `JwsError`."""
        jws = parse(token)
        odd = sorted(jws.header.keys() - _HEADER)
        if odd:
            # crit asks for what we do not do; jku, x5u, jwk and x5c bring a key along; none of ours has any of them.
            raise JwsError(f"the header has {odd[0][:32]!r}")
        if jws.header.get("typ") != "at+jwt":
            raise JwsError("typ is not at+jwt")
        kid = text_claim(jws.header, "kid")
        found = self._keys.find(kid)
        if found is None:
            raise JwsError("signed with a key that is not ours")
        key: PublicKey = public_key(found.jwk)
        if jws.header.get("alg") != key.algorithm:
            raise JwsError(f"alg is not {key.algorithm}")
        if not key.verify(jws.signature, jws.message):
            raise JwsError("the signature is wrong")
        claims = read_claims(json_object(jws.unverified_payload))
        if not 0 < claims.expires_at_s - claims.issued_at_s <= self._token_lifetime_s_max:
            raise JwsError(f"it does not live between 1 and {self._token_lifetime_s_max:g} seconds")
        return claims, found.until_s


def read_claims(payload: dict[str, Any]) -> Claims:
    """Every claim we put into a token, with exactly the type we put there. Raises `JwsError`."""
    scope = payload.get("scope")
    if not isinstance(scope, str):
        raise JwsError("scope is not a string")
    return Claims(
        issuer=text_claim(payload, "iss"),
        subject=text_claim(payload, "sub"),
        client_id=text_claim(payload, "client_id"),
        grant_id=text_claim(payload, "grant_id"),
        tenant=text_claim(payload, "tenant"),
        audience=text_claim(payload, "aud"),  # a string: a token for two audiences is for neither (RFC 8707)
        token_id=text_claim(payload, "jti"),
        issued_at_s=whole_seconds(payload, "iat"),
        not_before_s=whole_seconds(payload, "nbf"),
        expires_at_s=whole_seconds(payload, "exp"),
        actors=_actors(payload),
        scope=scope,
        authentication=_authentication(payload),
    )


def _authentication(payload: dict[str, Any]) -> Authentication:
    """How the person signed in, if one did. What it says for others to read; a decision asks the grant."""
    if "amr" not in payload:
        return NOBODY
    methods = payload["amr"]
    if not isinstance(methods, list) or not methods or not all(isinstance(method, str) for method in methods):
        raise JwsError("amr is not a list of strings")
    found = Authentication(tuple(methods), whole_seconds(payload, "auth_time"))
    if payload.get("acr") != found.acr.value:
        raise JwsError("acr does not fit amr")
    return found


def _actors(payload: dict[str, Any]) -> tuple[str, ...]:
    actors: list[str] = []
    act = payload.get("act")
    if "act" in payload and act is None:
        raise JwsError("act is null")
    while act is not None:
        if not isinstance(act, dict) or not act.keys() <= {"sub", "act"} or len(actors) == ACTORS_MAX:
            raise JwsError("act is not a short chain of actors")
        actors.append(text_claim(act, "sub"))
        act = act.get("act")
    return tuple(actors)
