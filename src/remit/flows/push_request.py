"""A client brings its request here itself, and a browser then brings no more than a reference to it (RFC 9126): what is
asked for stays out of the browser's history and cannot be bent on the way.

A reference is good once, for a minute and for the client it was given to. A row is kept for each, so that a login goes
on after a crash and a used reference stays used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from remit.core.attempts import Attempts
from remit.core.authorization_request import AuthorizationError, asked, return_address
from remit.core.clients import Client
from remit.core.errors import Invalid, refuse
from remit.core.pushed_request import PUSHED_MAX, PUSHED_S, REQUEST_BYTES_MAX, REQUEST_URI, PushedRequest
from remit.core.reasons import Reason
from remit.core.rows import from_row, row_id, to_row
from remit.core.secret import Secret
from remit.flows.client_authentication import CREDENTIALS, AuthenticateClient, ClientRequest
from remit.flows.oauth_error import OAuthError
from remit.ports.store import Store

PUSHED: Final = "pushed"
REFERENCE_BYTES: Final = 32


@dataclass(slots=True)
class PushRequest:
    """The walk and its ports. What public clients push, and those that registered themselves, is limited per peer too,
    so that one place does not take all the room there is for them.
    """

    authenticate: AuthenticateClient
    store: Store
    peers: Attempts = field(default_factory=lambda: Attempts(burst=30, per_minute=30))
    _waiting: dict[str, PushedRequest] = field(init=False, default_factory=dict)

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        for row in await self.store.rows(PUSHED):
            self._waiting[row.id] = from_row(row.content, PushedRequest)

    # the client -------------------------------------------------------------------------------------------------
    async def push(self, request: ClientRequest) -> Secret:
        """The `request_uri`, once the request was found right as `/authorize` would. Raises `OAuthError`."""
        client = self.authenticate.client(request, public=True)
        with self.authenticate.refusals_recorded(client, "par"):
            parameters = self._checked(client, request.parameters)
            if not client.proven:
                self._require_room(request.peer)
            reference = Secret(self.authenticate.entropy.bytes(REFERENCE_BYTES).hex().encode("ascii"))
            kept = PushedRequest(client.id, parameters, client.proven, self._now_s())
            if len(to_row(kept)) > REQUEST_BYTES_MAX:
                raise OAuthError("invalid_request", f"the request is longer than {REQUEST_BYTES_MAX} bytes", status=413)
            self._waiting[row_id(reference)] = kept  # before the first await: of many at once none is uncounted
            try:
                await self.store.put(PUSHED, row_id(reference), to_row(kept))
            except BaseException:
                self._waiting.pop(row_id(reference), None)
                raise
        return Secret(REQUEST_URI.encode("ascii") + reference.expose())

    def _checked(self, client: Client, sent: Mapping[str, str]) -> dict[str, str]:
        """RFC 9126 section 2.1. What proves the client is not part of what it asks for, and is not kept."""
        if "request_uri" in sent:
            raise OAuthError("invalid_request", "request_uri: push the request itself, not a reference to one")
        parameters = {name: value for name, value in sent.items() if name not in CREDENTIALS} | {"client_id": client.id}
        registry = self.authenticate.create.registry
        try:
            asked(return_address(parameters, registry.clients), parameters, registry.resources)
        except Invalid as refusal:
            raise OAuthError("invalid_request", refusal.detail) from refusal
        except AuthorizationError as error:
            raise OAuthError(error.error.value, error.description) from error
        return parameters

    def _require_room(self, peer: str) -> None:
        self.authenticate.limit(self.peers, peer)
        waiting = [kept.pushed_at_s for kept in self._waiting.values() if not kept.proven]
        if len(waiting) >= PUSHED_MAX:
            wait_s = max(1.0, min(waiting) + PUSHED_S - self._now_s())
            raise self.authenticate.too_many(wait_s)

    # the browser ------------------------------------------------------------------------------------------------
    async def take(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """The request that a browser's `client_id` and `request_uri` stand for; what else the browser brings is not
        read (RFC 9101 section 6.3). From now on the reference is used. Raises `Invalid`, `Outage`.
        """
        if "request" in parameters:
            raise refuse(Reason.REQUEST_URI_INVALID, "request and request_uri exclude each other (RFC 9101)")
        presented = parameters.get("request_uri", "")
        reference = presented.removeprefix(REQUEST_URI)
        id = row_id(Secret(reference.encode("utf-8", "surrogatepass")))
        kept = self._waiting.get(id) if presented.startswith(REQUEST_URI) else None
        # Named by another client it stays good for its own: who only guessed the client's name has used nothing up.
        if kept is None or kept.client != parameters.get("client_id") or not self._fresh(kept):
            raise refuse(Reason.REQUEST_URI_INVALID)
        del self._waiting[id]  # before the first await: of two browsers that bring it at once, one gets it
        try:
            await self.store.remove(PUSHED, id)
        except BaseException:
            self._waiting[id] = kept
            raise
        return kept.parameters

    async def sweep(self) -> None:
        """Forget what nobody came for. Raises `Outage`."""
        for id, kept in list(self._waiting.items()):
            if not self._fresh(kept):
                await self.store.remove(PUSHED, id)
                self._waiting.pop(id, None)

    def _fresh(self, kept: PushedRequest) -> bool:
        return 0 <= self._now_s() - kept.pushed_at_s < PUSHED_S

    def _now_s(self) -> float:
        return self.authenticate.clock.now_s()
