"""The MCP endpoint with fakes behind every port: two servers of one tenant, one of another, a grant and its token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from remit.core.catalog import LISTING, Catalog, Enforce, Era, Item, ItemKind, Server, Tool, bare_names, digest_of
from remit.core.grant import Grant, LiveGrant, Origin, Purpose, Unmetered
from remit.core.grantbook import GrantBook
from remit.core.principals import Attestation, Claims, Presence, Principal, PrincipalKind
from remit.core.scope import Scope, WholeServer
from remit.flows.tool_call import ToolCall
from remit.ports.sealer import Sealer
from remit.surfaces.mcp.endpoint import McpEndpoint
from remit.surfaces.mcp.exchange import HttpRequest
from remit.surfaces.mcp.walks import EndpointSettings
from remit.testing.authenticator import FakeAuthenticator
from remit.testing.calls import FakeCalls
from remit.testing.changes import FakeChanges
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.credentials import FakeCredentials
from remit.testing.ledger import FakeLedger
from remit.testing.policy import FakePolicy
from remit.testing.sealer import FakeSealer
from remit.testing.tokens import FakeTokenSigner
from remit.testing.upstream import FakeUpstreams, replies
from tests.scenes.responder import FakeResponder

URL = "http://127.0.0.1:8700"
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
TYPES = {b"content-type": b"application/json", b"accept": b"application/json, text/event-stream"}
CAPABILITIES = {"tools": {"listChanged": True}, "resources": {}, "prompts": {}, "completions": {}, "logging": {}}
DISCOVERY: dict[Era, dict[str, Any]] = {
    Era.MODERN: {
        "supportedVersions": [MODERN],
        "capabilities": CAPABILITIES,
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "public",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "upstream", "version": "1"}},
    },
    Era.LEGACY: {
        "protocolVersion": LEGACY,
        "capabilities": CAPABILITIES,
        "serverInfo": {"name": "upstream", "version": "1"},
    },
}


def item(server: str, kind: ItemKind, name: str, **more: Any) -> Item:
    definition = {LISTING[kind][2]: name, "description": f"{name} of {server}"} | more
    text = orjson.dumps(definition)
    if kind is not ItemKind.TOOL:
        return Item(kind, server, name, text, digest_of(definition))
    return Tool(kind, server, name, text, digest_of(definition), validate=lambda arguments: None)


def server(name: str, *items: Item, eras: frozenset[Era] = frozenset(Era), tenant: str = "acme") -> Server:
    return Server(
        name=name,
        tenants=frozenset({tenant}),
        environment="dev",
        owner="owner",
        mode=Enforce(),
        credential="none",
        stateful=False,
        eras=eras,
        items={(found.kind, found.name): found for found in items},
        withheld={},
        discovery=DISCOVERY,
        versions={Era.MODERN: (MODERN,), Era.LEGACY: ("2025-06-18", LEGACY)},
    )


def catalog(*servers: Server, epoch: int = 1) -> Catalog:
    found = {one.name: one for one in servers}
    return Catalog(epoch, found, bare_names(found))


FILES = server(
    "files",
    item("files", ItemKind.TOOL, "read_file", inputSchema={"type": "object", "$defs": {"x": {"$anchor": "x"}}}),
    item("files", ItemKind.TOOL, "delete_file", inputSchema={"type": "object"}),
    item("files", ItemKind.TOOL, "search", inputSchema={"type": "object"}),
    item("files", ItemKind.RESOURCE, "file:///readme"),
    item("files", ItemKind.TEMPLATE, "file:///{path}"),
    item("files", ItemKind.PROMPT, "summarise"),
)
GIT = server("git", item("git", ItemKind.TOOL, "git_log"), item("git", ItemKind.TOOL, "search"))
PAYROLL = server("payroll", item("payroll", ItemKind.TOOL, "pay"), tenant="globex")
PERMITTED = (
    "files/read_file",
    "files/search",
    "git/git_log",
    "git/search",
    "resources/read",
    "resources/templates/list",
    "resources/subscribe",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
    "initialize",
    "server/discover",
    "logging/setLevel",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "session/stream",
    "session/answer",
)


@dataclass
class McpScene:
    """`post` and its kin drive the endpoint as an HTTP server would; `token` is an engineer's, for `/mcp` and every
    server.
    """

    settings: EndpointSettings = field(default_factory=lambda: EndpointSettings(URL))
    catalog: Catalog = field(default_factory=lambda: catalog(FILES, GIT, PAYROLL))
    sealer: Sealer = field(default_factory=FakeSealer)

    def __post_init__(self) -> None:
        self.clock, self.entropy, self.ledger = FakeClock(), FakeEntropy(), FakeLedger()
        self.policy, self.upstreams, self.calls = FakePolicy(*PERMITTED), FakeUpstreams(), FakeCalls()
        self.changes, self.signer = FakeChanges(), FakeTokenSigner()
        self.credentials, self.grants = FakeCredentials(), GrantBook()
        self.walk = ToolCall(
            authenticator=FakeAuthenticator(self.signer, self.clock, issuer=URL),
            grants=self.grants,
            catalog=lambda: self.catalog,
            policy=self.policy,
            ledger=self.ledger,
            credentials=self.credentials,
            reaper=self.credentials,
            upstreams=self.upstreams,
            calls=self.calls,
            clock=self.clock,
            entropy=self.entropy,
            call_s_max=300.0,
            canonical=canonical,
        )
        self.endpoint = McpEndpoint(self.walk, self.sealer, self.changes, self.settings)

    def token(
        self,
        server: str = "",
        *,
        subject: str = "engineer",
        scopes: frozenset[Scope] | None = None,
        client: str = "demo",
        grant: str = "",
    ) -> bytes:
        """A grant for one endpoint and the token that points to it."""
        resource = f"{URL}/mcp/{server}" if server else f"{URL}/mcp"
        grant_id = grant or f"grant-{len(self.grants)}"
        given = Grant(
            id=grant_id,
            tenant="acme",
            environment="dev",
            subject=Principal(PrincipalKind.HUMAN, subject),
            roles=frozenset({"engineer"}),
            client_id=client,
            attestation=Attestation.REGISTERED,
            actors=(),
            presence=Presence.INTERACTIVE,
            purpose=Purpose("test"),
            resource=resource,
            scopes=scopes or frozenset({WholeServer("files"), WholeServer("git")}),
            constraints=frozenset(),
            budget=Unmetered(),
            idle_s_max=3600.0,
            created_at_s=self.clock.now_s(),
            expires_at_s=self.clock.now_s() + 3600,
            origin=Origin("administration", "admin"),
        )
        live = LiveGrant(given, now_s=self.clock.now_s(), monotonic_s=self.clock.monotonic_s())
        self.grants.add(live)
        now_s = int(self.clock.now_s())
        claims = Claims(URL, subject, client, grant_id, "acme", resource, f"jti-{grant_id}", now_s, now_s, now_s + 3600)
        return b"Bearer " + self.signer.mint(claims).expose()

    # driving ------------------------------------------------------------------------------------------------------
    async def send(
        self, path: str, body: bytes, headers: Mapping[bytes, bytes | None], verb: bytes = b"POST"
    ) -> FakeResponder:
        responder = FakeResponder()
        await self.endpoint(self.http(path, body, headers, verb), responder)
        return responder

    def http(self, path: str, body: bytes, headers: Mapping[bytes, bytes | None], verb: bytes = b"POST") -> HttpRequest:
        """A header whose value is None is left out, also when it is one that is always sent."""
        merged: dict[bytes, bytes | None] = {b"host": b"127.0.0.1:8700", **TYPES, **headers}
        pairs = [(key, value) for key, value in merged.items() if value is not None]
        return HttpRequest(verb, path.encode(), b"", pairs, body, "127.0.0.1")

    async def modern(
        self, path: str, token: bytes, method: str, params: Mapping[str, Any] | None = None, **changes: Any
    ) -> FakeResponder:
        """A correct request of 2026-07-28, except for what `changes` replaces: `headers`, `meta`, `id`."""
        return await self.send(path, *modern_request(token, method, params, **changes))

    async def legacy(
        self,
        path: str,
        token: bytes,
        session: bytes | None,
        method: str,
        params: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> FakeResponder:
        return await self.send(path, *legacy_request(token, session, method, params, **changes))

    async def open_session(self, path: str, token: bytes, version: str = LEGACY) -> bytes:
        """Initialize and return the handle."""
        said = {
            "protocolVersion": version,
            "capabilities": {"sampling": {}},
            "clientInfo": {"name": "test", "version": "1"},
        }
        opened = await self.legacy(path, token, None, "initialize", said)
        assert opened.status == 200, opened.body
        return opened.headers[b"mcp-session-id"]

    @asynccontextmanager
    async def running(self, request: HttpRequest) -> AsyncIterator[tuple[FakeResponder, asyncio.Task[None]]]:
        """An exchange that is still going on; leaving disconnects the client."""
        responder = FakeResponder()
        task = asyncio.create_task(self.endpoint(request, responder))
        try:
            yield responder, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def change_catalog(self, *servers: Server) -> None:
        self.catalog = catalog(*servers, epoch=self.catalog.epoch + 1)
        await self.changes.announce()


def modern_request(
    token: bytes,
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[bytes, bytes | None] | None = None,
    meta: Mapping[str, Any] | None = None,
    id: Any = 1,
) -> tuple[bytes, dict[bytes, bytes | None]]:
    envelope = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    body = {
        "jsonrpc": "2.0",
        "id": id,
        "method": method,
        "params": {**(params or {}), "_meta": envelope if meta is None else meta},
    }
    named = (params or {}).get("uri" if method == "resources/read" else "name")
    mirrored: dict[bytes, bytes | None] = {
        b"authorization": token,
        b"mcp-protocol-version": MODERN.encode(),
        b"mcp-method": method.encode(),
    }
    if isinstance(named, str) and method in ("tools/call", "prompts/get", "resources/read"):
        mirrored[b"mcp-name"] = named.encode()
    return orjson.dumps(body), mirrored | dict(headers or {})


def legacy_request(
    token: bytes,
    session: bytes | None,
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[bytes, bytes | None] | None = None,
    id: Any = 1,
) -> tuple[bytes, dict[bytes, bytes | None]]:
    """`id` None makes it a notification."""
    body: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        body["id"] = id
    if params is not None:
        body["params"] = params
    mirrored: dict[bytes, bytes | None] = {b"authorization": token}
    if session is not None:
        mirrored |= {b"mcp-session-id": session, b"mcp-protocol-version": LEGACY.encode()}
    return orjson.dumps(body), mirrored | dict(headers or {})


def canonical(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def with_items(one: Server, *items: Item) -> Server:
    return replace(one, items={(found.kind, found.name): found for found in items})


def greet(scene: McpScene, server: str = "files", **result: Any) -> None:
    """The server answers initialize and opens a session of its own."""
    value = orjson.dumps(DISCOVERY[Era.LEGACY] | result)
    scene.upstreams.answers[server, "initialize"] = replies(value, session="upstream-session")


async def opened(scene: McpScene, server: str = "files") -> tuple[bytes, bytes]:
    greet(scene, server)
    token = scene.token(server)
    return token, await scene.open_session(f"/mcp/{server}", token)
