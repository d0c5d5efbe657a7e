"""Stage 4's first half: from a method and its params to the server and the item they name."""

from __future__ import annotations

from typing import Final

from remit.core.access import TARGET_OF, Target, TargetKind
from remit.core.catalog import Catalog, Item, ItemKind, Server
from remit.core.errors import refuse
from remit.core.grant import Grant
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.core.scope import reaches

# Method -> (kind of target, param that names it). Methods that are not here are about the server as a whole.
NAMED: dict[str, tuple[ItemKind, str]] = {
    "tools/call": (ItemKind.TOOL, "name"),
    "prompts/get": (ItemKind.PROMPT, "name"),
    "resources/read": (ItemKind.RESOURCE, "uri"),
    "resources/subscribe": (ItemKind.RESOURCE, "uri"),
    "resources/unsubscribe": (ItemKind.RESOURCE, "uri"),
}
# Names are kept with the grant and written to the ledger. The longest a server may list has half as many characters.
NAME_LENGTH_MAX: Final = 8192
Found = tuple[Server, Target, Item | None]
TASK_METHODS = frozenset({"tasks/get", "tasks/update", "tasks/cancel", "tasks/result", "tasks/list"})


def visible_servers(catalog: Catalog, grant: Grant) -> list[Server]:
    """The servers the grant's tenant, environment and scopes reach, in name order."""
    return [
        server
        for name, server in sorted(catalog.servers.items())
        if within_sight(server, grant) and reaches(grant.scopes, name)
    ]


def within_sight(server: Server, grant: Grant) -> bool:
    """Whether the grant's principal may know that the server exists."""
    return grant.tenant in server.tenants and grant.environment == server.environment


def find_target(catalog: Catalog, grant: Grant, request: McpRequest) -> Found:
    """Raises `Invalid` for params without a name and `Denied` for a name nobody (or more than one server) has."""
    kind, name = _named(request)
    if request.endpoint.server:
        server = catalog.servers.get(request.endpoint.server)
        if server is None:
            raise refuse(Reason.SERVER_UNKNOWN, f"no server {request.endpoint.server!r}")
    elif kind is None:
        raise refuse(Reason.UNKNOWN_METHOD, f"{request.method} is served at /mcp/{{server}}")
    else:
        server, name = _owner(catalog, grant, request, kind, name)
    if kind is None:
        target = TargetKind.TASK if request.method in TASK_METHODS else TargetKind.SERVER
        return server, Target(target, name), None
    return server, Target(TARGET_OF[kind], name), server.items.get((kind, name))


def _named(request: McpRequest) -> tuple[ItemKind | None, str]:
    params = request.params
    if request.method in NAMED:
        kind, key = NAMED[request.method]
        name = params.get(key)
    elif request.method == "completion/complete":
        reference = params.get("ref")
        if not isinstance(reference, dict):
            raise refuse(Reason.INVALID_PARAMS, "completion/complete needs a ref")
        prompt = reference.get("type") == "ref/prompt"
        kind, name = (ItemKind.PROMPT, reference.get("name")) if prompt else (ItemKind.TEMPLATE, reference.get("uri"))
    else:
        task = params.get("taskId", "") if request.method in TASK_METHODS else ""
        return None, task if isinstance(task, str) and len(task) <= NAME_LENGTH_MAX else ""
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"{request.method} needs a name of at most {NAME_LENGTH_MAX} characters")
    return kind, name


def _owner(catalog: Catalog, grant: Grant, request: McpRequest, kind: ItemKind, name: str) -> tuple[Server, str]:
    """On `/mcp`: the one server that has this item. A tool may be named `server.tool` where its bare name is not
    unique.
    """
    if kind is ItemKind.TOOL:
        return _tool_owner(catalog, grant, name)
    visible = visible_servers(catalog, grant)
    owners = [server for server in visible if request.era in server.eras and (kind, name) in server.items]
    if not owners and kind is ItemKind.RESOURCE:
        owners = [
            server
            for server in visible
            if request.era in server.eras and any(key is ItemKind.TEMPLATE for key, _ in server.items)
        ]
    if len(owners) != 1:
        raise refuse(Reason.NAME_AMBIGUOUS if owners else Reason.TOOL_UNKNOWN, name[:128])
    return owners[0], name


def _tool_owner(catalog: Catalog, grant: Grant, name: str) -> tuple[Server, str]:
    """Whoever owns the name, also beyond the grant: stage 4's second half refuses that, and so it is on record."""
    owners = catalog.bare_names.get(name, ())
    if len(owners) == 1:
        bare, prefix = name, owners[0]
    else:
        prefix, _, bare = name.partition(".")
        if len(catalog.bare_names.get(bare, ())) < 2:  # server.tool is served only where the bare name is taken twice
            known = any(within_sight(catalog.servers[owner], grant) for owner in owners)
            raise refuse(Reason.NAME_AMBIGUOUS if known else Reason.TOOL_UNKNOWN, name[:128])
    server = catalog.servers.get(prefix)
    if server is None:
        raise refuse(Reason.TOOL_UNKNOWN, name[:128])
    return server, bare
