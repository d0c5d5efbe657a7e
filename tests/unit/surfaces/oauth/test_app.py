"""The authorization server over ASGI: what it answers to good requests, bad ones and curious ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.types import ASGIApp, Message

from remit.core.secret import Secret
from remit.flows.authorize_device import DeviceAnswer
from remit.flows.client_authentication import ClientRequest
from remit.flows.introspect import Introspected
from remit.flows.oauth_error import OAuthError
from remit.flows.token import TokenAnswer
from remit.surfaces.oauth.app import Flows, oauth_app
from remit.surfaces.oauth.metadata import Offers

ISSUER = "https://remit.test"
DOORS = ("/token", "/revoke", "/par", "/device_authorization", "/introspect")
JSON = ("content-type", "application/json")
FORM = ("content-type", "application/x-www-form-urlencoded")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Asked:
    """Remembers the requests that got as far as the flow, and answers them."""

    def __init__(self) -> None:
        self.requests: list[ClientRequest] = []
        self.error: OAuthError | None = None

    async def issue(self, request: ClientRequest) -> TokenAnswer:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return TokenAnswer(Secret(b"the-token"), 300, "git")

    async def push(self, request: ClientRequest) -> Secret:
        await self.issue(request)
        return Secret(b"urn:ietf:params:oauth:request_uri:one")

    async def begin_device(self, request: ClientRequest) -> DeviceAnswer:
        await self.issue(request)
        return DeviceAnswer(Secret(b"the-device"), "BCDF-GHJK")

    async def introspect(self, request: ClientRequest, *, signed: bool) -> Introspected:
        await self.issue(request)
        return Introspected({"active": False}, Secret(b"the-statement") if signed else None)

    async def register(self, found: Mapping[str, Any], bearer: Secret | None, *, peer: str) -> Mapping[str, Any]:
        """What it was asked with, as an answer."""
        if self.error is not None:
            raise self.error
        return {"found": dict(found), "bearer": bearer.expose().decode() if bearer else None, "peer": peer}

    async def revoke(self, request: ClientRequest) -> None:
        self.requests.append(request)
        if self.error is not None:
            raise self.error


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def app(asked: Asked) -> ASGIApp:
    return oauth_app(
        issuer=ISSUER,
        flows=Flows(asked.issue, asked.revoke, asked.push, asked.begin_device, asked.introspect, asked.register),
        public_keys=lambda: {"keys": [{"kid": "one"}]},
    )


async def ask(
    app: ASGIApp, method: str, path: str, *headers: tuple[str, str], body: bytes = b"", query: str = ""
) -> Answer:
    sent: list[Message] = []
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "root_path": "", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("192.0.2.7", 5000), "server": ("127.0.0.1", 8700), "scheme": "http",
    }  # fmt: skip
    chunks = [body[start : start + 4000] for start in range(0, len(body), 4000)] or [b""]

    async def receive() -> Message:
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


def basic(name: str, secret: str) -> tuple[str, str]:
    return "authorization", "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


async def test_a_token_is_answered_and_nobody_may_keep_it(app: ASGIApp, asked: Asked) -> None:
    body = urlencode({"grant_type": "client_credentials", "resource": f"{ISSUER}/mcp", "empty": ""}).encode()
    answer = await ask(app, "POST", "/token", FORM, basic("cron", "a%2Bb+c"), body=body)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json == {"access_token": "the-token", "token_type": "Bearer", "expires_in": 300, "scope": "git"}
    (request,) = asked.requests
    assert request.parameters == {"grant_type": "client_credentials", "resource": f"{ISSUER}/mcp"}
    assert request.basic is not None
    assert (request.basic[0], request.basic[1].expose(), request.peer) == ("cron", b"a+b c", "192.0.2.7")


BODIES: dict[str, tuple[bytes, str]] = {
    "a parameter twice": (b"grant_type=a&grant_type=a", "invalid_request"),
    "two resources": (b"resource=a&resource=b", "invalid_target"),
    "the same resource twice": (b"resource=a&resource=a", "invalid_target"),
    "no form": (b'{"grant_type": "client_credentials"}', "invalid_request"),
    "not utf-8": (b"grant_type=%ff", "invalid_request"),
    "raw bytes": (b"grant_type=\xff", "invalid_request"),
    "many fields": (b"&".join(b"f%d=x" % number for number in range(40)), "invalid_request"),
    "far too long": (b"grant_type=" + b"x" * 70_000, "invalid_request"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_bad_form_never_reaches_the_flow(app: ASGIApp, asked: Asked, name: str) -> None:
    body, error = BODIES[name]
    answer = await ask(app, "POST", "/token", FORM, body=body)
    assert answer.json["error"] == error
    assert answer.status == (413 if name == "far too long" else 400)
    assert answer.headers["cache-control"] == "no-store"
    assert asked.requests == []


@pytest.mark.parametrize(
    "content_type", ["application/json", "", "multipart/form-data", "application/x-www-form-urlencodedx"]
)
async def test_another_content_type_is_refused(app: ASGIApp, asked: Asked, content_type: str) -> None:
    answer = await ask(app, "POST", "/token", ("content-type", content_type), body=b"grant_type=client_credentials")
    assert (answer.status, asked.requests) == (400, [])


@pytest.mark.parametrize("query", ["grant_type=client_credentials", "access_token=x", "client_secret=x"])
async def test_nothing_is_ever_read_from_the_query(app: ASGIApp, asked: Asked, query: str) -> None:
    answer = await ask(app, "POST", "/token", FORM, body=b"grant_type=client_credentials", query=query)
    assert (answer.status, answer.json["error"], asked.requests) == (400, "invalid_request", [])


@pytest.mark.parametrize(
    "headers",
    [
        (basic("cron", "a"), basic("cron", "b")),
        (("authorization", "Bearer x"),),
        (("authorization", "Basic !!!"),),
        (("authorization", "Basic " + base64.b64encode(b"no colon").decode()),),
        (("authorization", "Basic " + base64.b64encode(b"\xff:x").decode()),),
        (("authorization", "Basic"),),
    ],
)
async def test_bad_client_credentials_get_a_challenge(
    app: ASGIApp, asked: Asked, headers: tuple[tuple[str, str], ...]
) -> None:
    answer = await ask(app, "POST", "/token", FORM, *headers, body=b"grant_type=client_credentials")
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert asked.requests == []


async def test_an_error_is_answered_in_its_form_and_cannot_break_out_of_it(app: ASGIApp, asked: Asked) -> None:
    asked.error = OAuthError("invalid_scope", 'a "quoted"\r\n\\x \u2603')
    answer = await ask(app, "POST", "/token", FORM, body=b"grant_type=x")
    assert answer.json == {"error": "invalid_scope", "error_description": "a ?quoted????x ?"}


@pytest.mark.parametrize("path", DOORS)
async def test_whoever_asks_too_often_is_told_how_long_to_wait(app: ASGIApp, asked: Asked, path: str) -> None:
    asked.error = OAuthError("temporarily_unavailable", "too many requests", status=429, wait_s=2.2)
    answer = await ask(app, "POST", path, FORM, body=b"client_id=x")
    assert (answer.status, answer.headers["retry-after"]) == (429, "3")
    assert answer.headers["cache-control"] == "no-store"
    asked.error = None
    assert (await ask(app, "POST", path, FORM, body=b"client_id=x")).status in (200, 201)


@pytest.mark.parametrize("path", DOORS)
async def test_what_clients_reach_by_themselves_takes_posts_only(app: ASGIApp, asked: Asked, path: str) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert (await ask(app, method, path)).status == 405
    assert asked.requests == []


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"])
async def test_metadata_says_only_what_is_true(app: ASGIApp, path: str) -> None:
    document = (await ask(app, "GET", path)).json
    assert document["issuer"] == ISSUER
    assert document["token_endpoint"] == f"{ISSUER}/token"
    assert document["jwks_uri"] == f"{ISSUER}/jwks.json"
    assert document["grant_types_supported"] == [
        "authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
    ]  # fmt: skip
    assert document["token_endpoint_auth_methods_supported"] == ["none", "private_key_jwt", "client_secret_basic"]
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "registration_endpoint" not in document


@pytest.mark.parametrize(
    ("path", "resource"), [("", f"{ISSUER}/mcp"), ("/mcp", f"{ISSUER}/mcp"), ("/mcp/git", f"{ISSUER}/mcp/git")]
)
async def test_each_resource_describes_itself(app: ASGIApp, path: str, resource: str) -> None:
    document = (await ask(app, "GET", f"/.well-known/oauth-protected-resource{path}")).json
    assert document["resource"] == resource
    assert document["authorization_servers"] == [ISSUER]
    assert document["bearer_methods_supported"] == ["header"]
    assert document.get("scopes_supported") == (["git"] if path == "/mcp/git" else None)


@pytest.mark.parametrize("path", ["/mcp/GIT", "/mcp/git/x", "/mcp/", "/other", "/mcp/..", "/mcp/git/"])
async def test_what_is_not_served_is_not_found(app: ASGIApp, path: str) -> None:
    assert (await ask(app, "GET", f"/.well-known/oauth-protected-resource{path}")).status == 404


async def test_a_host_header_shows_up_nowhere(app: ASGIApp) -> None:
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp", "/token/"):
        answer = await ask(app, "GET", path, ("host", "evil.test"))
        assert b"evil.test" not in answer.body
        assert "location" not in answer.headers


async def test_the_keys_are_served(app: ASGIApp) -> None:
    answer = await ask(app, "GET", "/jwks.json")
    assert (answer.status, answer.json) == (200, {"keys": [{"kid": "one"}]})


# registration ---------------------------------------------------------------------------------------------------
@pytest.fixture
def open_app(asked: Asked) -> ASGIApp:
    flows = Flows(asked.issue, asked.revoke, asked.push, asked.begin_device, asked.introspect, asked.register)
    return oauth_app(issuer=ISSUER, flows=flows, public_keys=dict, offers=Offers(registration=True))


async def test_a_client_registers_where_that_is_on_and_finds_nothing_where_it_is_not(
    app: ASGIApp, open_app: ASGIApp
) -> None:
    body = b'{"redirect_uris": ["http://127.0.0.1/cb"]}'
    answer = await ask(open_app, "POST", "/register", JSON, ("authorization", "Bearer one"), body=body)
    assert (answer.status, answer.headers["cache-control"]) == (201, "no-store")
    assert answer.json == {"found": json.loads(body), "bearer": "one", "peer": "192.0.2.7"}
    assert (await ask(app, "POST", "/register", JSON, body=body)).status == 404
    metadata = (await ask(open_app, "GET", "/.well-known/oauth-authorization-server")).json
    assert metadata["registration_endpoint"] == f"{ISSUER}/register"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([FORM], b"redirect_uris=x"),
        ([], b"{}"),
        ([JSON, JSON], b"{}"),
        ([JSON], b"[]"),
        ([JSON], b'{"client_name": "a", "client_name": "b"}'),
        ([JSON], b"{"),
    ],
)
async def test_what_is_no_registration_is_told_so(
    open_app: ASGIApp, headers: list[tuple[str, str]], body: bytes
) -> None:
    answer = await ask(open_app, "POST", "/register", *headers, body=body)
    assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata")
    assert (await ask(open_app, "POST", "/register", JSON, body=b"{}")).status == 201


async def test_a_registration_too_large_is_refused(open_app: ASGIApp) -> None:
    body = b'{"client_name": "' + b"a" * 70_000 + b'"}'
    assert (await ask(open_app, "POST", "/register", JSON, body=body)).status == 413
