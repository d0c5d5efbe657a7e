"""Whatever is sent: an answer goes only where the client registered, and a request is whole or refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remit.core.authorization_request import (
    AuthorizationError,
    AuthorizationRequest,
    Unspecified,
    asked,
    return_address,
)
from remit.core.errors import Invalid
from remit.core.redirects import matches
from tests.scenes.authorization import CHALLENGE, CLIENTS, PARAMETERS, RESOURCES, a_request, the_parameters

KNOWN = sorted(
    PARAMETERS.keys()
    | {
        "scope",
        "authorization_details",
        "nonce",
        "prompt",
        "max_age",
        "request",
        "request_uri",
        "response_mode",
        "claims",
    }
)
CHARACTERS = 'aZ09_-./*:[]{}"\\ \n\x00é٣😀\ud800'
VALUES = st.one_of(
    st.text(CHARACTERS, max_size=12),
    st.sampled_from(
        [
            "", "code", "token", "editor", "robot", "plain", "S256", CHALLENGE, "none", "login", "none login", "files",
            "*", "https://editor.example/cb", "https://editor.example/cb#", "http://127.0.0.1:9/cb",
            "http://127.0.0.1@evil.test/cb", "https://remit.test/mcp", "https://remit.test/mcp/files",
            "[]", "0", "-1", "query", "fragment",
            '[{"type":"mcp_tool","locations":["https://remit.test/mcp"],"tool":"files/read"}]',
        ]
    ),
)  # fmt: skip
CHANGES = st.dictionaries(st.sampled_from(KNOWN), st.none() | VALUES, max_size=4)


@given(CHANGES)
def test_an_answer_goes_only_where_its_client_registered(changes: dict[str, str | None]) -> None:
    parameters = the_parameters(**changes)
    try:
        address = return_address(parameters, CLIENTS)
    except Invalid:
        client = CLIENTS.get(parameters.get("client_id", ""))
        assert client is None or not matches(client.redirects, parameters.get("redirect_uri", ""))
        return
    assert address.client is CLIENTS[parameters["client_id"]]
    assert address.redirect_uri == parameters["redirect_uri"]
    assert matches(address.client.redirects, address.redirect_uri)
    assert address.state in ("", parameters.get("state"))


@given(CHANGES)
def test_a_request_is_whole_or_refused(changes: dict[str, str | None]) -> None:
    parameters = the_parameters(**changes)
    try:
        request = a_request(**changes)
    except Invalid:
        return
    except AuthorizationError as error:
        said = error.description
        assert set(said) <= set(map(chr, range(32, 127))) - {'"', "\\"}, said
        return
    assert parameters["response_type"] == "code"
    assert parameters["code_challenge_method"] == "S256"
    assert request.challenge.digest == parameters["code_challenge"]
    assert request.resource == parameters["resource"]
    assert request.resource in RESOURCES
    assert parameters.get("response_mode", "") in ("", "query")
    assert not any(parameters.get(name) for name in ("request", "request_uri", "claims"))
    assert request.address.state == parameters.get("state", "")
    assert isinstance(request.asked, Unspecified) == (
        not parameters.get("scope") and not parameters.get("authorization_details")
    )
    assert isinstance(request.asked, Unspecified) or request.asked.scopes


@given(
    CHANGES, st.dictionaries(st.text(CHARACTERS, max_size=9).filter(lambda name: name not in KNOWN), VALUES, max_size=4)
)
def test_what_nobody_knows_changes_nothing(changes: dict[str, str | None], unknown: dict[str, str]) -> None:
    assert outcome(the_parameters(**changes)) == outcome(the_parameters(**changes) | unknown)


def outcome(parameters: dict[str, str]) -> AuthorizationRequest | str:
    try:
        return asked(return_address(parameters, CLIENTS), parameters, RESOURCES)
    except (Invalid, AuthorizationError) as error:
        return str(error)
