"""A person's yes: what is made of it is never wider than what they were shown, and taken back it is over, whatever
breaks, races or comes late meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from remit.core.clients import Client, ClientAuthentication, ClientBook
from remit.core.consent import ConsentState
from remit.core.errors import Outage, Refusal
from remit.core.grant import Calls, Grant, GrantState
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.answer_error import AnswerError
from remit.flows.oauth_error import OAuthError
from remit.flows.own_grants import OwnGrants
from remit.flows.pending import REQUEST_S, Choice, Pending
from remit.flows.redeem import Redeem, Redeemed
from tests.scenes.authority import RESOURCE, Scene, scopes

DESKTOP = Client(
    "desktop", frozenset({"acme"}), ClientAuthentication.NONE, redirects=frozenset({"http://127.0.0.1/cb"})
)
BROWSER, VERIFIER = Secret(b"b" * 64), "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Person(Scene):
    """The engineer at a browser, and a desktop client that sends them there."""

    def __post_init__(self) -> None:
        super().__post_init__()
        registry = self.create.registry
        self.create.registry = replace(registry, clients=ClientBook({**registry.clients, DESKTOP.id: DESKTOP}))
        self.own = OwnGrants(self.grants, self.ending, self.authorize, self.clock)
        now_s = self.clock.now_s()
        self.session = BrowserSession("engineer", "acme", now_s, now_s + 40_000, ("pwd",))

    def asked(self, **changes: str) -> Pending:
        usual = {
            "response_type": "code", "client_id": "desktop", "redirect_uri": "http://127.0.0.1:4000/cb",
            "resource": f"{RESOURCE}/git", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }  # fmt: skip
        return self.authorize.opened(self.authorize.begin(usual | changes, BROWSER), BROWSER)

    async def agreed(self, pending: Pending | None = None, **changes: object) -> str:
        """The code a yes brings."""
        yes = replace(Choice(scopes("git"), "dev", "try it", "", 3600.0), **changes)  # type: ignore[arg-type]
        url = await self.authorize.agree(pending or self.asked(), self.session, yes)
        return parse_qs(urlsplit(url).query)["code"][0]

    async def exchanged(self, code: str) -> Redeemed:
        return await self.redeem.code(DESKTOP, {"code": code, "code_verifier": VERIFIER})

    def state(self, grant: Grant) -> GrantState:
        live = self.grants.find(grant.id)
        assert live is not None
        return live.state

    def newest_consent(self) -> str:
        return self.own.agreed(self.session)[0].id


@pytest.fixture
def person() -> Person:
    return Person()


# never wider than what was shown ------------------------------------------------------------------------------------
def details(purpose: str) -> str:
    return json.dumps([{"type": "mcp_tool", "locations": [f"{RESOURCE}/git"], "purpose": purpose}])


async def test_another_purpose_than_the_one_asked_for_does_not_shed_its_limits(person: Person) -> None:
    pending = person.asked(authorization_details=details("triage"))
    shown = person.authorize.environments(pending, person.session)["dev"]
    assert (len(shown.constraints), shown.budget) == (1, Calls(5))
    code = await person.agreed(pending, scopes=scopes("git:git_log"), purpose="something else")
    grant = (await person.exchanged(code)).granted.grant
    assert (grant.constraints, grant.budget) == (shown.constraints, shown.budget)
    assert grant.expires_at_s - grant.created_at_s <= 600.0
    unlimited = (await person.exchanged(await person.agreed(purpose="something else"))).granted.grant
    assert (unlimited.constraints, unlimited.expires_at_s - unlimited.created_at_s) == (frozenset(), 3600.0)


# taken back is over -------------------------------------------------------------------------------------------------
async def test_a_consent_taken_back_in_an_outage_has_ended_and_the_sweep_stores_it(person: Person) -> None:
    first = (await person.exchanged(await person.agreed())).granted.grant
    second = (await person.exchanged(await person.agreed())).granted.grant
    consent = person.newest_consent()
    person.store.unavailable = True
    with pytest.raises(Outage):
        await person.own.take_back(person.session, consent)
    assert {person.state(first), person.state(second)} == {GrantState.FINISHED}
    person.store.unavailable = False
    await person.authorize.sweep()
    await person.ending.sweep()
    restarted = Person(store=person.store, clock=person.clock)
    await restarted.authorize.load()
    assert restarted.own.agreed(person.session) == []
    events = [record["event"] for record in person.ledger.of_kind(RecordKind.CONSENT)]
    assert (events[:2], set(events[2:])) == (["given", "given"], {"taken_back"})


async def test_a_code_given_on_a_replaced_consent_is_worth_nothing_once_the_new_one_is_taken_back(
    person: Person,
) -> None:
    earlier, later = await person.agreed(), await person.agreed()
    assert (await person.exchanged(earlier)).granted.grant  # replaced, it is still good
    earlier, later = later, await person.agreed()
    await person.own.take_back(person.session, person.newest_consent())
    for code in (earlier, later):
        with pytest.raises(OAuthError, match="taken back"):
            await person.exchanged(code)


async def test_a_consent_taken_back_while_its_code_is_exchanged_leaves_no_grant(person: Person) -> None:
    code = await person.agreed()
    under_way = asyncio.create_task(person.exchanged(code))
    await asyncio.sleep(0)  # the grant is being stored: it is in no list yet
    await person.own.take_back(person.session, person.newest_consent())
    with pytest.raises(OAuthError, match="taken back"):
        await under_way
    assert [live for live in person.grants if live.state is GrantState.ACTIVE] == []
    assert (await person.exchanged(await person.agreed())).granted


async def test_of_two_exchanges_at_once_neither_grants_and_there_is_one_grant(person: Person) -> None:
    code = await person.agreed()
    answers = await asyncio.gather(person.exchanged(code), person.exchanged(code), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OAuthError, OAuthError]
    created = [record for record in person.ledger.of_kind(RecordKind.GRANT) if record["event"] == "created"]
    assert (len(created), [live.state for live in person.grants]) == (1, [GrantState.REVOKED])
    assert (await person.exchanged(await person.agreed())).granted


async def test_whoever_left_the_tenant_is_refreshed_no_more(person: Person) -> None:
    made = await person.exchanged(await person.agreed())
    refresh = {"refresh_token": made.refresh.expose().decode()}
    registry = person.create.registry
    elsewhere = replace(registry.accounts["engineer"], tenant="globex")
    for accounts in ({}, {"engineer": elsewhere}):
        person.create.registry = replace(registry, accounts=accounts)
        with pytest.raises(Refusal) as refused:
            await person.redeem.refresh(DESKTOP, refresh)
        assert refused.value.reason is Reason.GRANT_ENDED
    person.create.registry = registry
    assert (await person.redeem.refresh(DESKTOP, refresh)).granted


async def test_consents_that_are_over_are_forgotten_and_those_that_stand_are_not(person: Person) -> None:
    for _ in range(5):
        await person.agreed()
    assert len(person.authorize.consents.known) == 5
    person.clock.advance(REQUEST_S)
    await person.authorize.sweep()
    assert [found.state for found in person.authorize.consents.known.values()] == [ConsentState.ACTIVE]
    assert len([1 for kind, _ in person.store.kept if kind == "consent"]) == 1
    restarted = Redeem(person.create, person.authorize, person.ending, person.sealer)
    await restarted.load()


# what a stranger can find out ---------------------------------------------------------------------------------------
def test_which_servers_there_are_is_not_for_strangers(person: Person) -> None:
    """Known or not, a request for a server is taken alike; who signed in is offered what they reach."""
    offered = [
        list(person.authorize.environments(person.asked(resource=f"{RESOURCE}/{name}"), person.session))
        for name in ("git", "prod-db", "nosuch")
    ]
    assert offered == [["dev"], ["prod"], []]
    for name in ("prod-db/x", "", "Git", "git?x"):
        with pytest.raises(AnswerError) as answer:
            person.asked(resource=f"{RESOURCE}/{name}")
        assert "error=invalid_target" in answer.value.url


def test_whoever_just_signed_in_is_not_asked_to_again_however_young_it_must_be(person: Person) -> None:
    person.clock.advance(1)
    pending = person.asked(max_age="0")
    person.clock.advance(1)
    assert person.authorize.needs_sign_in(pending, person.session)
    fresh = replace_signed_in(person.session, person.clock.now_s())
    person.clock.advance(1)
    assert not person.authorize.needs_sign_in(pending, fresh)


def replace_signed_in(session: BrowserSession, at_s: float) -> BrowserSession:
    return BrowserSession(session.account, session.tenant, at_s, session.expires_at_s, session.methods)
