"""A device without a browser asks for a person who has one elsewhere (RFC 8628).

    1 the device says what it wants and shows a short code     2 the person signs in and types that code
    3 the question, as for any client     4 the device, which has kept asking, gets its tokens or a no

Step 3 is `Authorize`'s, step 4 ends in `Redeem`: what a yes makes is a code like any other, and the device has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.core.attempts import Attempts
from remit.core.authorization_request import AuthorizationError, Resources, asked_by_device
from remit.core.clients import Client
from remit.core.device_code import DEVICE_CODE_S, DEVICES_MAX, INTERVAL_S, SLOWER_S
from remit.core.errors import Invalid, refuse
from remit.core.pushed_request import REQUEST_BYTES_MAX
from remit.core.reasons import Reason
from remit.core.rows import row_id
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.authorize import Authorize
from remit.flows.client_authentication import CREDENTIALS, AuthenticateClient, ClientRequest
from remit.flows.oauth_error import OAuthError
from remit.flows.redeem import Redeem, Redeemed


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """RFC 8628 section 3.2."""

    device_code: Secret
    user_code: str


@dataclass(slots=True)
class AuthorizeDevice:
    """The walk and its ports. Guesses at user codes are limited per place, per person and in all: they are short, and
    whoever finds another's takes over what is asked for there.
    """

    authenticate: AuthenticateClient
    authorize: Authorize
    redeem: Redeem
    asking: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=6))
    peers: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=5))
    persons: Attempts = field(default_factory=lambda: Attempts(burst=10, per_minute=5))
    everybody: Attempts = field(default_factory=lambda: Attempts(burst=100, per_minute=60, names_max=1))
    _paces: dict[str, tuple[float, float]] = field(init=False, default_factory=dict)  # row -> (not before, interval)

    # 1 the device -----------------------------------------------------------------------------------------------
    async def begin(self, request: ClientRequest) -> DeviceAnswer:
        """Raises `OAuthError`."""
        client = self.authenticate.client(request, public=True)
        with self.authenticate.refusals_recorded(client, "device_authorization"):
            if not client.device:
                raise OAuthError("unauthorized_client", "the client is not registered for devices")
            parameters = self._checked(client, request.parameters)
            if not client.proven:
                self._require_room(request.peer)
            device_code, typed = await self.authorize.devices.ask(client.id, parameters, proven=client.proven)
        return DeviceAnswer(device_code, typed)

    def _checked(self, client: Client, sent: Mapping[str, str]) -> dict[str, str]:
        parameters = {name: value for name, value in sent.items() if name not in CREDENTIALS} | {"client_id": client.id}
        if len(json.dumps(parameters)) > REQUEST_BYTES_MAX:  # it is to fit the link its person follows
            raise OAuthError("invalid_request", f"the request is longer than {REQUEST_BYTES_MAX} bytes", status=413)
        try:
            asked_by_device(client, "", parameters, Resources(self.authenticate.create.registry.issuer))
        except AuthorizationError as error:
            raise OAuthError(error.error.value, error.description) from error
        return parameters

    def _require_room(self, peer: str) -> None:
        self.authenticate.limit(self.asking, peer)
        waiting = [kept.asked_at_s for kept in self.authorize.devices.unproven()]
        if len(waiting) >= DEVICES_MAX:
            raise self.authenticate.too_many(max(1.0, min(waiting) + DEVICE_CODE_S - self._now_s()))

    # 2 the person -----------------------------------------------------------------------------------------------
    def typed(self, text: str, session: BrowserSession, browser: Secret, *, peer: str) -> str:
        """The request that the code stands for, sealed to this browser as one that came by it. Raises `Invalid` for a
        code that is none, `Denied` for too many tries.
        """
        now_s = self.authenticate.clock.monotonic_s()
        buckets = ((self.peers, peer), (self.persons, session.account), (self.everybody, ""))
        if max(attempts.wait_s(name, now_s) for attempts, name in buckets):
            self.authenticate.ledger.refused(Reason.LIMIT_RATE)
            raise refuse(Reason.LIMIT_RATE, "too many tries; wait a minute")
        for attempts, name in buckets:
            attempts.take(name, now_s)
        try:
            id = self.authorize.devices.typed(text)
        except Invalid:
            self.authenticate.ledger.refused(Reason.USER_CODE_INVALID)
            raise
        for attempts, name in buckets:  # no guess
            attempts.give_back(name, now_s)
        return self.authorize.begin_for_device(id, browser)

    # 4 the device again -----------------------------------------------------------------------------------------
    async def poll(self, client: Client, parameters: Mapping[str, str]) -> Redeemed:
        """RFC 8628 section 3.4. Raises `OAuthError` (section 3.5), and `Refusal` for what the grant is refused for."""
        id = row_id(Secret(parameters.get("device_code", "").encode("utf-8", "replace")))
        kept = self.authorize.devices.find(id)
        if kept is None or kept.client != client.id or not client.device:
            raise OAuthError("invalid_grant", "the device code is not one that was given to this client, or too old")
        codes = self.authorize.codes
        if id in codes.known and id not in codes.under_way:
            return await self.redeem.for_device(client, id, parameters)
        if kept.declined:
            raise OAuthError("access_denied", "the person said no")
        if not self.authorize.devices.fresh(kept) and id not in codes.under_way:
            raise OAuthError("expired_token", f"nobody answered within {DEVICE_CODE_S:.0f} s; begin again")
        raise self._not_yet(id)

    def _not_yet(self, id: str) -> OAuthError:
        now_s = self.authenticate.clock.monotonic_s()
        not_before_s, interval_s = self._paces.get(id, (now_s, INTERVAL_S))
        too_soon = now_s < not_before_s
        interval_s += SLOWER_S if too_soon else 0.0
        self._paces[id] = (now_s + interval_s, interval_s)
        if too_soon:
            return OAuthError("slow_down", f"ask every {interval_s:.0f} s")
        return OAuthError("authorization_pending", "the person has not answered yet")

    async def sweep(self) -> None:
        """Raises `Outage`."""
        await self.authorize.devices.sweep()
        for id in [id for id in self._paces if self.authorize.devices.find(id) is None]:
            del self._paces[id]

    def _now_s(self) -> float:
        return self.authenticate.clock.now_s()
