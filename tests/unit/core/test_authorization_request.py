"""An authorization request is answered only where its client's answers go, and only if all of it is understood."""

from __future__ import annotations

import json

import pytest

from remit.core.authentication import Acr
from remit.core.authorization_details import Asked
from remit.core.authorization_request import (
    AuthorizationError,
    ErrorCode,
    Prompt,
    ReturnAddress,
    Unspecified,
    acr_asked,
    asked,
    return_address,
)
from remit.core.errors import Invalid
from remit.core.grant import Calls
from remit.core.reasons import Reason
from remit.core.scope import OneTool, WholeServer
from tests.scenes.authorization import CHALLENGE, CLIENTS, EDITOR, RESOURCE, RESOURCES, a_request, the_parameters


def refused(**changes: str | None) -> AuthorizationError:
    with pytest.raises(AuthorizationError) as error:
        a_request(**changes)
    return error.value


def details(**fields: object) -> str:
    return json.dumps([{"type": "mcp_tool", "locations": [RESOURCE]} | fields])


# stage 1 ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "redirect_uri", ["https://editor.example/cb", "http://127.0.0.1/cb", "http://127.0.0.1:50123/cb"]
)
def test_a_registered_redirect_is_where_answers_go(redirect_uri: str) -> None:
    address = return_address(the_parameters(redirect_uri=redirect_uri), CLIENTS)
    assert address == ReturnAddress(EDITOR, redirect_uri, "af0ifjsldkj")


@pytest.mark.parametrize("client_id", [None, "", "Editor", "editor ", "nobody", "https://editor.example"])
def test_an_unknown_client_is_told_to_the_person(client_id: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        a_request(client_id=client_id)
    assert refusal.value.reason is Reason.CLIENT_UNKNOWN


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None, "", "https://editor.example/cb/", "https://editor.example/", "https://evil.test/cb", "http://localhost/cb",
        "https://editor.example:8443/cb", "http://127.0.0.1:50123/cb#x", "http://127.0.0.1:0/cb", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_redirect_that_is_not_the_clients_is_told_to_the_person(redirect_uri: str | None) -> None:
    with pytest.raises(Invalid) as refusal:
        a_request(redirect_uri=redirect_uri)
    assert refusal.value.reason is Reason.INVALID_REDIRECT


def test_a_client_without_redirects_gets_no_answer() -> None:
    with pytest.raises(Invalid, match="robot"):
        a_request(client_id="robot")


def test_a_wrong_redirect_is_told_before_anything_else_is_looked_at() -> None:
    with pytest.raises(Invalid):
        a_request(redirect_uri="https://evil.test/cb", response_type="token", code_challenge=None, resource="x")


@pytest.mark.parametrize(
    ("state", "repeated"),
    [(None, ""), ("", ""), ("x", "x"), ("~" * 1024, "~" * 1024), ("x" * 1025, ""), ("a b", ""), ("é", ""), ("a\n", "")],
)
def test_a_state_is_repeated_if_it_is_fit_to_be(state: str | None, repeated: str) -> None:
    assert return_address(the_parameters(state=state), CLIENTS).state == repeated


# stage 2 ---------------------------------------------------------------------------------------------------------
def test_a_plain_request_is_read() -> None:
    request = a_request()
    assert request.address.redirect_uri == "http://127.0.0.1:50123/cb"
    assert request.resource == RESOURCE
    assert request.challenge.digest == CHALLENGE
    assert request.asked == Unspecified()
    assert (request.prompts, request.nonce, request.max_age_s) == (frozenset(), "", float("inf"))


def test_a_full_request_is_read() -> None:
    request = a_request(
        scope="files git:git_log files:read", nonce="n-0S6", prompt="login consent", max_age="0", response_mode="query"
    )
    assert request.asked == Asked(frozenset({WholeServer("files"), OneTool("git", "git_log")}))
    assert request.prompts == {Prompt.LOGIN, Prompt.CONSENT}
    assert (request.nonce, request.max_age_s) == ("n-0S6", 0)
    assert a_request(max_age="86400").max_age_s == 86_400
    assert a_request(prompt="none").prompts == {Prompt.NONE}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": None}, ErrorCode.INVALID_REQUEST),
        ({"response_type": ""}, ErrorCode.INVALID_REQUEST),
        ({"response_type": "token"}, ErrorCode.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "code id_token"}, ErrorCode.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "Code"}, ErrorCode.UNSUPPORTED_RESPONSE_TYPE),
        ({"code_challenge": None}, ErrorCode.INVALID_REQUEST),
        ({"code_challenge": CHALLENGE[:-1]}, ErrorCode.INVALID_REQUEST),
        ({"code_challenge_method": None}, ErrorCode.INVALID_REQUEST),
        ({"code_challenge_method": "plain"}, ErrorCode.INVALID_REQUEST),
        ({"resource": None}, ErrorCode.INVALID_TARGET),
        ({"resource": "https://remit.test/mcp/"}, ErrorCode.INVALID_TARGET),
        ({"resource": "https://other.test/mcp"}, ErrorCode.INVALID_TARGET),
        ({"scope": "Files"}, ErrorCode.INVALID_SCOPE),
        ({"scope": "*"}, ErrorCode.INVALID_SCOPE),
        ({"scope": " files"}, ErrorCode.INVALID_SCOPE),
        ({"scope": "files  git"}, ErrorCode.INVALID_SCOPE),
        ({"scope": " ".join(["files"] * 257)}, ErrorCode.INVALID_SCOPE),
        ({"authorization_details": "[]"}, ErrorCode.INVALID_AUTHORIZATION_DETAILS),
        ({"authorization_details": '[{"type":"payment"}]'}, ErrorCode.INVALID_AUTHORIZATION_DETAILS),
        ({"authorization_details": details()}, ErrorCode.INVALID_AUTHORIZATION_DETAILS),
        ({"state": "x" * 1025}, ErrorCode.INVALID_REQUEST),
        ({"state": "a b"}, ErrorCode.INVALID_REQUEST),
        ({"nonce": "x" * 1025}, ErrorCode.INVALID_REQUEST),
        ({"nonce": "é"}, ErrorCode.INVALID_REQUEST),
        ({"prompt": "create"}, ErrorCode.INVALID_REQUEST),
        ({"prompt": "none login"}, ErrorCode.INVALID_REQUEST),
        ({"prompt": "login  consent"}, ErrorCode.INVALID_REQUEST),
        ({"prompt": "Login"}, ErrorCode.INVALID_REQUEST),
        ({"max_age": "-1"}, ErrorCode.INVALID_REQUEST),
        ({"max_age": "1.5"}, ErrorCode.INVALID_REQUEST),
        ({"max_age": "01"}, ErrorCode.INVALID_REQUEST),
        ({"max_age": "٣"}, ErrorCode.INVALID_REQUEST),
        ({"max_age": "1" * 11}, ErrorCode.INVALID_REQUEST),
        ({"request": "e30.e30."}, ErrorCode.REQUEST_NOT_SUPPORTED),
        ({"request_uri": "https://editor.example/r"}, ErrorCode.REQUEST_URI_NOT_SUPPORTED),
        ({"response_mode": "fragment"}, ErrorCode.INVALID_REQUEST),
        ({"response_mode": "form_post"}, ErrorCode.INVALID_REQUEST),
        ({"claims": "{}"}, ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_is_wrong_is_answered_with_its_code(changes: dict[str, str | None], code: ErrorCode) -> None:
    assert refused(**changes).error is code
    assert a_request()


@pytest.mark.parametrize("name", ["scope", "nonce", "prompt", "max_age", "request", "claims", "state", "response_mode"])
def test_a_parameter_without_a_value_is_as_if_it_was_not_sent(name: str) -> None:
    assert a_request(**{name: ""}) == a_request(**{name: None})


def test_what_nobody_knows_is_ignored() -> None:
    assert a_request(foo="bar", login_hint="alice", ui_locales="de", Request="x") == a_request()


def test_the_resources_may_be_anything_that_contains_them() -> None:
    class Endpoints:
        def __contains__(self, resource: object) -> bool:
            return resource == "https://remit.test/mcp/new"

    parameters = the_parameters(resource="https://remit.test/mcp/new")
    address = return_address(parameters, CLIENTS)
    assert asked(address, parameters, Endpoints()).resource == "https://remit.test/mcp/new"
    with pytest.raises(AuthorizationError):
        asked(address, parameters, RESOURCES)


def test_details_say_what_is_asked_for() -> None:
    request = a_request(authorization_details=details(tool="files/read", max_calls=3))
    assert request.asked == Asked(frozenset({OneTool("files", "read")}), budget=Calls(3))


def test_scopes_of_openid_connect_ask_for_nothing() -> None:
    assert a_request(scope="openid offline_access profile email").asked == a_request().asked
    assert a_request(scope="openid files").asked == a_request(scope="files").asked
    assert isinstance(a_request(scope="openid").asked, Unspecified)


def test_scope_and_details_narrow_each_other() -> None:
    said = details(tool="files/read", max_calls=3)
    for scope in ("files", "files:read", "files:read git"):
        narrowed = a_request(scope=scope, authorization_details=said).asked
        assert narrowed == Asked(frozenset({OneTool("files", "read")}), budget=Calls(3))
    whole = a_request(scope="files:read files:write", authorization_details=details(server="files")).asked
    assert isinstance(whole, Asked)
    assert whole.scopes == {OneTool("files", "read"), OneTool("files", "write")}
    assert refused(scope="git files:write", authorization_details=said).error is ErrorCode.INVALID_SCOPE


def test_a_description_has_only_the_characters_it_may_have() -> None:
    error = AuthorizationError(ErrorCode.INVALID_REQUEST, 'a "b" \\c\né~!')
    assert error.description == "a 'b' ?c??~!"
    assert str(error) == "invalid_request: a 'b' ?c??~!"
    assert '"' not in refused(scope='"').description


def test_a_description_quotes_little_of_what_was_sent() -> None:
    for name in ("response_type", "resource", "scope", "prompt", "max_age", "code_challenge_method", "response_mode"):
        assert len(refused(**{name: "X" * 5000}).description) < 300


@pytest.mark.parametrize(
    ("values", "acr"),
    [
        ("", Acr.NONE),
        ("urn:remit:acr:passkey", Acr.PASSKEY),
        ("urn:remit:acr:password", Acr.PASSWORD),
        ("urn:remit:acr:passkey urn:remit:acr:password", Acr.PASSWORD),
        ("urn:other:gold urn:remit:acr:passkey", Acr.PASSKEY),
    ],
)
def test_of_several_acr_values_any_will_do_and_unknown_ones_are_no_other(values: str, acr: Acr) -> None:
    assert a_request(acr_values=values).acr is acr


def test_no_passkey_can_be_asked_for_at_an_address() -> None:
    for host, acr in (("remit.example", Acr.PASSKEY), ("127.0.0.1", None), ("[::1]", None)):
        parameters = {"acr_values": "urn:remit:acr:passkey"}
        if acr is not None:
            assert acr_asked(parameters, f"https://{host}/mcp") is acr
            continue
        with pytest.raises(AuthorizationError) as refused:
            acr_asked(parameters, f"https://{host}/mcp")
        assert refused.value.error is ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS


@pytest.mark.parametrize("values", ["urn:other:gold", " ", "passkey", "urn:remit:acr:passkey,urn:remit:acr:password"])
def test_acr_values_that_are_all_unknown_cannot_be_met(values: str) -> None:
    with pytest.raises(AuthorizationError) as refused:
        a_request(acr_values=values)
    assert refused.value.error is ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS
