"""From a client's request to a code, and from the code to tokens, with a fault at every step: nothing is granted that
nobody agreed to, and what was agreed to is on record first.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from remit.core.authorization_code import CODE_S, REUSE_GRACE_S
from remit.core.clients import Account, Client, ClientAuthentication, ClientBook, Only
from remit.core.errors import Refusal
from remit.core.grant import Calls, GrantState
from remit.core.grantbook import Selector
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.answer_error import AnswerError
from remit.flows.authorize import Authorize
from remit.flows.oauth_error import OAuthError
from remit.flows.pending import REQUEST_S, Choice, Pending
from remit.flows.redeem import Redeem, Redeemed
from remit.flows.registry import Registry
from tests.scenes.authority import ISSUER, RESOURCE, Scene, scopes

CALLBACK = "http://127.0.0.1:50123/cb"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DESKTOP = Client(
    "desktop", frozenset({"acme"}), ClientAuthentication.NONE, redirects=frozenset({"http://127.0.0.1/cb"})
)
FOREIGN = replace(DESKTOP, id="foreign", tenants=frozenset({"globex"}))
BROWSER = Secret(b"b" * 64)
ASKED = {
    "response_type": "code",
    "client_id": "desktop",
    "redirect_uri": CALLBACK,
    "resource": RESOURCE,
    "state": "s",
    "scope": "git files",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Login:
    """One person at one browser, and the clients registered for the test."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.register(DESKTOP, FOREIGN)
        now_s = self.scene.clock.now_s()
        self.session = BrowserSession("engineer", "acme", now_s, now_s + 3600, ("pwd",))

    def register(self, *clients: Client, accounts: dict[str, Account] | None = None) -> None:
        known = self.scene.create.registry
        accounts = dict(known.accounts) if accounts is None else accounts
        named = {client.id: client for client in clients}
        self.scene.create.registry = Registry(
            known.issuer, accounts, ClientBook(named), known.purposes, known.environments
        )

    @property
    def flow(self) -> Authorize:
        return self.scene.authorize

    def begun(self, **changes: str) -> str:
        return self.flow.begin({name: value for name, value in (ASKED | changes).items() if value}, BROWSER)

    def opened(self, **changes: str) -> Pending:
        return self.flow.opened(self.begun(**changes), BROWSER)

    async def code(self, pending: Pending | None = None, **choice: Any) -> str:
        usual = Choice(scopes("git"), "dev", "look around", "", 3600.0)
        url = await self.flow.agree(pending or self.opened(), self.session, replace(usual, **choice))
        return parse_qs(urlsplit(url).query)["code"][0]

    async def exchanged(self, code: str, client: Client = DESKTOP, **changes: str) -> Redeemed:
        form = {"code": code, "redirect_uri": CALLBACK, "resource": RESOURCE, "code_verifier": VERIFIER} | changes
        return await self.scene.redeem.code(client, form)

    async def refreshed(self, refresh: Secret, client: Client = DESKTOP) -> Redeemed:
        return await self.scene.redeem.refresh(client, {"refresh_token": refresh.expose().decode()})

    async def restarted(self) -> None:
        """The same store and ledger, and nothing else."""
        scene = self.scene
        load, book = scene.loading()
        await load.load()
        scene.create.grants = scene.ending.grants = book
        scene.authorize = scene.authorizing()
        scene.redeem = Redeem(scene.create, scene.authorize, scene.ending, scene.sealer)
        await scene.authorize.load()
        await scene.redeem.load()

    def events(self) -> list[str]:
        kinds = (RecordKind.CONSENT.value, RecordKind.GRANT.value)
        return [record["event"] for record in self.scene.ledger.records if record["kind"] in kinds]


@pytest.fixture
def login() -> Login:
    return Login()


# what is granted ---------------------------------------------------------------------------------------------------
async def test_the_grant_is_what_both_named_and_stands_on_the_consent(login: Login) -> None:
    asked = {"type": "mcp_tool", "locations": [RESOURCE], "tool": "git/git_log", "max_calls": 7, "ttl_s": 600}
    details = [asked | {"constraints": {"repo_path": {"prefix": "/srv/"}}}]
    pending = login.opened(authorization_details=json.dumps(details), scope="")
    redeemed = await login.exchanged(await login.code(pending, scopes=scopes("git:git_log"), ttl_s=28_800.0))
    grant = redeemed.granted.grant
    assert (grant.scopes, grant.budget, grant.expires_at_s - grant.created_at_s) == (
        scopes("git:git_log"),
        Calls(7),
        600,
    )
    assert [(str(limit.tool), limit.check, limit.values) for limit in grant.constraints] == [
        ("git/git_log", "prefix", ("/srv/",))
    ]
    (consent,) = login.flow.consents.known.values()
    assert (grant.origin.how, grant.origin.by) == ("consent", consent.id)
    assert (grant.purpose.text, grant.client_id, grant.subject.id) == ("look around", "desktop", "engineer")
    assert login.events() == ["given", "created"]


@pytest.mark.parametrize(
    "choice",
    [
        {"scopes": scopes("prod-db")},
        {"scopes": scopes("git", "prod-db")},
        {"scopes": scopes()},
        {"environment": "prod"},
        {"environment": "nowhere"},
        {"purpose": ""},
        {"purpose": " "},
        {"purpose_class": "made-up"},
        {"ttl_s": 0.0},
        {"ttl_s": float("nan")},
    ],
)
async def test_no_choice_is_wider_than_the_question(login: Login, choice: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        await login.code(**choice)
    assert refused.value.reason in (Reason.OUTSIDE_GRANT, Reason.INVALID_PARAMS)
    assert (login.events(), login.flow.codes.known, login.flow.consents.known) == ([], {}, {})


async def test_an_account_s_ceiling_holds_whatever_the_person_agrees_to(login: Login) -> None:
    ceiling = Only(scopes("git:git_log"))
    login.register(DESKTOP, accounts={"engineer": Account("engineer", "acme", frozenset({"engineer"}), ceiling)})
    offered = login.flow.environments(login.opened(), login.session)
    assert {name: grant.scopes for name, grant in offered.items()} == {"dev": scopes("git:git_log")}
    with pytest.raises(Refusal):
        await login.code(scopes=scopes("git"))
    assert (await login.exchanged(await login.code(scopes=scopes("git:git_log")))).granted.grant.scopes == scopes(
        "git:git_log"
    )


async def test_another_tenant_s_client_is_granted_nothing(login: Login) -> None:
    with pytest.raises(Refusal):
        login.flow.environments(login.opened(client_id="foreign"), login.session)
    assert login.flow.environments(login.opened(), login.session)


# the request --------------------------------------------------------------------------------------------------------
async def test_a_request_is_good_in_its_browser_and_for_ten_minutes(login: Login) -> None:
    handle = login.begun()
    with pytest.raises(Refusal) as refused:
        login.flow.opened(handle, Secret(b"c" * 64))
    assert refused.value.reason is Reason.INVALID_REQUEST_STATE
    login.scene.clock.advance(REQUEST_S - 1)
    moved = login.flow.moved(handle, BROWSER, Secret(b"c" * 64))
    assert login.flow.opened(moved, Secret(b"c" * 64)).id == login.flow.opened(handle, BROWSER).id
    login.scene.clock.advance(1)
    for late, browser in ((handle, BROWSER), (moved, Secret(b"c" * 64))):
        with pytest.raises(Refusal):
            login.flow.opened(late, browser)


async def test_a_client_withdrawn_in_the_middle_gets_nothing(login: Login) -> None:
    handle, code = login.begun(), await login.code()
    login.register(replace(DESKTOP, redirects=frozenset({"https://elsewhere.example/cb"})))
    with pytest.raises(Refusal) as refused:
        login.flow.opened(handle, BROWSER)
    assert refused.value.reason is Reason.INVALID_REDIRECT
    login.register()
    with pytest.raises(Refusal):
        await login.exchanged(code)
    login.register(DESKTOP)
    assert await login.exchanged(code)


async def test_a_request_is_answered_once(login: Login) -> None:
    pending = login.opened()
    answers = await asyncio.gather(login.code(pending), login.code(pending), return_exceptions=True)
    assert [type(answer) is str for answer in answers] == [True, False]
    await login.restarted()
    with pytest.raises(Refusal) as refused:
        await login.code(pending)
    assert refused.value.reason is Reason.INVALID_REQUEST_STATE
    assert await login.code(login.opened())


async def test_an_answer_carries_state_and_issuer_and_keeps_the_redirect_s_own_query(login: Login) -> None:
    with pytest.raises(AnswerError) as answered:
        login.begun(response_type="token")
    assert answered.value.url.startswith(f"{CALLBACK}?")
    found = parse_qs(urlsplit(answered.value.url).query)
    assert (found["error"], found["state"], found["iss"]) == (["unsupported_response_type"], ["s"], [ISSUER])


# the code -----------------------------------------------------------------------------------------------------------
async def test_a_code_that_was_revoked_stays_so_after_a_restart_and_others_stay_good(login: Login) -> None:
    code, other = await login.code(), await login.code()
    _, kept = list(login.flow.codes.known.values())
    login.flow.void(Selector(client="desktop"), frozenset({"globex"}))
    login.flow.void(Selector(client="web"), frozenset({"acme"}))
    login.flow.void(Selector(grant=kept.grant), frozenset({"acme"}))
    await login.flow.sweep()
    await login.restarted()
    assert await login.exchanged(code)
    with pytest.raises(OAuthError):
        await login.exchanged(other)


async def test_a_code_lasts_a_minute(login: Login) -> None:
    code = await login.code()
    login.scene.clock.advance(CODE_S)
    with pytest.raises(OAuthError) as refused:
        await login.exchanged(code)
    assert refused.value.error == "invalid_grant"
    code = await login.code()
    login.scene.clock.advance(CODE_S - 1)
    assert await login.exchanged(code)


async def test_a_code_used_twice_at_once_leaves_nothing(login: Login) -> None:
    code = await login.code()
    answers = await asyncio.gather(login.exchanged(code), login.exchanged(code), return_exceptions=True)
    assert any(isinstance(answer, OAuthError) for answer in answers)
    assert {live.state for live in login.scene.grants} <= {GrantState.REVOKED}


async def test_an_exchange_that_an_outage_broke_off_can_be_made_again_and_makes_one_grant(login: Login) -> None:
    code = await login.code()
    login.scene.store.unavailable = True
    with pytest.raises(Refusal):
        await login.exchanged(code)
    login.scene.store.unavailable = False
    redeemed = await login.exchanged(code)
    assert [live.grant.id for live in login.scene.grants] == [redeemed.granted.grant.id]


async def test_a_crash_between_the_grant_and_its_code_s_end_makes_no_second_grant(login: Login) -> None:
    code = await login.code()
    unused = dict(login.scene.store.kept)
    first = await login.exchanged(code)
    for key, row in unused.items():
        if key[0] == "code":
            login.scene.store.kept[key] = row  # as if the process had died before the code was marked
    await login.restarted()
    again = await login.exchanged(code)
    assert again.granted.grant.id == first.granted.grant.id


async def test_there_is_no_code_before_the_consent_is_on_record(login: Login) -> None:
    pending = login.opened()
    login.scene.ledger.fail_writes()
    with pytest.raises(Refusal) as refused:
        await login.code(pending)
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE
    assert (login.flow.codes.known, login.flow.consents.known, login.scene.store.kept) == ({}, {}, {})


async def test_a_consent_taken_back_before_the_exchange_grants_nothing(login: Login) -> None:
    code = await login.code()
    (consent,) = login.flow.consents.known
    await login.flow.take_back(consent)
    with pytest.raises(OAuthError):
        await login.exchanged(code)
    assert login.events() == ["given", "taken_back"]
    assert await login.exchanged(await login.code())


# refreshing ---------------------------------------------------------------------------------------------------------
async def test_refreshing_survives_a_restart_and_never_outlives_the_grant(login: Login) -> None:
    redeemed = await login.exchanged(await login.code(ttl_s=3600.0))
    await login.restarted()
    later = await login.refreshed(redeemed.refresh)
    assert later.granted.grant.id == redeemed.granted.grant.id
    login.scene.clock.advance(3500)
    live = login.scene.create.grants.find(later.granted.grant.id)
    assert live is not None
    live.touch(login.scene.clock.monotonic_s())
    last = await login.refreshed(later.refresh)
    assert last.granted.token_expires_at_s <= last.granted.grant.expires_at_s
    login.scene.clock.advance(100)
    with pytest.raises((Refusal, OAuthError)):
        await login.refreshed(last.refresh)


async def test_the_token_before_the_last_is_forgiven_for_a_moment_and_then_ends_the_grant(login: Login) -> None:
    first = await login.exchanged(await login.code())
    second = await login.refreshed(first.refresh)
    again = await login.refreshed(first.refresh)
    assert (await login.refreshed(again.refresh)).granted.grant.id == second.granted.grant.id
    login.scene.clock.advance(REUSE_GRACE_S)
    with pytest.raises(OAuthError):
        await login.refreshed(second.refresh)
    assert {live.state for live in login.scene.grants} == {GrantState.REVOKED}


async def test_two_who_refresh_at_once_share_one_successor(login: Login) -> None:
    first = await login.exchanged(await login.code())
    await asyncio.gather(login.refreshed(first.refresh), login.refreshed(first.refresh))
    assert {live.state for live in login.scene.grants} == {GrantState.ACTIVE}


async def test_a_refresh_token_is_its_client_s_alone(login: Login) -> None:
    first = await login.exchanged(await login.code())
    with pytest.raises(OAuthError) as refused:
        await login.refreshed(first.refresh, FOREIGN)
    assert refused.value.error == "invalid_grant"
    assert await login.refreshed(first.refresh)


async def test_what_is_over_is_forgotten(login: Login) -> None:
    await login.exchanged(await login.code(ttl_s=60.0))
    login.scene.clock.advance(REQUEST_S)
    await login.scene.ending.sweep()
    await login.flow.sweep()
    await login.scene.redeem.sweep()
    assert {kind for kind, _ in login.scene.store.kept} == {"consent"}
