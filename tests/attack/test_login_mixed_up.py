"""Mix-up (RFC 9207, RFC 9700 section 4.4) and code injection (RFC 9700 section 4.5): every answer says which server
it is from, in one spelling, and a code is worth something only at its own server, to the login it was made for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.peers.browser import Browser
from tests.peers.person import Asking, agreed, answered, begun, listed, logged_in, token, with_person
from tests.peers.remit_process import RemitProcess


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("honest")) as running:
        yield running


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    with with_person(tmp_path_factory.mktemp("other")) as running:
        yield running


def refused_at_once(remit: RemitProcess, **changes: str) -> str:
    return Browser(remit.url).get(Asking(remit, **changes).url.removeprefix(remit.url)).location


def in_silence(remit: RemitProcess) -> str:
    browser = Browser(remit.url)
    return browser.get(browser.get(Asking(remit, prompt="none").url.removeprefix(remit.url)).location).location


def pushed(remit: RemitProcess) -> str:
    asking = Asking(remit)
    reference = httpx2.post(f"{remit.url}/par", data=asking.asked, trust_env=False).json()["request_uri"]
    url = f"{remit.url}/authorize?client_id=desktop&request_uri={reference}"
    return answered(Browser(remit.url), url, **{"scope-probe": "yes"})


def again(remit: RemitProcess) -> str:
    browser = Browser(remit.url)
    agreed(browser, Asking(remit).url, **{"scope-probe": "yes"})
    page = begun(browser, Asking(remit).url)
    return browser.submit(page.form("/consent", **{"as": "before"}), answer="yes").location


WAYS: dict[str, Callable[[RemitProcess], str]] = {
    "yes": lambda remit: answered(Browser(remit.url), Asking(remit).url, **{"scope-probe": "yes"}),
    "yes once more": again,
    "yes to what was pushed": pushed,
    "no": lambda remit: answered(Browser(remit.url), Asking(remit).url, answer="no"),
    "a request that is wrong": lambda remit: refused_at_once(remit, response_type="token"),
    "a scope that is none": lambda remit: refused_at_once(remit, scope="*"),
    "no question where none may be asked": in_silence,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_answer_says_which_server_it_is_from_in_one_spelling(remit: RemitProcess, way: str) -> None:
    """A client compares the two strings as they are (RFC 9207 section 2.4)."""
    metadata = httpx2.get(f"{remit.url}/.well-known/oauth-authorization-server", trust_env=False).json()
    resource = httpx2.get(f"{remit.url}/.well-known/oauth-protected-resource/mcp/probe", trust_env=False).json()
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert resource["authorization_servers"] == [metadata["issuer"]]
    found = parse_qsl(urlsplit(WAYS[way](remit)).query)
    assert [value for name, value in found if name == "iss"] == [metadata["issuer"]]
    assert {"code", "error"} & {name for name, _ in found}


def test_a_code_that_a_client_takes_to_another_server_is_worth_nothing_there(
    remit: RemitProcess, other: RemitProcess
) -> None:
    """What a client does that was made to believe it had asked the other: both know a client of that name."""
    asking, code = logged_in(remit)
    for changes in ({}, {"resource": f"{other.url}/mcp/probe"}):
        answer = token(other, **(asking.exchange(code) | changes))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    made = token(remit, **asking.exchange(code)).json()
    assert (listed(remit, made["access_token"]), listed(other, made["access_token"])) == (200, 401)
    refresh = {"grant_type": "refresh_token", "client_id": "desktop", "refresh_token": made["refresh_token"]}
    assert token(other, **refresh).json()["error"] == "invalid_grant"
    assert token(remit, **refresh).status_code == 200


def test_a_stolen_code_in_another_login_of_the_same_client_is_worth_nothing(remit: RemitProcess) -> None:
    """The thief's client is the same, its verifier is not; nor does the try use the code up."""
    asking, code = logged_in(remit)
    thief, theirs = logged_in(remit)
    assert token(remit, **thief.exchange(code)).json()["error"] == "invalid_grant"
    assert token(remit, **asking.exchange(theirs)).json()["error"] == "invalid_grant"
    assert token(remit, **asking.exchange(code)).status_code == 200
    assert token(remit, **thief.exchange(theirs)).status_code == 200
