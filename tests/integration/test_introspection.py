"""Asking about tokens over HTTP, of a real process: a resource server with a secret hears of tokens for it,
in JSON or signed, and from the moment a grant is over that they are not good.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from joserfc import jwk, jwt

from tests.peers.person import CLIENTS, POLICIES, SERVERS, listed, logged_in, token, with_password
from tests.peers.remit_process import RemitProcess, remit_process

SECRET = secrets.token_urlsafe(24)
SIGNED = "application/token-introspection+jwt"


@pytest.fixture(scope="module")
def remit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemitProcess]:
    folder = tmp_path_factory.mktemp("introspection")
    (folder / "secret").write_text(SECRET)
    server = {"tenant": "acme", "auth": "client_secret_basic", "secret": "${file:secret}"}
    clients = CLIENTS | {
        "probe-server": server | {"introspects": ["probe"]},
        "front": server | {"introspects": ["/mcp"]},
        "web": server | {"redirect_uris": ["https://web.example/cb"]},
    }
    with remit_process(folder, SERVERS, POLICIES, clients=clients) as running:
        with_password(running)
        yield running


def asked(remit: RemitProcess, presented: str, *, by: str = "probe-server", accept: str = "*/*") -> httpx2.Response:
    return httpx2.post(
        f"{remit.url}/introspect", data={"token": presented}, auth=(by, SECRET), headers={"Accept": accept},
        trust_env=False, timeout=30,
    )  # fmt: skip


def test_a_person_s_token_is_active_until_its_client_is_done(remit: RemitProcess) -> None:
    asking, code = logged_in(remit)
    made = token(remit, **asking.exchange(code)).json()
    answer = asked(remit, made["access_token"])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found = answer.json()
    assert (found["active"], found["sub"], found["client_id"], found["tenant"], found["token_type"]) == (
        True, "engineer", "desktop", "acme", "Bearer",
    )  # fmt: skip
    assert (found["aud"], found["iss"]) == (f"{remit.url}/mcp/probe", remit.url)
    assert found["authorization_details"] == made["authorization_details"]
    for by in ("front", "probe-server"):
        assert asked(remit, made["refresh_token"], by=by).json() == {"active": False}
    assert asked(remit, made["access_token"], by="front").json() == {"active": False}
    httpx2.post(f"{remit.url}/revoke", data={"client_id": "desktop", "token": made["refresh_token"]}, trust_env=False)
    assert asked(remit, made["access_token"]).json() == {"active": False}
    assert listed(remit, made["access_token"]) == 401


def test_a_signed_answer_verifies_with_our_published_keys(remit: RemitProcess) -> None:
    access = remit.token(f"{remit.url}/mcp/probe")
    keys = jwk.KeySet.import_key_set(httpx2.get(f"{remit.url}/jwks.json", trust_env=False).json())
    answers: dict[str, dict[str, Any]] = {}
    for name, presented in (("good", access), ("bad", "made up")):
        answer = asked(remit, presented, accept=f"{SIGNED}, application/json;q=0.5")
        assert (answer.status_code, answer.headers["content-type"]) == (200, SIGNED)
        read = jwt.decode(answer.text, keys, algorithms=["ES256"])
        assert read.header["typ"] == "token-introspection+jwt"
        assert (read.claims["iss"], read.claims["aud"]) == (remit.url, "probe-server")
        assert sorted(read.claims) == ["aud", "iat", "iss", "token_introspection"]
        answers[name] = read.claims["token_introspection"]
        assert listed(remit, answer.text) == 401
    assert answers == {"good": asked(remit, access).json(), "bad": {"active": False}}


@pytest.mark.parametrize("accept", ["application/json", f"{SIGNED};q=0", "application/*", "*/*"])
def test_whoever_does_not_ask_for_a_signed_answer_gets_json(remit: RemitProcess, accept: str) -> None:
    assert asked(remit, "made up", accept=accept).json() == {"active": False}


def test_who_is_not_registered_to_ask_is_told_so(remit: RemitProcess) -> None:
    access = remit.token(f"{remit.url}/mcp/probe")
    answer = asked(remit, access, by="web")
    assert (answer.status_code, answer.json()["error"]) == (403, "unauthorized_client")
    for form in ({"token": access}, {"token": access, "client_id": "desktop"}):
        refused = httpx2.post(f"{remit.url}/introspect", data=form, trust_env=False, timeout=30)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert httpx2.get(f"{remit.url}/introspect?token={access}", trust_env=False).status_code == 405
    assert asked(remit, access).json()["active"]


def test_the_metadata_names_the_endpoint_and_how_it_signs(remit: RemitProcess) -> None:
    found = httpx2.get(f"{remit.url}/.well-known/oauth-authorization-server", trust_env=False, timeout=30).json()
    assert found["introspection_endpoint"] == f"{remit.url}/introspect"
    assert found["introspection_endpoint_auth_methods_supported"] == ["private_key_jwt", "client_secret_basic"]
    assert found["introspection_signing_alg_values_supported"] == ["ES256"]


def test_questions_are_in_the_ledger_as_numbers(remit: RemitProcess) -> None:
    before = remit.cli("audit", "head")["seq"]
    assert {asked(remit, f"made up {number}").status_code for number in range(80)} == {200}
    assert remit.cli("audit", "head")["seq"] - before < 10
