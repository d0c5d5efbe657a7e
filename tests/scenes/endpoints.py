"""What clients reach by themselves, on fakes, and two clients: one proves nothing, one has a secret.

Each test names only what it is about.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from remit.core.clients import Client, ClientAuthentication, ClientBook
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.client_authentication import AuthenticateClient, ClientRequest
from remit.flows.introspect import Introspect
from remit.flows.pending import Choice
from remit.flows.push_request import PushRequest
from remit.flows.redeem import Redeemed
from remit.flows.token import IssueToken, TokenAnswer
from remit.testing.authenticator import FakeAuthenticator
from tests.scenes.authority import RESOURCE, SECRET, Scene, scopes

CALLBACK = "http://127.0.0.1:50123/cb"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BROWSER = Secret(b"b" * 64)
PEER, ELSEWHERE = "192.0.2.1", "192.0.2.66"
DESKTOP = Client(
    "desktop", frozenset({"acme"}), ClientAuthentication.NONE, redirects=frozenset({"http://127.0.0.1/cb"})
)
WEB = Client(
    "web", frozenset({"acme"}), ClientAuthentication.CLIENT_SECRET_BASIC, secret=Secret(SECRET),
    redirects=frozenset({"https://web.example/cb"}),
)  # fmt: skip
ASKED = {
    "response_type": "code",
    "client_id": "desktop",
    "redirect_uri": CALLBACK,
    "resource": RESOURCE,
    "state": "s",
    "scope": "git files",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class NoAssertions:
    """For tests in which no client has a key."""

    def unverified_client(self, assertion: Secret) -> str:
        raise AssertionError("no client has a key here")

    def verify(self, assertion: Secret, client_id: str, keys: Mapping[str, Any]) -> None:
        raise AssertionError("no client has a key here")


def form(*, basic: str = "", peer: str = PEER, **parameters: str) -> ClientRequest:
    """A client's request; with `basic` that client proves itself by its secret. An empty value is one that is left out.

    Where a parameter is named like an argument, it is none.
    """
    sent = {name: value for name, value in parameters.items() if value}
    return ClientRequest(sent, (basic, Secret(SECRET)) if basic else None, peer)


@dataclass
class Endpoints(Scene):
    """The scene of authority with the doors in front of it."""

    session: BrowserSession = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        now_s = self.clock.now_s()
        self.session = BrowserSession("engineer", "acme", now_s, now_s + 40_000, ("pwd",))
        self.register(DESKTOP, WEB)
        self.door = AuthenticateClient(self.create, NoAssertions(), self.ledger, self.clock, self.entropy)
        self.build()

    def build(self) -> None:
        """The flows, knowing nothing yet."""
        self.device = AuthorizeDevice(self.door, self.authorize, self.redeem)
        self.issue = IssueToken(self.create, self.redeem, self.door, self.device, self.clock)
        self.push = PushRequest(self.door, self.store)
        self.authenticator = FakeAuthenticator(self.tokens, self.clock)
        self.introspect = Introspect(self.door, self.authenticator, self.grants, self.tokens)

    def register(self, *clients: Client) -> None:
        """Beside those there are, or in their place."""
        registry = self.create.registry
        named = {client.id: client for client in clients}
        self.create.registry = replace(registry, clients=ClientBook({**registry.clients, **named}))

    def withdraw(self, name: str) -> None:
        registry = self.create.registry
        left = {id: client for id, client in registry.clients.items() if id != name}
        self.create.registry = replace(registry, clients=ClientBook(left))

    async def restarted(self) -> Endpoints:
        """The same disk and ledger, and nothing else that was known."""
        after = Endpoints(clock=self.clock, entropy=self.entropy, store=self.store, tokens=self.tokens)
        after.ledger, after.sealer = self.ledger, self.sealer
        load, after.grants = self.loading()
        await load.load()
        for flow in (after.create, after.ending, after.authorize, after.redeem, after.door, after.devices):
            for name in ("ledger", "grants", "sealer"):
                if hasattr(flow, name):
                    setattr(flow, name, getattr(after, name))
        after.create.registry = self.create.registry
        await after.authorize.load()
        await after.redeem.load()
        await after.push.load()
        return after

    # a person's login -------------------------------------------------------------------------------------------
    async def code(self, parameters: Mapping[str, str] = ASKED, *, pushed: bool = False, **choice: Any) -> str:
        pending = self.authorize.opened(self.authorize.begin(parameters, BROWSER, pushed=pushed), BROWSER)
        yes = replace(Choice(scopes("git"), "dev", "look around", "", 3600.0), **choice)
        url = await self.authorize.agree(pending, self.session, yes)
        return parse_qs(urlsplit(url).query)["code"][0]

    async def exchanged(self, code: str, client: Client = DESKTOP, **changes: str) -> Redeemed:
        return await self.redeem.code(client, {"code": code, "code_verifier": VERIFIER} | changes)

    async def granted_to_person(self, **choice: Any) -> Redeemed:
        return await self.exchanged(await self.code(**choice))

    async def ask(self, **parameters: Any) -> TokenAnswer:
        """At the token endpoint."""
        return await self.issue.issue(form(**parameters))
