"""What a client may ask to be registered as, and what it is registered as."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.client_registration import KeptRegistration, RegistrationError, answered, parse_registration
from remit.core.clients import ClientAuthentication
from remit.core.principals import Attestation

HOSTS = frozenset({"127.0.0.1", "app.example", "cursor:"})
KEY = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
ASKS: dict[str, Any] = {
    "client_name": "Sketchpad",
    "redirect_uris": ["http://127.0.0.1/cb"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "application_type": "native",
}


def asks(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (ASKS | changes).items() if value is not None}


def test_a_client_is_registered_as_it_asks() -> None:
    found = parse_registration(asks(), HOSTS)
    assert (found.name, found.redirects, found.authentication) == (
        "Sketchpad", ("http://127.0.0.1/cb",), ClientAuthentication.NONE,
    )  # fmt: skip
    assert parse_registration(asks(scope="git", software_id="x", contacts=["a@b"]), HOSTS).id == found.id


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": "http://127.0.0.1/cb"}, "invalid_redirect_uri"),
        ({"redirect_uris": [1]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://127.0.0.1/cb", "https://evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example.evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example@evil.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/cb#f"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://localhost/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["vscode://x/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"http://127.0.0.1/{i}" for i in range(33)]}, "invalid_redirect_uri"),
        ({"application_type": "web"}, "invalid_redirect_uri"),
        ({"application_type": "web", "redirect_uris": ["cursor://x/cb"]}, "invalid_redirect_uri"),
        ({"application_type": "service"}, "invalid_client_metadata"),
        ({"application_type": ["web"]}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": "authorization_code"}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": ["none"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        (
            {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY | {"d": "x"}]}},
            "invalid_client_metadata",
        ),
        ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"software_statement": "x.y.z"}, "unapproved_software_statement"),
    ],
    ids=str,
)
def test_what_may_not_be_registered_is_told_with_its_own_code(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        parse_registration(asks(**changes), HOSTS)
    assert caught.value.error == error
    assert parse_registration(asks(), HOSTS)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": ["https://app.example/cb"], "application_type": "web"},
        {"redirect_uris": ["cursor://anysphere/cb"]},
        {"redirect_uris": ["http://127.0.0.1:5000/cb"]},
        {"client_name": None, "grant_types": None, "response_types": None, "application_type": None},
    ],
    ids=str,
)
def test_the_listed_places_may_be_registered(changes: dict[str, Any]) -> None:
    assert parse_registration(asks(**changes), HOSTS).id.startswith("dcr_")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_who_asks_for_a_secret_is_registered_without(method: str) -> None:
    found = parse_registration(asks(token_endpoint_auth_method=method), HOSTS)
    assert found.authentication is ClientAuthentication.NONE


def test_the_same_request_is_the_same_client_and_another_is_another() -> None:
    ids = {
        parse_registration(asks(**changes), HOSTS).id
        for changes in (
            {}, {"token_endpoint_auth_method": "client_secret_post"}, {"client_name": "Other"},
            {"redirect_uris": ["https://app.example/cb"]},
            {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY]}},
        )
    }  # fmt: skip
    assert len(ids) == 4


def test_what_is_kept_makes_the_client_and_the_answer() -> None:
    kept = KeptRegistration("dcr_1", "Sketchpad", ("http://127.0.0.1/cb",), "private_key_jwt", {"keys": [KEY]}, 1.5)
    client = kept.client("acme")
    assert (client.tenants, client.name, client.redirects) == ({"acme"}, "Sketchpad", {"http://127.0.0.1/cb"})
    assert client.attestation is Attestation.NONE
    assert answered(kept) == {
        "client_id": "dcr_1",
        "client_id_issued_at": 1,
        "client_name": "Sketchpad",
        "redirect_uris": ["http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "jwks": {"keys": [KEY]},
    }
