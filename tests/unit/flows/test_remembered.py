"""What was agreed to stands again for as much and no more: by one click, and without a page only for a client that
proves who it is. An administrator may have agreed for the person, or have forbidden it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from remit.core.authorization_request import Prompt
from remit.core.clients import Client, ClientAuthentication
from remit.core.consent_rule import ConsentRule, RuleEffect
from remit.core.errors import Denied, Invalid, Outage
from remit.core.rows import from_row, to_row
from remit.flows.answer_error import AnswerError
from remit.flows.authorize import CONSENT_S
from remit.flows.consent_rules import RULES_MAX, ConsentRules
from remit.flows.pending import Choice, Pending
from remit.flows.remembered import Remember
from tests.scenes.authority import RESOURCE, scopes
from tests.unit.flows.test_authorize import DESKTOP, Login

DEVICE, ELSEWHERE = "d" * 64, "e" * 64
WEB = Client(
    "web", frozenset({"acme"}), ClientAuthentication.PRIVATE_KEY_JWT, redirects=frozenset({"https://web.example/cb"})
)
SELF = replace(WEB, id="dcr_self", self_registered=True)
DETAIL = {"type": "mcp_tool", "locations": [RESOURCE], "server": "git"}
YES = Choice(scopes("git"), "dev", "look around", "", 3600.0)


class Again(Login):
    def __init__(self) -> None:
        super().__init__()
        self.register(DESKTOP, WEB, SELF)
        scene = self.scene
        self.rules = ConsentRules(scene.store, scene.ledger, scene.clock, scene.entropy)
        scene.create.forbids = self.rules.forbids
        self.remember = Remember(self.flow, self.rules)

    def asks(self, client: Client = DESKTOP, **changes: str) -> Pending:
        usual = {"client_id": client.id, "scope": "git"} | changes
        if client is not DESKTOP:
            usual["redirect_uri"] = "https://web.example/cb"
        return self.opened(**usual)

    async def agreed(self, client: Client = DESKTOP, *, device: str = DEVICE, **changes: str) -> str:
        return await self.flow.agree(self.asks(client, **changes), self.session, YES, device=device)

    async def silently(self, client: Client = WEB, device: str = DEVICE, **changes: str) -> str:
        return await self.remember.without_asking(self.asks(client, **changes), self.session, device)

    def remembered(self, client: Client = DESKTOP, device: str = DEVICE, **changes: str) -> bool:
        return self.remember.found(self.asks(client, **changes), self.session, device) is not None

    def rule(self, effect: RuleEffect = RuleEffect.APPROVE, client: Client = WEB, **changes: Any) -> ConsentRule:
        usual: dict[str, Any] = {"environment": "dev", "purpose": "nightly", "ttl_s": 600.0, "scopes": ("git",)}
        if effect is RuleEffect.FORBID:
            usual = {"scopes": ()}
        more = usual | changes
        now_s = self.scene.clock.now_s()
        return ConsentRule(
            id=self.scene.entropy.id("cru"),
            tenant="acme",
            client=client.id,
            effect=effect,
            by="alice",
            at_s=now_s,
            **more,
        )


@pytest.fixture
def again() -> Again:
    return Again()


async def test_the_same_browser_is_shown_what_it_agreed_to_and_another_is_asked(again: Again) -> None:
    await again.agreed()
    assert again.remembered()
    assert not again.remembered(device=ELSEWHERE)
    assert not again.remembered(device="")
    url = await again.remember.with_one_click(again.asks(), again.session, DEVICE)
    assert "code" in parse_qs(urlsplit(url).query)
    with pytest.raises(Invalid):
        await again.remember.with_one_click(again.asks(), again.session, ELSEWHERE)


async def test_what_was_agreed_to_without_a_device_is_never_remembered(again: Again) -> None:
    await again.agreed(device="")
    assert not again.remembered(device="")


async def test_one_click_makes_the_same_grant_and_no_longer_life_for_the_consent(again: Again) -> None:
    await again.agreed()
    (consent,) = again.flow.consents.known.values()
    again.scene.clock.advance(1000)
    url = await again.remember.with_one_click(again.asks(), again.session, DEVICE)
    (same,) = again.flow.consents.known.values()
    assert same == consent
    made = await again.exchanged(parse_qs(urlsplit(url).query)["code"][0])
    assert (made.granted.grant.scopes, made.granted.grant.purpose.text) == (scopes("git"), "look around")
    assert "used" in again.events()


@pytest.mark.parametrize(
    "wider",
    [
        {"scope": "git files"},
        {"resource": f"{RESOURCE}/git"},
        {"prompt": "consent"},
        {"redirect_uri": "http://127.0.0.1/cb2"},
        {"authorization_details": json.dumps([DETAIL | {"purpose": "something else"}])},
    ],
    ids=str,
)
async def test_whatever_is_wider_or_else_is_asked(again: Again, wider: dict[str, str]) -> None:
    again.register(replace(DESKTOP, redirects=frozenset({"http://127.0.0.1/cb", "http://127.0.0.1/cb2"})))
    await again.agreed()
    assert not again.remembered(**wider)
    assert again.remembered()
    assert again.remembered(scope="git:git_log")
    assert again.remembered(scope="")


async def test_a_budget_that_was_agreed_to_does_not_stand_for_no_budget(again: Again) -> None:
    ten, fifty = (
        {"authorization_details": json.dumps([DETAIL | {"max_calls": calls}]), "scope": ""} for calls in (10, 50)
    )
    await again.agreed(**ten)
    assert again.remembered(**ten)
    assert not again.remembered(**fifty)
    assert not again.remembered()


async def test_a_consent_that_is_over_or_taken_back_is_not_remembered(again: Again) -> None:
    await again.agreed()
    (consent,) = again.flow.consents.known
    assert again.remembered()
    await again.flow.take_back(consent)
    assert not again.remembered()
    await again.agreed()
    again.scene.clock.advance(CONSENT_S)
    assert not again.remembered()


async def test_only_a_client_that_proves_itself_gets_its_answer_without_a_page(again: Again) -> None:
    for client in (DESKTOP, WEB, SELF):
        await again.agreed(client)
    assert await again.silently(WEB)
    assert await again.silently(DESKTOP) == ""
    assert await again.silently(SELF) == ""
    assert again.remembered(SELF)


async def test_where_no_page_may_be_shown_the_client_is_told_that_there_has_to_be_one(again: Again) -> None:
    for client in (DESKTOP, WEB):
        with pytest.raises(AnswerError) as caught:
            await again.silently(client, prompt=Prompt.NONE.value)
        assert "error=consent_required" in caught.value.url
        await again.agreed(client)
    assert "code=" in await again.silently(WEB, prompt=Prompt.NONE.value)
    with pytest.raises(AnswerError):
        await again.silently(DESKTOP, prompt=Prompt.NONE.value)


async def test_somebody_who_is_not_signed_in_is_not_asked_with_prompt_none(again: Again) -> None:
    pending = again.asks(WEB, prompt="none")
    with pytest.raises(AnswerError) as caught:
        again.flow.needs_sign_in(pending, None)
    assert "error=login_required" in caught.value.url
    assert not again.flow.needs_sign_in(pending, again.session)


async def test_a_request_is_answered_once_without_a_page_too(again: Again) -> None:
    await again.agreed(WEB)
    pending = again.asks(WEB)
    assert await again.remember.without_asking(pending, again.session, DEVICE)
    with pytest.raises(Invalid):
        await again.remember.without_asking(pending, again.session, DEVICE)


async def test_there_is_no_code_without_its_record(again: Again) -> None:
    await again.agreed(WEB)
    again.scene.ledger.fail_sync()
    with pytest.raises(Outage):
        await again.silently(WEB)
    assert len(again.flow.codes.known) == 1


# in advance -------------------------------------------------------------------------------------------------------
async def test_what_an_administrator_approved_needs_no_page_for_a_client_that_proves_itself(again: Again) -> None:
    assert await again.silently() == ""
    await again.rules.add(again.rule())
    url = await again.silently(device="")
    code = parse_qs(urlsplit(url).query)["code"][0]
    made = await again.scene.redeem.code(
        WEB, {"code": code, "redirect_uri": "https://web.example/cb", "code_verifier": "v" * 43}
    )
    grant = made.granted.grant
    assert (grant.scopes, grant.purpose.text, grant.expires_at_s - grant.created_at_s) == (
        scopes("git"),
        "nightly",
        600.0,
    )
    assert again.remembered(WEB, device="")


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True), ({"accounts": ("engineer",)}, True), ({"accounts": ("reader",)}, False),
        ({"scopes": ("git:git_log",)}, False), ({"scopes": ("git", "files")}, True), ({"environment": "prod"}, False),
        ({"scopes": ("files",)}, False),
    ],
    ids=str,
)  # fmt: skip
async def test_an_approval_is_for_what_it_says(again: Again, changes: dict[str, Any], covered: bool) -> None:
    await again.rules.add(again.rule(**changes))
    assert again.remembered(WEB) is covered
    assert not again.remembered(DESKTOP)


async def test_a_client_that_asks_for_less_than_was_approved_gets_less(again: Again) -> None:
    await again.rules.add(again.rule(scopes=("git", "files")))
    found = again.remember.found(again.asks(WEB, scope="git:git_log"), again.session, "")
    assert found is not None
    assert found.choice.scopes == scopes("git:git_log")
    assert found.consent.scopes == scopes("git:git_log")


async def test_an_approval_that_is_dropped_approves_nothing_more(again: Again) -> None:
    rule = again.rule()
    await again.rules.add(rule)
    with pytest.raises(Invalid):
        await again.rules.drop(rule.id, {"globex"}, by="bob")
    assert again.remembered(WEB)
    await again.rules.drop(rule.id, {"acme"}, by="alice")
    assert not again.remembered(WEB)
    with pytest.raises(Invalid):
        await again.rules.drop(rule.id, {"acme"}, by="alice")


async def test_nobody_can_agree_to_what_is_forbidden(again: Again) -> None:
    await again.rules.add(again.rule(RuleEffect.FORBID, DESKTOP, scopes=("git",)))
    offered = again.flow.environments(again.asks(scope="git files"), again.session)
    assert offered["dev"].scopes == scopes("files")
    assert again.flow.environments(again.asks(), again.session) == {}
    with pytest.raises(Denied):
        await again.agreed()
    assert again.flow.environments(again.asks(WEB), again.session)


async def test_everything_is_forbidden_where_no_server_is_named_and_codes_under_way_come_to_nothing(
    again: Again,
) -> None:
    code = parse_qs(urlsplit(await again.agreed()).query)["code"][0]
    rule = again.rule(RuleEffect.FORBID, DESKTOP)
    await again.rules.add(rule)
    assert again.flow.environments(again.asks(scope="git files"), again.session) == {}
    with pytest.raises(Denied):
        await again.exchanged(code)
    await again.rules.drop(rule.id, {"acme"}, by="alice")
    assert await again.exchanged(code)


async def test_forbidding_counts_here_whatever_becomes_of_the_store_and_approving_does_not(again: Again) -> None:
    again.scene.store.unavailable = True
    with pytest.raises(Outage):
        await again.rules.add(again.rule(RuleEffect.FORBID, DESKTOP))
    with pytest.raises(Outage):
        await again.rules.add(again.rule())
    again.scene.store.unavailable = False
    assert again.flow.environments(again.asks(), again.session) == {}
    assert not again.remembered(WEB)


async def test_rules_are_there_after_a_restart_and_bounded(again: Again) -> None:
    await again.rules.add(again.rule())
    scene = again.scene
    fresh = ConsentRules(scene.store, scene.ledger, scene.clock, scene.entropy)
    await fresh.load()
    assert fresh.known == again.rules.known
    fresh.known |= {str(number): again.rule() for number in range(RULES_MAX - 1)}
    with pytest.raises(Invalid):
        await fresh.add(again.rule())
    assert from_row(to_row(again.rule()), ConsentRule)
