"""What a client may say of itself, and which rule a domain falls under."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remit.core.client_document import (
    DomainRule,
    DomainTrust,
    described,
    document_host,
    is_document_url,
    parse_document,
    rule_for,
)
from remit.core.clients import ClientAuthentication
from remit.core.errors import Invalid
from remit.core.principals import Attestation
from remit.core.reasons import Reason

URL = "https://app.example/oauth/client.json"
KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
SAYS: dict[str, Any] = {
    "client_id": URL,
    "client_name": "Example App",
    "redirect_uris": ["http://127.0.0.1/cb", "https://app.example/cb"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


def document(**changes: Any) -> bytes:
    """With None a member is left out."""
    return json.dumps({name: value for name, value in (SAYS | changes).items() if value is not None}).encode()


def test_a_document_is_what_it_says() -> None:
    found = parse_document(URL, document(logo_uri="https://app.example/logo.png", scope="git"))
    assert (found.name, found.host) == ("Example App", "app.example")
    assert found.redirects == {"http://127.0.0.1/cb", "https://app.example/cb"}
    client = described(found, frozenset({"acme"}))
    assert (client.id, client.tenants, client.attestation) == (URL, {"acme"}, Attestation.METADATA_DOCUMENT)
    assert client.secret is None
    assert client.terms is None


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://app.example/oauth/client.json/"},
        {"client_id": "https://APP.example/oauth/client.json"},
        {"client_id": None},
        {"client_id": 7},
        {"client_name": None},
        {"client_name": " "},
        {"client_name": "a" * 129},
        {"client_name": "Claude\u202e"},
        {"client_name": "two\nlines"},
        {"redirect_uris": None},
        {"redirect_uris": []},
        {"redirect_uris": "https://app.example/cb"},
        {"redirect_uris": ["https://app.example/cb#x"]},
        {"redirect_uris": ["http://app.example/cb"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://user@app.example/cb"]},
        {"redirect_uris": [7]},
        {"redirect_uris": [f"https://app.example/{i}" for i in range(33)]},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": ["none"]},
        {"client_secret": "shared with everybody"},
        {"client_secret_expires_at": 0},
        {"grant_types": ["client_credentials"]},
        {"grant_types": "authorization_code"},
        {"response_types": ["token"]},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY | {"d": "AA"}]}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "x": "AA"}]}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [7]}},
    ],
    ids=str,
)
def test_a_document_that_lies_or_is_wrong_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        parse_document(URL, document(**changes))
    assert caught.value.reason is Reason.CLIENT_DOCUMENT_INVALID
    assert parse_document(URL, document())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000,
        document()[:-1] + b', "client_id": "https://other.example/c"}',
    ],
    ids=lambda content: content[:12],
)  # fmt: skip
def test_what_is_no_json_object_with_each_member_once_is_no_document(content: bytes) -> None:
    with pytest.raises(Invalid):
        parse_document(URL, content)


def test_a_client_with_a_key_brings_it_in_the_document() -> None:
    found = parse_document(URL, document(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [KEY]}))
    assert found.authentication is ClientAuthentication.PRIVATE_KEY_JWT
    assert found.keys == {"keys": [KEY]}


def test_the_digest_is_over_what_matters_for_trust() -> None:
    usual = parse_document(URL, document()).digest
    assert parse_document(URL, document(logo_uri="https://app.example/new.png")).digest == usual
    assert parse_document(URL, document(redirect_uris=list(reversed(SAYS["redirect_uris"])))).digest == usual
    others = (
        document(client_name="Another"),
        document(redirect_uris=["http://127.0.0.1/cb"]),
        document(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [KEY]}),
    )
    assert len({usual, *(parse_document(URL, other).digest for other in others)}) == 4


@pytest.mark.parametrize(
    "client_id",
    [
        "http://app.example/c",
        "https://app.example",
        "https://app.example/",
        "https://app.example/c?x=1",
        "https://app.example/c#f",
        "https://user@app.example/c",
        "https://user:pw@app.example/c",
        "https://APP.example/c",
        "https://app.example/a/../c",
        "https://app.example/./c",
        "https://app.example/%2e%2e/c",
        "https://0x7f.1/c",
        "https://2130706433/c",
        "https://app.example:0/c",
        "https://app.example:99999/c",
        "https://app%2eexample/c",
        "https://[::ffff:127.0.0.1]/c",
        "https://app.example\\@evil.example/c",
        "https://app.example/" + "c" * 512,
    ],
)
def test_a_client_id_that_cannot_be_a_documents_url_is_refused(client_id: str) -> None:
    with pytest.raises(Invalid):
        document_host(client_id)
    assert document_host("https://app.example/c") == "app.example"
    assert document_host("https://app.example:8443/c") == "app.example"


def test_only_https_names_a_document() -> None:
    assert is_document_url(URL)
    assert not is_document_url("demo")
    assert not is_document_url("http://app.example/c")


def test_the_nearest_rule_is_the_one() -> None:
    names = ("app.example", "*.app.example", "*.example", "*")
    rules = {name: DomainRule(name, DomainTrust.ASK, frozenset({"acme"})) for name in names}
    for host, nearest in (
        ("app.example", "app.example"), ("eu.app.example", "*.app.example"), ("a.b.app.example", "*.app.example"),
        ("other.example", "*.example"), ("example", "*"), ("app.example.evil", "*"), ("notapp.example", "*.example"),
    ):  # fmt: skip
        found = rule_for(rules, host)
        assert found is not None
        assert found.pattern == nearest
    assert rule_for({"*.example": rules["*.example"]}, "example") is None
    assert rule_for({}, "app.example") is None
