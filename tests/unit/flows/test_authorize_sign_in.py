"""How the person must have signed in before a client is answered, and that the token says how they had."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace as replace_row

from remit.core.authentication import PASSKEY, PASSWORD, Acr, Authentication
from remit.core.errors import Invalid
from remit.core.principals import Claims
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.answer_error import AnswerError
from tests.scenes.authority import ISSUER
from tests.unit.flows.test_authorize import BROWSER, CALLBACK, Login, login

__all__ = ["login"]
BY_PASSKEY = "urn:remit:acr:passkey"


def under_a_name(login: Login) -> None:
    login.scene.create.registry = replace(login.scene.create.registry, issuer=ISSUER.replace("127.0.0.1", "localhost"))


def by(login: Login, methods: tuple[str, ...], age_s: float = 0.0) -> BrowserSession:
    at_s = login.scene.clock.now_s() - age_s
    return replace_row(login.session, methods=methods, signed_in_at_s=at_s)


def asked(login: Login, **changes: str) -> str:
    resource = f"{login.scene.create.registry.issuer}/mcp"
    return login.begun(resource=resource, **changes)


def error_of(caught: pytest.ExceptionInfo[AnswerError]) -> str:
    return parse_qs(urlsplit(caught.value.url).query)["error"][0]


@pytest.mark.parametrize(
    ("values", "methods", "needs"),
    [
        ("", PASSWORD, False),
        ("urn:remit:acr:password", PASSWORD, False),
        (BY_PASSKEY, PASSWORD, True),
        (BY_PASSKEY, PASSKEY, False),
        (f"{BY_PASSKEY} urn:remit:acr:password", PASSWORD, False),
    ],
)
def test_a_client_gets_the_sign_in_it_asks_for(
    login: Login, values: str, methods: tuple[str, ...], needs: bool
) -> None:
    under_a_name(login)
    handle = asked(login, acr_values=values)
    pending = login.flow.opened(handle, BROWSER)
    assert login.flow.needs_sign_in(pending, by(login, methods)) is needs
    assert (login.flow.acr_of(handle, BROWSER) is Acr.PASSKEY) is (values == BY_PASSKEY)


def test_where_the_answer_is_to_go_is_known_in_its_browser_before_anybody_signs_in(login: Login) -> None:
    handle = asked(login)
    assert login.flow.unverified_destination(handle, BROWSER) == CALLBACK
    with pytest.raises(Invalid):
        login.flow.unverified_destination(handle, Secret(b"c" * 64))


def test_nobody_is_asked_in_silence_and_the_client_is_told_what_is_missing(login: Login) -> None:
    under_a_name(login)
    pending = login.flow.opened(asked(login, acr_values=BY_PASSKEY, prompt="none"), BROWSER)
    with pytest.raises(AnswerError) as caught:
        login.flow.needs_sign_in(pending, by(login, PASSWORD))
    assert error_of(caught) == "login_required"
    assert not login.flow.needs_sign_in(pending, by(login, PASSKEY))


def test_where_there_can_be_no_passkey_the_client_is_told_at_once(login: Login) -> None:
    login.scene.create.registry = replace(login.scene.create.registry, issuer="http://127.0.0.1:8700")
    with pytest.raises(AnswerError) as caught:
        asked(login, acr_values=BY_PASSKEY)
    assert error_of(caught) == "unmet_authentication_requirements"
    assert asked(login, acr_values="urn:remit:acr:password")


@pytest.mark.parametrize("methods", [PASSWORD, PASSKEY])
async def test_grant_and_tokens_say_how_and_when_the_person_had_signed_in_refreshed_and_restarted_ones_too(
    login: Login, methods: tuple[str, ...]
) -> None:
    login.session = by(login, methods, age_s=40.0)
    expected = Authentication(methods, login.session.signed_in_at_s)
    code = await login.code()
    await login.restarted()
    redeemed = await login.exchanged(code)
    login.scene.clock.advance(100)
    refreshed = await login.refreshed(redeemed.refresh)
    for granted in (redeemed.granted, refreshed.granted):
        assert granted.grant.authentication == expected
        claims: Claims = login.scene.tokens.issued[granted.token.expose()]
        assert claims.authentication == expected
