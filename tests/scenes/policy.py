"""A small world to decide about: two servers, their tools, grants, and access requests past the stages before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remit.adapters.policy.engine import CedarEngine
from remit.core.access import AccessRequest, Target, TargetKind, UnknownArguments, require_consent, resolve
from remit.core.catalog import Catalog, Enforce, Era, Item, ItemKind, Server, Tool, bare_names
from remit.core.grant import LiveGrant, bind
from remit.core.principals import Claims, conclude_authenticated
from remit.core.request import Endpoint, McpRequest
from remit.core.scope import WholeServer
from tests.scenes.grant import RESOURCE, a_grant

NOW_S = 1_795_000_000.0  # 2026-11-18
UNKNOWN = UnknownArguments()
PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


def a_tool(server: str, name: str, schema: Mapping[str, Any] = PATH, **changes: Any) -> Tool:
    digest = f"{server}/{name}:{hash(repr(schema))}"
    return Tool(ItemKind.TOOL, server, name, b"{}", digest, input_schema=schema, validate=lambda _: None, **changes)


def a_server(name: str, *items: Item, **changes: Any) -> Server:
    given: dict[str, Any] = {
        "name": name,
        "tenants": frozenset({"acme"}),
        "environment": "dev",
        "owner": "platform",
        "mode": Enforce(),
        "credential": "none",
        "stateful": False,
        "eras": frozenset({Era.MODERN}),
        "items": {(item.kind, item.name): item for item in items},
        "withheld": {},
        "discovery": {},
        "versions": {},
    }
    return Server(**(given | changes))


def a_catalog(*servers: Server, epoch: int = 1) -> Catalog:
    by_name = {server.name: server for server in servers}
    return Catalog(epoch, by_name, bare_names(by_name))


FILES = a_server(
    "files", a_tool("files", "read_file"), a_tool("files", "write_file"), a_tool("files", "wipe", high_risk=True)
)
GIT = a_server(
    "git",
    a_tool(
        "git",
        "git_log",
        {
            "type": "object",
            "properties": {
                "repo_path": {"type": "string"},
                "max_count": {"type": "integer"},
                "ratio": {"type": "number"},
            },
            "required": ["repo_path"],
        },
    ),
)
CATALOG = a_catalog(FILES, GIT)


def a_live(**changes: Any) -> LiveGrant:
    given = {"scopes": frozenset({WholeServer("files"), WholeServer("git")}), "high_risk": True} | changes
    return LiveGrant(a_grant(**given), now_s=1000.0, monotonic_s=0.0)


def ask(
    action: str,
    arguments: Mapping[str, Any] | UnknownArguments | None = None,
    *,
    live: LiveGrant | None = None,
    catalog: Catalog = CATALOG,
    target: Target | None = None,
    server: str = "files",
    now_s: float = NOW_S,
    era: Era = Era.MODERN,
) -> AccessRequest:
    """The access request for a tool (`server/tool`), or for another method about `target` of `server`."""
    live = live or a_live()
    grant = live.grant
    claims = Claims(
        "iss",
        grant.subject.id,
        grant.client_id,
        grant.id,
        grant.tenant,
        RESOURCE,
        "jti",
        1000,
        1000,
        1900,
        grant.actors,
    )
    authenticated = conclude_authenticated(claims, issuer="iss", resource=RESOURCE, now_s=1001.0, leeway_s=0)
    item: Item | None = None
    if target is None:
        server, _, name = action.partition("/")
        target, item = Target(TargetKind.TOOL, name), catalog.servers[server].items[ItemKind.TOOL, name]
    elif target.kind is TargetKind.PROMPT:
        item = catalog.servers[server].items[ItemKind.PROMPT, target.name]
    method = "tools/call" if target.kind is TargetKind.TOOL else action
    request = McpRequest(b"1", method, {}, era, "2026-07-28", Endpoint("", RESOURCE))
    consented = require_consent(bind(authenticated, live, monotonic_s=1.0))
    resolved = resolve(consented, request, catalog.servers[server], target, item)
    return AccessRequest(resolved, action, {} if arguments is None else arguments, now_s)


def write(policies_dir: Path, **files: str) -> Path:
    """`acme__git="…"` writes acme/git.cedar, `acme__shadow__git` acme/shadow/git.cedar."""
    for name, text in files.items():
        path = policies_dir / (name.replace("__", "/") + ".cedar")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return policies_dir


async def an_engine(policies_dir: Path, catalog: Catalog = CATALOG, **changes: Any) -> CedarEngine:
    """A loaded engine; `alarms` collects what it reports."""
    alarms: list[str] = changes.pop("alarms", [])
    current = changes.pop("current", lambda: catalog)
    epoch = changes.pop("grants_epoch", lambda: 0)
    engine = CedarEngine(policies_dir, current, epoch, alarms.append, **changes)
    await engine.load()
    return engine
