"""What acts in a person's own name, and what they agreed to: seen and ended by them, with no role and nobody's help."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.consent import Consent, ConsentState
from remit.core.errors import Refusal
from remit.core.grant import BY_CONSENT, Grant, GrantEvent, GrantState, LiveGrant
from remit.core.grantbook import GrantBook, Selector
from remit.core.principals import Principal, PrincipalKind
from remit.core.sign_in import BrowserSession
from remit.flows.authorize import Authorize
from remit.flows.end_grant import EndGrant
from remit.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class OwnGrants:
    grants: GrantBook
    end_grant: EndGrant
    authorize: Authorize
    clock: Clock

    def of(self, session: BrowserSession) -> list[LiveGrant]:
        """The live ones, oldest first."""
        found = [live for live in self.grants if _is_theirs(live, session) and live.state is GrantState.ACTIVE]
        return sorted(found, key=lambda live: live.grant.created_at_s)

    async def end(self, session: BrowserSession, grant_id: str) -> bool:
        """As finished. False for one that is not theirs as for one that is not there. Raises `Outage`."""
        live = self.grants.find(grant_id)
        if live is None or not _is_theirs(live, session):
            return False
        selector, tenants = Selector(grant=grant_id), frozenset({session.tenant})
        self.authorize.void(selector, tenants)  # an exchange that was broken off does not make it again
        await self.end_grant.end(selector, GrantEvent.FINISH, tenants=tenants, by=session.account)
        return True

    def agreed(self, session: BrowserSession) -> list[Consent]:
        """What they agreed to and did not take back, newest first."""
        now_s = self.clock.now_s()
        found = [
            consent
            for consent in self.authorize.consents.known.values()
            if consent.state is ConsentState.ACTIVE
            and now_s < consent.expires_at_s
            and (consent.tenant, consent.subject) == (session.tenant, Principal(PrincipalKind.HUMAN, session.account))
        ]
        return sorted(found, key=lambda consent: consent.given_at_s, reverse=True)

    async def take_back(self, session: BrowserSession, consent_id: str) -> bool:
        """The consent, and every grant on it and on those it replaced. False for one that is not theirs as for one that
        is not there. Raises `Outage`: all of it has ended all the same, and the sweep stores that.
        """
        taken = {consent.id: consent for consent in self.agreed(session)}.get(consent_id)
        if taken is None:
            return False
        await self.withdraw(taken, by=session.account)
        return True

    async def cut(self, session: BrowserSession, *, client: str = "", server: str = "") -> bool:
        """Everything of theirs that acts through the client, or reaches the server: grants end, agreements are taken
        back, and a code under way, on an earlier yes too, becomes none. False if there is nothing of the kind. Raises
        `Outage`: all of it has ended all the same.
        """
        if client or server:
            of_theirs = Selector(subject=session.account, client=client, server=server)
            self.authorize.void(of_theirs, frozenset({session.tenant}))
        grants = [live for live in self.of(session) if _is_about(live.grant, client, server)]
        agreed = [consent for consent in self.agreed(session) if _is_about(consent, client, server)]
        failure: Refusal | None = None
        for consent in agreed:
            try:
                await self.withdraw(consent, by=session.account)
            except Refusal as refusal:
                failure = refusal
        for live in grants:
            try:
                await self.end(session, live.grant.id)
            except Refusal as refusal:
                failure = refusal
        if failure is not None:
            raise failure
        return bool(grants or agreed)

    async def withdraw(self, consent: Consent, *, by: str) -> list[str]:
        """The same for whoever may: the ids of the grants that ended."""
        ended: list[str] = []
        failure: Refusal | None = None
        try:
            await self.authorize.take_back(consent.id)
        except Refusal as refusal:
            failure = refusal
        for live in [live for live in self.grants if _made_on(live, consent)]:
            try:
                await self.end_grant.end(
                    Selector(grant=live.grant.id), GrantEvent.FINISH, tenants=frozenset({consent.tenant}), by=by
                )
            except Refusal as refusal:
                failure = refusal
            ended.append(live.grant.id)
        if failure is not None:
            raise failure
        return ended


def _made_on(live: LiveGrant, consent: Consent) -> bool:
    grant = live.grant
    of = (grant.tenant, grant.subject, *_about(grant), live.state, grant.origin.how)
    return of == (consent.tenant, consent.subject, *_about(consent), GrantState.ACTIVE, BY_CONSENT)


def _about(of: Grant | Consent) -> tuple[str, str, str]:
    return of.client_id, of.resource, of.environment


def _is_about(of: Grant | Consent, client: str, server: str) -> bool:
    """One of the two is given; nothing given is about nothing."""
    return bool(client and of.client_id == client) or any(server == scope.server for scope in of.scopes)


def _is_theirs(live: LiveGrant, session: BrowserSession) -> bool:
    grant = live.grant
    return grant.tenant == session.tenant and grant.subject == Principal(PrincipalKind.HUMAN, session.account)
