"""A resource server nobody here wrote, Apache with mod_oauth2, takes Remit's token for its audience and no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from remit.adapters.signer.key_file import Purpose, read_keys
from remit.adapters.signer.token_keys import TokenKey, new_token_key
from tests.peers import remit_process
from tests.peers.apache import apache
from tests.peers.person import CLIENTS, POLICIES, SERVERS, logged_in, token, with_password
from tests.peers.remit_process import RemitProcess

SECRET = "what-only-apache-and-remit-know"
ASKED = ("/keys", "/asks")


@dataclass(frozen=True, slots=True)
class Place:
    remit: RemitProcess
    url: str

    def says(self, path: str, presented: str) -> int:
        headers = {"Authorization": f"Bearer {presented}"} if presented else {}
        return httpx2.get(f"{self.url}{path}", headers=headers, trust_env=False, timeout=30).status_code

    def forged(self, key: TokenKey, header: dict[str, str] | None = None, **claims: Any) -> str:
        """What Remit would have signed, but for the claims."""
        now_s = int(time.time())
        usual = {"iss": self.remit.url, "sub": "engineer", "aud": f"{self.remit.url}/mcp/probe"}
        usual |= {"iat": now_s, "nbf": now_s, "exp": now_s + 300, "jti": "tok_FORGED", "client_id": "desktop"}
        head = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid} | (header or {})
        message = f"{part(json.dumps(head).encode())}.{part(json.dumps(usual | claims).encode())}"
        return f"{message}.{part(signature(head['alg'], key, message.encode()))}"


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(alg: str, key: TokenKey, message: bytes) -> bytes:
    match alg:
        case "none":
            return b""
        case "HS256":  # with what everybody can read: the published key, in the hope that it is taken for a secret
            return hmac.new(json.dumps(dict(key.jwk)).encode(), message, hashlib.sha256).digest()
        case _:
            return key.sign(message)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("resource-server")
    (folder / "secret").write_text(SECRET)
    asking = {"auth": "client_secret_basic", "secret": f"${{file:{folder / 'secret'}}}", "introspects": ["probe"]}
    clients = CLIENTS | {"apache": {"tenant": "acme", **asking}}
    with remit_process.remit_process(folder / "remit", SERVERS, POLICIES, clients=clients) as remit:
        with_password(remit)
        audience = f"{remit.url}/mcp/probe"
        with apache(folder, issuer=remit.url, audience=audience, client="apache", secret=SECRET) as url:
            yield Place(remit, url)


def own_key(place: Place) -> TokenKey:
    stored = read_keys(place.remit.folder / "state" / "keys", Purpose.TOKEN)
    assert stored
    return TokenKey(stored[-1])


@pytest.fixture
def good(place: Place) -> str:
    asking, code = logged_in(place.remit)
    access_token: str = token(place.remit, **asking.exchange(code)).json()["access_token"]
    return access_token


@pytest.mark.parametrize("path", ASKED)
def test_a_token_for_its_audience_is_taken_and_nothing_else(place: Place, good: str, path: str) -> None:
    key = own_key(place)
    elsewhere = place.remit.token("/mcp")
    before, _, signed = good.rpartition(".")
    bent = f"{before}.{'A' if signed[0] != 'A' else 'B'}{signed[1:]}"
    assert place.says(path, good) == 200
    for name, presented in {
        "none at all": "",
        "another audience": elsewhere,
        "tampered": bent,
        "expired": place.forged(key, exp=int(time.time()) - 60, iat=int(time.time()) - 360),
        "no end": place.forged(key, exp=None),
        "unsigned": place.forged(key, {"alg": "none"}),
        "the public key as a secret": place.forged(key, {"alg": "HS256"}),
        "another key": place.forged(TokenKey(new_token_key(0.0)), {"kid": key.kid}),
        "another issuer": place.forged(key, iss="https://other.example"),
    }.items():
        assert (name, place.says(path, presented)) == (name, 401)
    assert place.says(path, good) == 200


def test_what_is_forged_here_would_be_taken_if_it_were_right(place: Place) -> None:
    """Without this twin the forgeries could be refused because they are badly made."""
    assert place.says("/keys", place.forged(own_key(place))) == 200


def test_who_asks_learns_of_a_revocation(place: Place, good: str) -> None:
    """Apache remembers an answer, so a token is shown to it here that it has not seen."""
    place.remit.cli("revoke", "--user", "engineer")
    assert place.says("/asks", good) == 401
    assert place.says("/keys", good) == 200  # until it expires, which is after five minutes
