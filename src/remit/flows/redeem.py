"""Exchanging what a person's yes made for tokens: the code once, then refresh tokens one after the other.

A code or a refresh token that comes a second time was copied: the grant behind it ends, with all that hangs on it
(RFC 9700 sections 2.1.1 and 4.14.2). Two things look like a copy and are none: a client that never got the answer asks
for it again, and a process that died half-way finds the grant it was about to make.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from remit.core.authorization_code import CODE_S, Family, KeptCode
from remit.core.authorization_request import SCOPES_MAX
from remit.core.clients import Client
from remit.core.consent import ConsentState
from remit.core.device_code import DEVICE
from remit.core.errors import Invalid, Refusal
from remit.core.grant import GrantEvent
from remit.core.grantbook import Selector
from remit.core.logins import Step
from remit.core.pkce import METHOD, CodeChallenge, verified
from remit.core.redirects import matches
from remit.core.rows import from_row, row_id, to_row
from remit.core.scope import Scope, parse_scopes, within
from remit.core.secret import Secret
from remit.flows.authorize import Authorize
from remit.flows.codes import consented_to
from remit.flows.create_grant import CreateGrant, Granted
from remit.flows.end_grant import EndGrant
from remit.flows.oauth_error import OAuthError
from remit.ports.sealer import Sealer, Unsealed

REFRESH: Final = "refresh"
SEALED_FOR: Final = "refresh token"


@dataclass(frozen=True, slots=True)
class Redeemed:
    """`refresh` is good until the grant ends, or until it is used."""

    granted: Granted
    refresh: Secret


@dataclass(slots=True)
class Redeem:
    create: CreateGrant
    authorize: Authorize
    end_grant: EndGrant
    sealer: Sealer
    _families: dict[str, Family] = field(init=False, default_factory=dict)
    _stored: dict[str, Family] = field(init=False, default_factory=dict)  # what the store has
    _under_way: set[str] = field(init=False, default_factory=set)
    _twice: set[str] = field(init=False, default_factory=set)

    async def load(self) -> None:
        """At a start, after the grants. Raises `Outage` if a row is not whole."""
        for row in await self.create.store.rows(REFRESH):
            self._families[row.id] = self._stored[row.id] = from_row(row.content, Family)

    # the code ---------------------------------------------------------------------------------------------------
    async def code(self, client: Client, parameters: Mapping[str, str]) -> Redeemed:
        """RFC 6749 section 4.1.3. Raises `OAuthError`, and `Refusal` for what the grant itself is refused for."""
        presented = row_id(Secret(parameters.get("code", "").encode("utf-8", "replace")))
        kept = self.authorize.codes.known.get(presented)
        if kept is None or kept.client != client.id or kept.redirect_uri == DEVICE:
            raise OAuthError("invalid_grant", "the code is not one that was given to this client, or too old")
        return await self._traced(client, presented, kept, parameters)

    async def for_device(self, client: Client, device: str, parameters: Mapping[str, str]) -> Redeemed:
        """The same for a device (RFC 8628), which has held the code since before there was an answer."""
        return await self._traced(client, device, self.authorize.codes.known[device], parameters)

    async def _traced(self, client: Client, presented: str, kept: KeptCode, parameters: Mapping[str, str]) -> Redeemed:
        trace = self.authorize.trace
        with trace.refusals(kept.request, Step.EXCHANGE_REFUSED):
            redeemed = await self._redeemed(client, presented, kept, parameters)
        trace.note(kept.request, Step.EXCHANGED, account=kept.account, grant=redeemed.granted.grant.id)
        return redeemed

    async def _redeemed(
        self, client: Client, presented: str, kept: KeptCode, parameters: Mapping[str, str]
    ) -> Redeemed:
        if kept.used:
            await self._copied(kept.grant)
            raise OAuthError("invalid_grant", "the code was used before; what was granted on it has ended")
        if parameters.get("resource", kept.resource) != kept.resource:
            raise OAuthError("invalid_target", f"the code is for {kept.resource}")
        if kept.redirect_uri != DEVICE:
            self._require_fits(client, kept, parameters)
        if self._taken_back(kept):
            raise OAuthError("invalid_grant", "the consent was taken back")
        if presented in self._under_way:  # one makes the grant, and then finds that it was not alone
            self._twice.add(presented)
            raise OAuthError("invalid_grant", "the code was used twice at once; what was granted on it has ended")
        self._under_way.add(presented)
        try:
            return await self._exchanged(client, presented, kept)
        finally:
            self._under_way.discard(presented)
            self._twice.discard(presented)

    async def _exchanged(self, client: Client, presented: str, kept: KeptCode) -> Redeemed:
        granted = await self.create.for_consent(consented_to(kept))
        family = Family(client.id, 1, self.create.clock.now_s())
        await self._keep(granted.grant.id, family)
        await self._use_up(presented, kept)
        if presented in self._twice:
            await self._copied(kept.grant)
            raise OAuthError("invalid_grant", "the code was used twice at once; what was granted on it has ended")
        if self._taken_back(kept):  # while the grant was made, so that it was not yet there to be ended
            await self._copied(kept.grant, by="remit: consent taken back")
            raise OAuthError("invalid_grant", "the consent was taken back")
        return Redeemed(granted, self._refresh_token(granted.grant.id, family))

    async def _use_up(self, presented: str, kept: KeptCode) -> None:
        """The last step before an answer: whatever breaks before it, the client may exchange its code again."""
        if not await self.authorize.codes.use_up(presented, kept):  # voided while the grant was made
            await self._copied(kept.grant, by="remit: revoked")
            raise OAuthError("invalid_grant", "what the code stands for was revoked")

    def _taken_back(self, kept: KeptCode) -> bool:
        consent = self.authorize.consents.known.get(kept.consent)
        return consent is None or consent.state is ConsentState.REVOKED

    def _require_fits(self, client: Client, kept: KeptCode, parameters: Mapping[str, str]) -> None:
        if not 0 <= self.create.clock.now_s() - kept.issued_at_s < CODE_S:
            raise OAuthError("invalid_grant", f"the code is older than {CODE_S:.0f} s")
        if parameters.get("redirect_uri", kept.redirect_uri) != kept.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is not the one the code was sent to")
        if not matches(client.redirects, kept.redirect_uri):  # changed since: whoever is there now is not who was asked
            raise OAuthError("invalid_grant", "the client is not registered for this redirect_uri any more")
        challenge = CodeChallenge.parse(kept.challenge, METHOD)
        verifier = Secret(parameters.get("code_verifier", "").encode("utf-8", "replace"))
        if not verified(challenge, verifier):
            raise OAuthError("invalid_grant", "code_verifier is missing or does not fit the code_challenge (RFC 7636)")

    # refreshing -------------------------------------------------------------------------------------------------
    async def refresh(self, client: Client, parameters: Mapping[str, str]) -> Redeemed:
        """RFC 6749 section 6: the same grant, a new token of each kind. Raises `OAuthError`, `Refusal`."""
        grant_id, generation = self._opened(client, parameters.get("refresh_token", ""))
        trace = self.authorize.trace
        login = trace.book.of_grant(grant_id)
        with trace.refusals(login, Step.REFRESH_REFUSED):
            redeemed = await self._refreshed(client, grant_id, generation, parameters)
        trace.note(login, Step.REFRESHED)
        return redeemed

    async def _refreshed(
        self, client: Client, grant_id: str, generation: int, parameters: Mapping[str, str]
    ) -> Redeemed:
        family, live = self._families.get(grant_id), self.create.grants.find(grant_id)
        if family is None or live is None or family.client != client.id:
            raise OAuthError("invalid_grant", "the refresh token's grant is over")
        if parameters.get("resource", live.grant.resource) != live.grant.resource:
            raise OAuthError("invalid_target", f"the grant is for {live.grant.resource}")
        if any(self.create.forbids(live.grant.tenant, client.id, scope.server) for scope in live.grant.scopes):
            await self._copied(grant_id, by="remit: forbidden")  # a crash or an outage left it when it was forbidden
            raise OAuthError("invalid_grant", "an administrator forbade the client; its grant has ended")
        if parameters.get("scope") and not _names_all(parameters["scope"], live.grant.scopes):
            # a token of ours says what its grant says; a narrower one would not be narrower
            raise OAuthError("invalid_scope", "scope cannot be narrowed by refreshing: ask anew")
        granted = self.create.token_for(live)
        now_s = self.create.clock.now_s()
        if generation == family.generation:
            family = Family(client.id, generation + 1, now_s)
        elif family.forgives(generation, now_s):
            family = replace(family, forgiven=True)
        else:
            await self._copied(grant_id)
            raise OAuthError("invalid_grant", "the refresh token was used before; its grant has ended")
        await self._keep(grant_id, family)
        return Redeemed(granted, self._refresh_token(grant_id, family))

    async def finish(self, client: Client, presented: str) -> None:
        """The client needs it no longer. Raises `Outage`."""
        try:
            grant_id, _ = self._opened(client, presented)
        except OAuthError:
            return
        live = self.create.grants.find(grant_id)
        if live is not None:
            await self.end_grant.end(
                Selector(grant=grant_id), GrantEvent.FINISH, tenants=frozenset({live.grant.tenant}), by=client.id
            )

    def _opened(self, client: Client, presented: str) -> tuple[str, int]:
        try:
            content = json.loads(self.sealer.open(SEALED_FOR, presented, bound_to=client.id.encode("utf-8")))
        except Unsealed:
            raise OAuthError("invalid_grant", "the refresh token is not one that was given to this client") from None
        return content["grant"], content["generation"]

    def _refresh_token(self, grant_id: str, family: Family) -> Secret:
        content = json.dumps({"grant": grant_id, "generation": family.generation}).encode("ascii")
        sealed = self.sealer.seal(SEALED_FOR, content, bound_to=family.client.encode("utf-8"))
        return Secret(sealed.encode("ascii"))

    async def sweep(self) -> None:
        """Forget the families of grants that are forgotten. Raises `Outage`."""
        for grant_id in list(self._families):
            if self.create.grants.find(grant_id) is None:
                self._families.pop(grant_id)
                self._stored.pop(grant_id, None)
                await self.create.store.remove(REFRESH, grant_id)

    # inside -----------------------------------------------------------------------------------------------------
    async def _keep(self, grant_id: str, family: Family) -> None:
        """In memory before the first await: of two who refresh at once, one rotates. What the store did not take is not
        so here either: the client was told of an outage, and still holds what the store knows as the newest.
        """
        self._families[grant_id] = family
        try:
            await self.create.store.put(REFRESH, grant_id, to_row(family))
        except BaseException:
            if self._families.get(grant_id) is family:
                self._follow_store(grant_id)
            raise
        if grant_id not in self._stored or self._stored[grant_id].older(family):
            self._stored[grant_id] = family
        if grant_id not in self._families or self._families[grant_id].older(family):
            self._follow_store(grant_id)

    def _follow_store(self, grant_id: str) -> None:
        if grant_id in self._stored:
            self._families[grant_id] = self._stored[grant_id]
        else:
            self._families.pop(grant_id, None)

    async def _copied(self, grant_id: str, *, by: str = "remit: reuse") -> None:
        """End the grant. An outage does not bring it back: it has ended here, and the sweep stores that."""
        live = self.create.grants.find(grant_id)
        if live is None:
            return
        try:
            await self.end_grant.end(
                Selector(grant=grant_id), GrantEvent.REVOKE, tenants=frozenset({live.grant.tenant}), by=by
            )
        except Refusal:
            return


def _names_all(text: str, held: frozenset[Scope]) -> bool:
    """Whether a client that says again what it once asked for names all it was given (RFC 6749 section 3.3: what goes
    beyond that is ignored, and the answer says so)."""
    try:
        named = parse_scopes(text, names_max=SCOPES_MAX)
        return not named or within(held, named)
    except Invalid as error:
        raise OAuthError("invalid_scope", error.detail) from error
