"""Requests past every stage before dispatch, ready to be sent to a server, and sinks that keep what came back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from remit.adapters.clock.system import SystemClock
from remit.adapters.dialler.checked import CheckedDialler
from remit.adapters.launcher.local import LocalLauncher
from remit.adapters.upstream.registry import RegisteredUpstreams
from remit.adapters.upstream.world import UpstreamLimits, World
from remit.core.access import (
    AccessRequest,
    Effect,
    PolicyRef,
    Target,
    TargetKind,
    Verdict,
    conclude,
    require_consent,
    resolve,
)
from remit.core.catalog import Enforce, Era, Item, ItemKind, Server, Tool
from remit.core.grant import LiveGrant, bind
from remit.core.lease import Credential, Lease, Leased, conclude_leased
from remit.core.ledger import Position, conclude_recorded
from remit.core.principals import Claims, conclude_authenticated
from remit.core.registration import Http, ServerConfig, Stdio, Transport
from remit.core.request import Endpoint, McpRequest, Session
from remit.core.scope import WholeServer
from remit.ports.upstream import Message, Reply
from tests.peers.raw_server import Handler, RawServer, raw_server
from tests.scenes.grant import RESOURCE, a_grant

NO_LEASE = Lease("lease_1", "none", "none", Credential())
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
PARAMS = {"name": "echo", "arguments": {"text": "hello"}}
CLIENT = {"protocolVersion": LEGACY, "capabilities": {"sampling": {}}, "clientInfo": {"name": "probe", "version": "1"}}


def a_session(nonce: str = "n1", upstream: str = "") -> Session:
    return Session(nonce, LEGACY, CLIENT, upstream)


def a_request(
    method: str = "tools/call",
    params: Mapping[str, Any] | None = None,
    *,
    era: Era = Era.MODERN,
    id: bytes = b"7",
    session: Session | None = None,
    direct: bool = True,
    parameters: Mapping[str, str] | None = None,
) -> McpRequest:
    version = MODERN if era is Era.MODERN else LEGACY
    if era is Era.LEGACY and session is None:
        session = a_session()
    endpoint = Endpoint("peer" if direct else "", RESOURCE)
    return McpRequest(id, method, params or {}, era, version, endpoint, session, {}, parameters or {})


def a_leased(
    request: McpRequest,
    *,
    grant: str = "grant_1",
    lease: Lease = NO_LEASE,
    tool: Tool | None = None,
    name: str = "peer",
) -> Leased:
    """The proof a dispatch needs, for a server called `peer` that everybody may use."""
    items: Mapping[tuple[ItemKind, str], Item] = {} if tool is None else {(ItemKind.TOOL, tool.name): tool}
    eras = frozenset({Era.MODERN, Era.LEGACY})
    server = Server(
        name, frozenset({"acme"}), "dev", "platform", Enforce(), "none", False, eras, items, {}, {}, {}
    )  # fmt: skip
    live = LiveGrant(a_grant(id=grant, scopes=frozenset({WholeServer(name)})), now_s=1000.0, monotonic_s=0.0)
    given = live.grant
    who = (given.subject.id, given.client_id, given.id, given.tenant)
    claims = Claims("iss", *who, RESOURCE, "jti", 1000, 1000, 1900, given.actors)
    authenticated = conclude_authenticated(claims, issuer="iss", resource=RESOURCE, now_s=1001.0, leeway_s=0)
    consented = require_consent(bind(authenticated, live, monotonic_s=1.0))
    target = Target(TargetKind.SERVER) if tool is None else Target(TargetKind.TOOL, tool.name)
    resolved = resolve(consented, request, server, target, tool)
    access = AccessRequest(resolved, request.method, request.params.get("arguments") or {}, 1001.0)
    permitted = conclude(access, Verdict(Effect.PERMIT, (PolicyRef("p", "p.cedar", 1),), "v1"))
    return conclude_leased(conclude_recorded(permitted, "dec_1", Position(0, 1)), lease)


class KeptSink:
    """Keeps a request's interim messages in order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def interim(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def data(self) -> list[bytes]:
        return [message.data for message in self.messages]


def a_config(transport: Transport, **changes: Any) -> ServerConfig:
    given: dict[str, Any] = {"name": "peer", "tenants": frozenset({"acme"}), "environment": "dev", "owner": "platform"}
    return ServerConfig(transport=transport, **(given | changes))


def http(port: int, **changes: Any) -> ServerConfig:
    return a_config(Http(f"http://127.0.0.1:{port}/mcp"), **changes)


def stdio(*command: str, environment: Mapping[str, str] | None = None, **changes: Any) -> ServerConfig:
    return a_config(Stdio(command, environment or {}), **changes)


@asynccontextmanager
async def upstreams(config: ServerConfig, limits: UpstreamLimits | None = None) -> AsyncIterator[RegisteredUpstreams]:
    """The real adapters in front of one server."""
    world = World(CheckedDialler(), LocalLauncher("/usr/bin:/bin"), SystemClock(), limits or UpstreamLimits())
    registered = RegisteredUpstreams([config], world, lambda _: NO_LEASE)
    registered.start()
    try:
        yield registered
    finally:
        await registered.stop()


@asynccontextmanager
async def facing(
    handle: Handler, limits: UpstreamLimits | None = None
) -> AsyncIterator[tuple[RegisteredUpstreams, RawServer]]:
    async with raw_server(handle) as server, upstreams(http(server.port), limits) as remit:
        yield remit, server


async def call(remit: RegisteredUpstreams, sink: KeptSink | None = None) -> Reply:
    """One modern tools/call with `PARAMS`."""
    request = a_request(params=PARAMS)
    return await asyncio.wait_for(remit.exchange(a_leased(request), PARAMS, sink or KeptSink()), 5)
