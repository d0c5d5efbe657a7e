"""Who gets a token at the token endpoint, and what everybody else is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from remit.core.attempts import Attempts
from remit.core.clients import Client, ClientAuthentication, ClientBook, ClientTerms
from remit.core.errors import refuse
from remit.core.grant import Calls
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.client_authentication import JWT_BEARER, AuthenticateClient, ClientRequest
from remit.flows.oauth_error import OAuthError
from remit.flows.registry import Registry
from remit.flows.token import IssueToken, TokenAnswer
from tests.scenes.authority import CLIENTS, ISSUER, RESOURCE, SECRET, Scene, scopes

TERMS = ClientTerms("nightly", "dev", scopes("git"), 3600.0, Calls(100))
CI = Client("ci", frozenset({"acme"}), ClientAuthentication.PRIVATE_KEY_JWT, keys={"keys": []}, terms=TERMS)
SECRETLESS = Client("hollow", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, terms=TERMS)
EMPTY = Client("empty", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, secret=Secret(b""), terms=TERMS)
BOTH = replace(CI, id="both", secret=Secret(SECRET))
NO_TERMS = Client("named-only", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, secret=Secret(SECRET))


class FakeAssertions:
    """An assertion is `CLIENT:ok`; anything after the colon but ok does not verify."""

    def __init__(self) -> None:
        self.overloaded = False

    def unverified_client(self, assertion: Secret) -> str:
        return assertion.expose().decode().partition(":")[0]

    def verify(self, assertion: Secret, client_id: str, keys: Mapping[str, Any]) -> None:
        if self.overloaded:
            raise refuse(Reason.INTERNAL)
        if assertion.expose() != f"{client_id}:ok".encode():
            raise refuse(Reason.TOKEN_INVALID, "client assertion: the signature is wrong")


class Endpoint:
    def __init__(self) -> None:
        self.scene = Scene()
        registry = self.scene.create.registry
        clients = {**CLIENTS, **{client.id: client for client in (CI, SECRETLESS, EMPTY, BOTH, NO_TERMS)}}
        self.scene.create.registry = Registry(
            registry.issuer, registry.accounts, ClientBook(clients), registry.purposes, registry.environments
        )
        self.assertions = FakeAssertions()
        scene = self.scene
        self.door = AuthenticateClient(scene.create, self.assertions, scene.ledger, scene.clock, scene.entropy)
        devices = AuthorizeDevice(self.door, scene.authorize, scene.redeem)
        self.flow = IssueToken(scene.create, scene.redeem, self.door, devices, scene.clock)

    async def ask(
        self, basic: tuple[str, bytes] | None = ("cron", SECRET), peer: str = "127.0.0.1", **changes: str | None
    ) -> TokenAnswer:
        given = {"grant_type": "client_credentials", "resource": RESOURCE} | changes
        parameters = {name: value for name, value in given.items() if value is not None}
        credentials = None if basic is None else (basic[0], Secret(basic[1]))
        return await self.flow.issue(ClientRequest(parameters, credentials, peer))

    async def refused(self, basic: tuple[str, bytes] | None = ("cron", SECRET), **changes: str | None) -> OAuthError:
        with pytest.raises(OAuthError) as caught:
            await self.ask(basic, **changes)
        assert self.scene.tokens.issued == {}
        return caught.value


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


async def test_a_client_with_its_secret_gets_a_token_of_five_minutes(endpoint: Endpoint) -> None:
    answer = await endpoint.ask()
    claims = endpoint.scene.tokens.issued[answer.token.expose()]
    assert (claims.subject, claims.client_id, claims.audience) == ("cron", "cron", RESOURCE)
    assert (answer.expires_in_s, answer.scope) == (300, "files:read_file git")


async def test_a_client_with_its_key_gets_a_token(endpoint: Endpoint) -> None:
    answer = await endpoint.ask(None, client_assertion="ci:ok", client_assertion_type=JWT_BEARER)
    claims = endpoint.scene.tokens.issued[answer.token.expose()]
    assert claims.client_id == "ci"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("git:git_log", "git:git_log"),
        ("files", "files:read_file"),
        ("git unknown", "git"),
        ("files git:git_log prod-db", "files:read_file git:git_log"),
    ],
)
async def test_scope_narrows_and_the_answer_says_what_was_granted(endpoint: Endpoint, asked: str, granted: str) -> None:
    answer = await endpoint.ask(scope=asked)
    assert answer.scope == granted
    claims = endpoint.scene.tokens.issued[answer.token.expose()]
    assert claims.scope == granted


@pytest.mark.parametrize("scope", ["unknown", "prod-db", "files:write_file", "*", " ", "git  files:read_file", "GIT"])
async def test_a_scope_beyond_the_clients_is_refused_and_recorded(endpoint: Endpoint, scope: str) -> None:
    assert (await endpoint.refused(scope=scope)).error == "invalid_scope"
    (record,) = endpoint.scene.ledger.of_kind(RecordKind.DENIAL)
    assert (record["client"], record["tenant"], record["action"]) == ("cron", "acme", "token")


@pytest.mark.parametrize(
    "resource", [None, "", f"{ISSUER}/mcp/unknown", "http://evil.test/mcp", f"{ISSUER}/mcp/prod-db"]
)
async def test_a_resource_that_is_missing_or_not_the_clients_is_refused(
    endpoint: Endpoint, resource: str | None
) -> None:
    assert (await endpoint.refused(resource=resource)).error == "invalid_target"


@pytest.mark.parametrize("grant_type", ["password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange"])
async def test_no_other_grant_type_is_served(endpoint: Endpoint, grant_type: str) -> None:
    assert (await endpoint.refused(grant_type=grant_type)).error == "unsupported_grant_type"


async def test_a_missing_grant_type_is_an_invalid_request(endpoint: Endpoint) -> None:
    assert (await endpoint.refused(grant_type=None)).error == "invalid_request"


@pytest.mark.parametrize(
    "basic",
    [
        ("cron", b"wrong"), ("cron", b""), ("nobody", SECRET), ("", b""), ("demo", b""), ("demo", SECRET),
        ("ci", b""), ("ci", SECRET), ("hollow", b""), ("empty", b""), ("both", SECRET), ("globex-cron", SECRET), None,
    ],
)  # fmt: skip
async def test_every_failed_authentication_is_answered_alike(
    endpoint: Endpoint, basic: tuple[str, bytes] | None
) -> None:
    """No client has a default or an empty secret, and one that proves itself by key cannot do it by secret."""
    error = await endpoint.refused(basic)
    assert (error.error, error.status, error.description) == ("invalid_client", 401, "client authentication failed")
    assert error.basic
    assert endpoint.scene.ledger.refusals[Reason.TOKEN_INVALID] == 1
    assert endpoint.scene.ledger.records == []


@pytest.mark.parametrize("assertion", ["ci:forged", "nobody:ok", "cron:ok", ""])
async def test_an_assertion_that_is_not_the_clients_is_refused(endpoint: Endpoint, assertion: str) -> None:
    error = await endpoint.refused(None, client_assertion=assertion, client_assertion_type=JWT_BEARER)
    assert (error.error, error.status) == ("invalid_client", 401)
    assert endpoint.scene.ledger.refusals[Reason.TOKEN_INVALID] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"client_assertion": "ci:ok", "client_assertion_type": JWT_BEARER},
        {"client_assertion_type": JWT_BEARER},
        {"client_secret": "x"},
        {"client_id": "ci"},
    ],
)
async def test_two_ways_of_authentication_at_once_are_refused(endpoint: Endpoint, changes: dict[str, str]) -> None:
    assert (await endpoint.refused(**changes)).error == "invalid_request"


async def test_a_secret_in_the_body_is_not_read(endpoint: Endpoint) -> None:
    error = await endpoint.refused(None, client_id="cron", client_secret=SECRET.decode())
    assert error.error == "invalid_request"


async def test_its_own_client_id_beside_its_secret_is_accepted(endpoint: Endpoint) -> None:
    assert await endpoint.ask(client_id="cron")


async def test_another_assertion_type_is_refused(endpoint: Endpoint) -> None:
    error = await endpoint.refused(None, client_assertion="ci:ok", client_assertion_type="saml")
    assert error.error == "invalid_request"


async def test_a_client_without_a_grant_of_its_own_is_unauthorized(endpoint: Endpoint) -> None:
    assert (await endpoint.refused(("named-only", SECRET))).error == "unauthorized_client"


async def test_an_outage_is_not_a_refusal(endpoint: Endpoint) -> None:
    endpoint.scene.store.unavailable = True
    error = await endpoint.refused()
    assert (error.error, error.status) == ("temporarily_unavailable", 503)
    assert endpoint.scene.ledger.of_kind(RecordKind.DENIAL) == []
    endpoint.assertions.overloaded = True
    error = await endpoint.refused(None, client_assertion="ci:ok", client_assertion_type=JWT_BEARER)
    assert error.status == 503


async def test_guessing_a_secret_is_slowed_down_and_does_not_lock_the_client_out_elsewhere(endpoint: Endpoint) -> None:
    endpoint.door.failures = Attempts(burst=3, per_minute=6)
    for _ in range(3):
        assert (await endpoint.refused(("cron", b"guess"))).status == 401
    blocked = await endpoint.refused()
    assert (blocked.status, blocked.wait_s) == (429, 10.0)
    assert endpoint.scene.ledger.refusals[Reason.LIMIT_RATE] == 1
    assert await endpoint.ask(peer="10.0.0.9")
    endpoint.scene.clock.advance(10)
    assert await endpoint.ask()


async def test_a_flood_of_requests_is_limited_per_peer_and_per_client(endpoint: Endpoint) -> None:
    endpoint.door.requests = Attempts(burst=2, per_minute=60)
    assert await endpoint.ask()
    assert await endpoint.ask()
    with pytest.raises(OAuthError) as caught:
        await endpoint.ask(peer="10.0.0.9")
    assert caught.value.status == 429
    endpoint.door.peers = Attempts(burst=1, per_minute=60)
    with pytest.raises(OAuthError):
        await endpoint.ask(("nobody", b"x"))
    with pytest.raises(OAuthError) as caught:
        await endpoint.ask(("nobody", b"x"))
    assert caught.value.status == 429
