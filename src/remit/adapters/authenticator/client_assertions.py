"""private_key_jwt, verified strictly (RFC 7523 section 3, RFC 7521 section 4.2), and each assertion taken once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from remit.adapters.authenticator.jws import JwsError, json_object, parse, text_claim, whole_seconds
from remit.adapters.authenticator.public_key import PublicKey, public_key
from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.clock import Clock

# Headers that bring a key or ask for processing of their own; a client's key is the one registered for it.
_REFUSED_HEADERS: Final = frozenset({"b64", "crit", "jku", "jwk", "x5c", "x5u"})
LIFETIME_S_MAX: Final = 300
SKEW_S_MAX: Final = 30  # how far ahead a client's clock may be


class JwtAssertions:
    """`audiences` are the issuer and the token endpoint.

    Which assertions were used is kept in memory. One made before this process started is refused: a restart does
    not let an old one pass again. When there is no room for more, whoever holds an equal share of it is refused and
    nobody else: one client fills it for itself.
    """

    def __init__(self, clock: Clock, *, audiences: frozenset[str], used_max: int = 65_536) -> None:
        self._clock = clock
        self._audiences = audiences
        self._used_max = used_max
        self._started_s = int(clock.now_s())
        self._used: dict[str, dict[str, int]] = {}  # client -> jti -> when it expires
        self._outstanding = 0
        self._purged_s = 0

    def unverified_client(self, assertion: Secret) -> str:
        try:
            return text_claim(json_object(parse(assertion.expose()).unverified_payload), "sub")
        except JwsError as error:
            raise refuse(Reason.TOKEN_INVALID, f"client assertion: {error}") from None

    def verify(self, assertion: Secret, client_id: str, keys: Mapping[str, Any]) -> None:
        now_s = int(self._clock.now_s())
        try:
            claims = _signed_claims(assertion.expose(), keys)
            expires_at_s = self._hold_against_now(claims, client_id, now_s)
            token_id = text_claim(claims, "jti")
            if len(token_id) > 256:
                raise JwsError("jti is longer than 256 characters")
        except JwsError as error:
            raise refuse(Reason.TOKEN_INVALID, f"client assertion: {error}") from None
        self._use_once(client_id, token_id, expires_at_s, now_s)

    def _hold_against_now(self, claims: dict[str, Any], client_id: str, now_s: int) -> int:
        if text_claim(claims, "iss") != client_id or text_claim(claims, "sub") != client_id:
            raise JwsError("iss and sub are not both the client")
        audience = claims.get("aud")
        if isinstance(audience, list) and len(audience) == 1:
            audience = audience[0]
        if not isinstance(audience, str) or audience not in self._audiences:
            raise JwsError("aud is not this authorization server")
        expires_at_s, issued_at_s = whole_seconds(claims, "exp"), whole_seconds(claims, "iat")
        if expires_at_s <= now_s:
            raise JwsError("it has expired")
        if expires_at_s - now_s > LIFETIME_S_MAX + SKEW_S_MAX:
            raise JwsError(f"it lives longer than {LIFETIME_S_MAX} seconds")
        if max(issued_at_s, whole_seconds(claims, "nbf") if "nbf" in claims else 0) > now_s + SKEW_S_MAX:
            raise JwsError("it is not valid yet")
        if issued_at_s < self._started_s:
            raise JwsError("it was made before this server started; make a new one")
        return expires_at_s

    def _use_once(self, client_id: str, token_id: str, expires_at_s: int, now_s: int) -> None:
        if token_id in self._used.get(client_id, ()):
            raise refuse(Reason.TOKEN_INVALID, "client assertion: it was used before; make a new one for each request")
        if self._outstanding >= self._used_max:
            self._purge(now_s)
        mine = self._used.setdefault(client_id, {})
        if self._outstanding >= self._used_max and len(mine) * len(self._used) >= self._used_max:
            raise refuse(Reason.INTERNAL, "too many client assertions are outstanding")
        mine[token_id] = expires_at_s
        self._outstanding += 1

    def _purge(self, now_s: int) -> None:
        """Once a second at most: in between nothing more has expired."""
        if self._purged_s == now_s:
            return
        self._purged_s = now_s
        left = {
            client: {token: until_s for token, until_s in used.items() if until_s > now_s}
            for client, used in self._used.items()
        }
        self._used = {client: used for client, used in left.items() if used}
        self._outstanding = sum(map(len, self._used.values()))


def _signed_claims(assertion: bytes, keys: Mapping[str, Any]) -> dict[str, Any]:
    jws = parse(assertion)
    odd = sorted(jws.header.keys() & _REFUSED_HEADERS)
    if odd:
        raise JwsError(f"the header has {odd[0]}")
    key = _chosen(keys, jws.header)
    if jws.header.get("alg") != key.algorithm:
        raise JwsError(f"alg is not {key.algorithm}")
    if not key.verify(jws.signature, jws.message):
        raise JwsError("the signature is wrong")
    return json_object(jws.unverified_payload)


def _chosen(keys: Mapping[str, Any], header: Mapping[str, Any]) -> PublicKey:
    """The registered key the header names; without `kid` the only one there is."""
    registered = keys.get("keys")
    if not isinstance(registered, list) or not registered:
        raise JwsError("no key is registered for the client")
    if "kid" in header:
        registered = [jwk for jwk in registered if isinstance(jwk, dict) and jwk.get("kid") == header["kid"]]
    if len(registered) != 1:
        raise JwsError(f"kid chooses {len(registered)} registered keys, expected one")
    return public_key(registered[0])
