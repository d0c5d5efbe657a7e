"""What a person agreed to already, or an administrator for them, so that they are not asked the same again.

A client that proves who it is gets its answer without a page; any other, for whom anybody could have sent the browser
here, gets it after one click. A yes of the person's own is held to stand only in the browser it was given in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from remit.core.authorization_request import ErrorCode, Prompt, Unspecified
from remit.core.consent import Consent, ConsentState, Question, covers, given
from remit.core.consent_rule import ConsentRule
from remit.core.errors import Denied, Invalid, refuse
from remit.core.grant import Unmetered
from remit.core.principals import Principal, PrincipalKind
from remit.core.reasons import Reason
from remit.core.scope import intersect, parse_scope
from remit.core.sign_in import BrowserSession
from remit.flows.authorize import CONSENT_S, Authorize
from remit.flows.consent_rules import ConsentRules
from remit.flows.pending import Choice, Pending, question_of


@dataclass(frozen=True, slots=True)
class Remembered:
    """The consent that covers the request, and what a yes would make of it."""

    consent: Consent
    choice: Choice


@dataclass(frozen=True, slots=True)
class Remember:
    authorize: Authorize
    rules: ConsentRules

    def found(self, pending: Pending, session: BrowserSession, device: str) -> Remembered | None:
        """None if the person has to be asked: nothing covers the request, or the client wants them to be."""
        if Prompt.CONSENT in pending.request.prompts:
            return None
        if self.authorize.create.registry.administration.is_for(pending.request.resource):
            return None  # who lets a client administer says so each time, and nobody says it for them
        for consent in self._candidates(pending, session, device):
            choice = self._choice(pending, session, consent)
            if choice is not None:  # an administrator may approve of more than this person reaches
                narrowed = consent if not consent.by else replace(consent, scopes=choice.scopes)
                return Remembered(narrowed, choice)
        return None

    async def without_asking(self, pending: Pending, session: BrowserSession, device: str) -> str:
        """Where the browser goes with the code, or nothing if there has to be a page. Raises `AnswerError` where there
        may be none (`prompt=none`), `Outage`.
        """
        # Whoever has only a code, and not the client's key or secret, gets nothing for it.
        found = self.found(pending, session, device) if pending.request.client.proven else None
        if found is not None:
            return await self.authorize.agree_as_before(pending, session, found.choice, found.consent, silent=True)
        if Prompt.NONE in pending.request.prompts:
            raise self.authorize.answer_error(pending, ErrorCode.CONSENT_REQUIRED, "the person has to be asked")
        return ""

    async def with_one_click(self, pending: Pending, session: BrowserSession, device: str) -> str:
        """Where the browser goes with the code. Raises `Invalid` if it stands no longer, `Outage`."""
        found = self.found(pending, session, device)
        if found is None:
            raise refuse(Reason.INVALID_PARAMS, "what was agreed to before does not cover this; answer anew")
        return await self.authorize.agree_as_before(pending, session, found.choice, found.consent, silent=False)

    def _candidates(self, pending: Pending, session: BrowserSession, device: str) -> Iterator[Consent]:
        """The person's own of this browser, newest first, then what administrators approved."""
        subject, client = Principal(PrincipalKind.HUMAN, session.account), pending.request.client.id
        own = [
            consent
            for consent in self.authorize.consents.known.values()
            if consent.state is ConsentState.ACTIVE
            and (consent.tenant, consent.subject, consent.client_id) == (session.tenant, subject, client)
            and device
            and consent.device == device
        ]
        yield from sorted(own, key=lambda consent: consent.given_at_s, reverse=True)
        for rule in self.rules.approvals(session.tenant, client, session.account):
            yield self._approved(pending, session, rule)

    def _approved(self, pending: Pending, session: BrowserSession, rule: ConsentRule) -> Consent:
        """The yes of the administrator as if it were the person's."""
        request, now_s = pending.request, self.authorize.clock.now_s()
        question = Question(
            tenant=session.tenant,
            subject=Principal(PrincipalKind.HUMAN, session.account),
            client_id=request.client.id,
            redirect=request.destination,
            resource=request.resource,
            scopes=frozenset(map(parse_scope, rule.scopes)),
            constraints=frozenset(),
            budget=Unmetered(),
            purpose=rule.purpose,
            purpose_class=rule.purpose_class,
            environment=rule.environment,
            ttl_s=rule.ttl_s,
        )
        id = self.authorize.entropy.id("con")
        return given(question, id=id, now_s=now_s, expires_at_s=now_s + CONSENT_S, by=rule.id)

    def _choice(self, pending: Pending, session: BrowserSession, consent: Consent) -> Choice | None:
        """What the request comes to, if the consent covers it. Where the client says no scopes it gets those that were
        chosen for it; where it says no purpose, it is the one that was agreed to.
        """
        asked = pending.request.asked
        stated = "" if isinstance(asked, Unspecified) else asked.purpose
        classes = self.authorize.create.registry.purposes
        try:
            reached = self.authorize.offered(pending, session, consent.environment).scopes
            choice = Choice(
                scopes=intersect(consent.scopes, reached) if isinstance(asked, Unspecified) else reached,
                environment=consent.environment,
                purpose=stated or consent.purpose,
                purpose_class=(stated if stated in classes else "") if stated else consent.purpose_class,
                ttl_s=consent.ttl_s,
            )
            grant = self.authorize.preview(pending, session, choice)
        except (Denied, Invalid):
            return None
        covered = covers(consent, question_of(grant, pending), now_s=self.authorize.clock.now_s())
        lasts_s = grant.expires_at_s - grant.created_at_s
        return replace(choice, scopes=grant.scopes, ttl_s=lasts_s) if covered and choice.purpose else None
