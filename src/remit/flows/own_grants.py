"""What acts in a person's own name: seen and ended by that person, with no role and nobody's help."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.grant import GrantEvent, GrantState, LiveGrant
from remit.core.grantbook import GrantBook, Selector
from remit.core.principals import Principal, PrincipalKind
from remit.core.sign_in import BrowserSession
from remit.flows.end_grant import EndGrant


@dataclass(frozen=True, slots=True)
class OwnGrants:
    grants: GrantBook
    end_grant: EndGrant

    def of(self, session: BrowserSession) -> list[LiveGrant]:
        """The live ones, oldest first."""
        found = [live for live in self.grants if _is_theirs(live, session) and live.state is GrantState.ACTIVE]
        return sorted(found, key=lambda live: live.grant.created_at_s)

    async def end(self, session: BrowserSession, grant_id: str) -> bool:
        """As finished. False for one that is not theirs as for one that is not there. Raises `Outage`."""
        live = self.grants.find(grant_id)
        if live is None or not _is_theirs(live, session):
            return False
        await self.end_grant.end(
            Selector(grant=grant_id), GrantEvent.FINISH, tenants=frozenset({session.tenant}), by=session.account
        )
        return True


def _is_theirs(live: LiveGrant, session: BrowserSession) -> bool:
    grant = live.grant
    return grant.tenant == session.tenant and grant.subject == Principal(PrincipalKind.HUMAN, session.account)
