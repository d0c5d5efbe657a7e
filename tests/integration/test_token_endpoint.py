"""The official SDK's machine-to-machine clients discover us, get a token and use it: real keys and a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from starlette.types import ASGIApp, Receive, Scope, Send

from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.adapters.authenticator.client_assertions import JwtAssertions
from remit.adapters.clock.system import SystemClock, SystemEntropy
from remit.adapters.signer.file import FileKeys
from remit.adapters.store.sqlite import SqliteStore
from remit.core.catalog import Catalog
from remit.core.clients import Client, ClientAuthentication, ClientBook, ClientTerms
from remit.core.errors import Refusal
from remit.core.grant import Calls, bind
from remit.core.grantbook import GrantBook
from remit.core.secret import Secret
from remit.flows.authorize import Authorize
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.client_authentication import AuthenticateClient
from remit.flows.codes import Codes
from remit.flows.consents import Consents
from remit.flows.create_grant import CreateGrant
from remit.flows.device_requests import DeviceRequests
from remit.flows.end_grant import EndGrant
from remit.flows.introspect import Introspect
from remit.flows.push_request import PushRequest
from remit.flows.redeem import Redeem
from remit.flows.registry import Registry
from remit.flows.self_described import SelfDescribed
from remit.flows.token import IssueToken
from remit.surfaces.oauth.app import Flows, oauth_app
from remit.testing.calls import FakeCalls
from remit.testing.dialler import FakeFetcher
from remit.testing.ledger import FakeLedger
from remit.testing.sealer import FakeSealer
from tests.scenes.authority import ISSUER, PURPOSES, SERVERS, scopes
from tests.scenes.token import ec_jwk

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
TERMS = ClientTerms("nightly", "dev", scopes("git", "files:read_file"), 3600.0, Calls(100))
CLIENTS = {
    "ci": Client(
        "ci", frozenset({"acme"}), ClientAuthentication.PRIVATE_KEY_JWT, keys={"keys": [ec_jwk(KEY)]}, terms=TERMS
    ),
    "cron": Client(
        "cron", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, secret=Secret(b"p+ss %:w"), terms=TERMS
    ),
}


@dataclass
class Deployment:
    """The authorization server and a resource behind it that answers with who asked."""

    app: ASGIApp
    authenticator: TokenAuthenticator
    grants: GrantBook
    clock: SystemClock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/mcp"):
            await self.app(scope, receive, send)
            return
        status, headers, body = self.answer(scope)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self, scope: Scope) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        path = scope["path"]
        presented = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            authenticated = self.authenticator.authenticate(Secret(presented[0]) if presented else None, ISSUER + path)
            live = self.grants.find(authenticated.claims.grant_id)
            bound = bind(authenticated, live, monotonic_s=self.clock.monotonic_s())
        except Refusal as refusal:
            metadata = f"{ISSUER}/.well-known/oauth-protected-resource{path}"
            challenge = (b"www-authenticate", f'Bearer resource_metadata="{metadata}"'.encode())
            return refusal.meaning.http_status, [challenge], b""
        return 200, [], f"{bound.grant.subject.id} {' '.join(sorted(map(str, bound.grant.scopes)))}".encode()


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    clock, entropy, grants = SystemClock(), SystemEntropy(), GrantBook()
    keys = FileKeys(tmp_path / "keys", clock=clock)
    store = await SqliteStore.open(tmp_path / "store.sqlite3", keys.store)
    registry = Registry(ISSUER, {}, ClientBook(CLIENTS), PURPOSES, frozenset({"dev"}))
    ledger = FakeLedger(clock)
    create = CreateGrant(registry, lambda: Catalog(1, SERVERS, {}), grants, store, ledger, keys.tokens, clock, entropy)
    assertions = JwtAssertions(clock, audiences=frozenset({ISSUER, f"{ISSUER}/token"}))
    sealer = FakeSealer()
    described = SelfDescribed(registry.clients, {}, FakeFetcher(), store, ledger, clock, entropy)
    devices = DeviceRequests(store, sealer, clock, entropy)
    consents, codes = Consents(store, ledger, clock, entropy), Codes(store, clock)
    authorize = Authorize(create, sealer, clock, entropy, described, devices, consents, codes)
    ending = EndGrant(grants, store, ledger, FakeCalls(), lambda _: 0, clock, entropy)
    redeem = Redeem(create, authorize, ending, sealer)
    authenticate = AuthenticateClient(create, assertions, ledger, clock, entropy)
    device, push = AuthorizeDevice(authenticate, authorize, redeem), PushRequest(authenticate, store)
    flow = IssueToken(create, redeem, authenticate, device, clock)
    authenticator = TokenAuthenticator(keys.tokens, grants, clock, issuer=ISSUER)
    introspect = Introspect(authenticate, authenticator, grants, keys.tokens)

    async def nobody() -> None:
        """Registration is not what this is about."""

    flows = Flows(flow.issue, flow.revoke, push.push, device.begin, introspect.introspect, nobody)
    app = oauth_app(issuer=ISSUER, flows=flows, public_keys=keys.tokens.public_keys)
    yield Deployment(app, authenticator, grants, clock)
    await store.close()


class Memory:
    """The SDK's token storage."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("a registered client does not register")


def by_key(url: str, key: str = PEM) -> Any:
    signer = SignedJWTParameters(issuer="ci", subject="ci", signing_key=key, signing_algorithm="ES256")
    return PrivateKeyJWTOAuthProvider(url, Memory(), "ci", signer.create_assertion_provider(), issuer=ISSUER)


def by_secret(url: str, secret: str = "p+ss %:w") -> Any:
    return ClientCredentialsOAuthProvider(url, Memory(), "cron", secret, issuer=ISSUER)


async def fetched(deployment: Deployment, url: str, auth: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=deployment), auth=auth) as client:
        return await client.post(url, json={})


@pytest.mark.parametrize(
    ("path", "granted"), [("/mcp", "files:read_file git"), ("/mcp/git", "git"), ("/mcp/files", "files:read_file")]
)
@pytest.mark.parametrize(("method", "who"), [(by_key, "ci"), (by_secret, "cron")])
async def test_a_registered_client_of_the_sdk_is_let_in(
    deployment: Deployment, method: Any, who: str, path: str, granted: str
) -> None:
    answer = await fetched(deployment, f"{ISSUER}{path}", method(f"{ISSUER}{path}"))
    assert (answer.status_code, answer.text) == (200, f"{who} {granted}")


async def test_a_client_with_another_key_or_secret_is_not(deployment: Deployment) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for auth in (by_key(f"{ISSUER}/mcp", other.decode()), by_secret(f"{ISSUER}/mcp", "wrong")):
        with pytest.raises(Exception, match="invalid_client"):
            await fetched(deployment, f"{ISSUER}/mcp", auth)
    assert len(deployment.grants) == 0


async def test_a_server_of_another_tenant_gives_the_client_nothing(deployment: Deployment) -> None:
    with pytest.raises(Exception, match="invalid_target"):
        await fetched(deployment, f"{ISSUER}/mcp/prod-db", by_key(f"{ISSUER}/mcp/prod-db"))
