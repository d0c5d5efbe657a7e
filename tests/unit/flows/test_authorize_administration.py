"""An administrator lets a client administer: what is offered, what is granted, and who cannot make such a grant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from remit.core.administration import Administrator, Role, scopes_held
from remit.core.authentication import PASSKEY, PASSWORD, Acr
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.core.scope import Scope
from remit.flows.admin_audience import AdminAudience
from remit.flows.answer_error import AnswerError
from tests.scenes.authority import CLIENTS, scopes
from tests.unit.flows.test_authorize import ASKED, BROWSER, DESKTOP, Login

ADMIN_URL = "http://127.0.0.1:8701"
AUDITOR = scopes_held(Administrator("engineer", {"globex": frozenset({Role.AUDIT})}, account="engineer"))


class AdminLogin(Login):
    """`engineer` of acme is an auditor of globex."""

    def __init__(self, acr: Acr = Acr.NONE) -> None:
        super().__init__()
        self.holders: dict[str, frozenset[Scope]] = {"engineer": AUDITOR}
        audience = AdminAudience(ADMIN_URL, lambda account: self.holders.get(account, frozenset()), acr)
        self.scene.create.registry = replace(self.scene.create.registry, administration=audience)

    def administering(self, scope: str = "remit") -> str:
        asked = ASKED | {"resource": ADMIN_URL, "scope": scope}
        return self.flow.begin({name: value for name, value in asked.items() if value}, BROWSER)


@pytest.fixture
def login() -> AdminLogin:
    return AdminLogin()


async def test_a_grant_to_administer_is_short_of_no_environment_and_of_the_acts_that_are_held(
    login: AdminLogin,
) -> None:
    pending = login.flow.opened(login.administering("remit:status remit:revoke remit:audit.read"), BROWSER)
    ((environment, offered),) = login.flow.environments(pending, login.session).items()
    assert (environment, offered.scopes) == ("", scopes("remit:status", "remit:audit.read"))
    code = await login.code(pending, scopes=scopes("remit:status"), environment="", ttl_s=28_800.0)
    grant = (await login.exchanged(code, resource=ADMIN_URL)).granted.grant
    assert (grant.scopes, grant.resource, grant.idle_s_max) == (scopes("remit:status"), ADMIN_URL, 900.0)
    assert grant.expires_at_s - grant.created_at_s == 3600.0
    assert (grant.tenant, grant.subject.id, grant.origin.how) == ("acme", "engineer", "consent")


async def test_what_is_no_longer_held_when_the_code_is_exchanged_is_not_granted(login: AdminLogin) -> None:
    pending = login.flow.opened(login.administering(), BROWSER)
    code = await login.code(pending, scopes=scopes("remit:status", "remit:explain"), environment="")
    login.holders["engineer"] = scopes("remit:status")
    assert (await login.exchanged(code, resource=ADMIN_URL)).granted.grant.scopes == scopes("remit:status")
    again = await login.code(
        login.flow.opened(login.administering(), BROWSER), scopes=scopes("remit:status"), environment=""
    )
    login.holders.clear()
    with pytest.raises(Refusal) as caught:
        await login.exchanged(again, resource=ADMIN_URL)
    assert caught.value.reason is Reason.OUTSIDE_GRANT


async def test_a_choice_is_no_wider_than_what_is_held(login: AdminLogin) -> None:
    pending = login.flow.opened(login.administering(), BROWSER)
    for wider in (scopes("remit:revoke"), scopes("remit"), scopes("git")):
        with pytest.raises(Refusal) as caught:
            await login.code(pending, scopes=wider, environment="")
        assert caught.value.reason is Reason.OUTSIDE_GRANT
    with pytest.raises(Refusal):
        await login.code(pending, scopes=scopes("remit:status"), environment="dev")
    assert await login.code(pending, scopes=scopes("remit:status"), environment="")


async def test_nobody_but_the_administrator_makes_one(login: AdminLogin) -> None:
    scene = login.scene
    with pytest.raises(Refusal) as caught:
        await scene.granted(client="desktop", resource=ADMIN_URL, environment="")
    assert caught.value.reason is Reason.OUTSIDE_GRANT
    with pytest.raises(Refusal) as caught:
        await scene.create.for_client(replace(CLIENTS["cron"], id="engineer"), ADMIN_URL, frozenset())
    assert caught.value.reason is Reason.OUTSIDE_GRANT
    assert await scene.granted(client="desktop")


def test_a_client_that_let_itself_in_is_let_administer_nothing(login: AdminLogin) -> None:
    clients = login.scene.create.registry.clients
    for stranger in (
        replace(DESKTOP, id="https://app.example/client", domain="app.example"),
        replace(DESKTOP, id="dyn_1", self_registered=True),
    ):
        clients.let_in(stranger)
        asked = ASKED | {"resource": ADMIN_URL, "scope": "remit", "client_id": stranger.id}
        pending = login.flow.opened(login.flow.begin(asked, BROWSER), BROWSER)
        assert login.flow.environments(pending, login.session) == {}
    assert login.flow.environments(login.flow.opened(login.administering(), BROWSER), login.session)


def test_without_the_api_its_address_is_nothing(login: AdminLogin) -> None:
    assert login.administering()
    for audience in (AdminAudience(), AdminAudience("http://127.0.0.1:9999")):
        login.scene.create.registry = replace(login.scene.create.registry, administration=audience)
        with pytest.raises(AnswerError) as caught:
            login.administering()
        assert "invalid_target" in caught.value.url


def test_details_of_tools_are_none_of_administration(login: AdminLogin) -> None:
    asked = ASKED | {"resource": ADMIN_URL, "authorization_details": '[{"type": "mcp_tool", "tool": "a"}]'}
    with pytest.raises(AnswerError) as caught:
        login.flow.begin(asked, BROWSER)
    assert "invalid_authorization_details" in caught.value.url


@pytest.mark.parametrize(("methods", "needs"), [(PASSWORD, True), (PASSKEY, False)])
def test_a_sign_in_that_is_too_weak_to_administer_is_done_again(methods: tuple[str, ...], needs: bool) -> None:
    login = AdminLogin(Acr.PASSKEY)
    session = structs.replace(login.session, methods=methods)
    handle = login.administering()
    assert login.flow.needs_sign_in(login.flow.opened(handle, BROWSER), session) is needs
    assert login.flow.acr_of(handle, BROWSER) is Acr.PASSKEY
    assert login.flow.needs_sign_in(login.opened(), session) is False  # what is no administration needs no more
    plain = AdminLogin()
    assert plain.flow.needs_sign_in(plain.flow.opened(plain.administering(), BROWSER), plain.session) is False
