"""What a policy sees: the entities of a request with all their ancestors, and the context.

The words of docs/reference/policies.md are made here. Principal is the subject; client, actor and chain are context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.access import Target, TargetKind
from remit.core.authentication import Authentication
from remit.core.catalog import Catalog, Item, Server, Tool
from remit.core.grant import Grant
from remit.core.policy_types import ToolType, tool_type
from remit.core.principals import Presence, PrincipalKind

Uid = tuple[str, str]  # (entity type, id)

TOOLS: Final = "tools/call"
SESSION: Final = "session"
PRINCIPALS: Final = tuple(kind.value for kind in PrincipalKind)

# Methods that open and keep a session; one shipped base policy permits them.
SESSION_METHODS: Final = (
    "initialize", "ping", "server/discover", "logging/setLevel", "notifications/initialized", "notifications/cancelled",
    "notifications/progress", "notifications/roots/list_changed", "notifications/message",
    "session/stream", "session/answer",  # ours: the legacy standing stream, and the answer to a question a server asked
)  # fmt: skip
# Every other MCP method is an action of its own name, on these kinds of resource.
METHODS: Final[Mapping[str, tuple[TargetKind, ...]]] = {
    "resources/read": (TargetKind.RESOURCE,),
    "resources/subscribe": (TargetKind.RESOURCE,),
    "resources/unsubscribe": (TargetKind.RESOURCE,),
    "resources/list": (TargetKind.SERVER, TargetKind.RESOURCE),
    "resources/templates/list": (TargetKind.SERVER, TargetKind.TEMPLATE),
    "prompts/get": (TargetKind.PROMPT,),
    "prompts/list": (TargetKind.SERVER, TargetKind.PROMPT),
    "tools/list": (TargetKind.SERVER,),
    "completion/complete": (TargetKind.PROMPT, TargetKind.TEMPLATE),
    "subscriptions/listen": (TargetKind.SERVER,),
    "tasks/get": (TargetKind.TASK,),
    "tasks/list": (TargetKind.TASK,),
    "tasks/update": (TargetKind.TASK,),
    "tasks/cancel": (TargetKind.TASK,),
    "tasks/result": (TargetKind.TASK,),
}


def groups_of(action: str, *, tool: bool) -> tuple[str, ...]:
    """The action groups an action is in."""
    if tool:
        return (TOOLS,)
    return (SESSION,) if action in SESSION_METHODS else ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What one tenant's policies can speak about: its tools with the types of their arguments, and `named`, the ids
    that exist now by entity type, for the types whose ids are all known."""

    tenant: str
    tools: Mapping[str, Tool]
    types: Mapping[str, ToolType]
    named: Mapping[str, frozenset[str]]

    def knows(self, action: str, item: Item | None) -> bool:
        """Whether a request's action is one the policies were checked against, in this very definition."""
        if isinstance(item, Tool):
            tool = self.tools.get(action)
            return tool is not None and tool.digest == item.digest
        return action in METHODS or action in SESSION_METHODS


def tenant_tools(catalog: Catalog, tenant: str) -> dict[str, Tool]:
    """The trusted tools of a tenant's servers, by the name policies give them.

    A tool whose name is an MCP method's (server `resources`, tool `read`) is left out, and so denied: a policy about
    the method would permit the tool.
    """
    named = {
        tool.action: tool for server in catalog.servers.values() if tenant in server.tenants for tool in server.tools()
    }
    return {name: tool for name, tool in named.items() if name not in METHODS and name not in SESSION_METHODS}


def vocabulary(catalog: Catalog, tenant: str, known: Mapping[str, ToolType]) -> Vocabulary:
    """The words of one tenant. `known` are types by definition digest, so that an unchanged tool is mapped once."""
    tools = tenant_tools(catalog, tenant)
    servers = [server for server in catalog.servers.values() if tenant in server.tenants]
    return Vocabulary(
        tenant,
        tools,
        {name: known.get(tool.digest) or tool_type(tool.input_schema) for name, tool in tools.items()},
        {
            "Tool": frozenset(tools),
            "Server": frozenset(server.name for server in servers),
            "Environment": frozenset(server.environment for server in servers),
        },
    )


def _uid(uid: Uid) -> dict[str, str]:
    return {"type": uid[0], "id": uid[1]}


def _reference(type_: str, id_: str) -> dict[str, Any]:
    return {"__entity": {"type": type_, "id": id_}}


def _entity(uid: Uid, parents: tuple[Uid, ...] = (), attributes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"uid": _uid(uid), "attrs": dict(attributes or {}), "parents": [_uid(parent) for parent in parents]}


def principal_uid(grant: Grant) -> Uid:
    return grant.subject.kind.value, grant.subject.id


def resource_uid(server: Server, target: Target) -> Uid:
    return target.kind.value, server.name if target.kind is TargetKind.SERVER else f"{server.name}/{target.name}"


@dataclass(frozen=True, slots=True)
class Closure:
    """The entities of one request, and for principal and resource every ancestor, themselves included."""

    principal: Uid
    action: Uid
    resource: Uid
    principal_in: frozenset[Uid]
    action_in: frozenset[Uid]
    resource_in: frozenset[Uid]
    entities: tuple[dict[str, Any], ...]


def closure(grant: Grant, action: str, server: Server, target: Target, item: Item | None) -> Closure:
    """Every entity a decision about this request can need. Leaving out a parent would silently disarm a
    `forbid … resource in …`, so the ancestors are always built whole, from the grant and the catalog alone."""
    principal, roles, tenant = (
        principal_uid(grant),
        tuple(("Role", role) for role in sorted(grant.roles)),
        ("Tenant", grant.tenant),
    )
    resource, server_uid = resource_uid(server, target), ("Server", server.name)
    tenants = tuple(("Tenant", name) for name in sorted(server.tenants))
    above = ((("Environment", server.environment),) if server.environment else ()) + tenants
    act, acts = ("Action", action), tuple(("Action", group) for group in groups_of(action, tool=isinstance(item, Tool)))
    entities = [
        _entity(principal, (*roles, tenant), {
            "subject": grant.subject.subject, "issuer": grant.subject.issuer,
            "tenant": _reference(*tenant), "roles": [_reference(*role) for role in roles],
            "environment": _reference("Environment", grant.environment), "grant": _reference("Grant", grant.id),
        }),
        _entity(server_uid, above, {"name": server.name, "owner": server.owner, "stateful": server.stateful}),
        _entity(act, acts),
        _entity(("Grant", grant.id), (tenant,), {
            "origin": grant.origin.how, "by": grant.origin.by, "assurance": grant.origin.assurance,
            "high_risk": grant.high_risk,
        }),
        *(_entity(uid) for uid in dict.fromkeys((*roles, tenant, *above, *acts, ("Environment", grant.environment)))),
    ]  # fmt: skip
    if target.kind is not TargetKind.SERVER:
        entities.append(_entity(resource, (server_uid,), _attributes(server, target, item)))
    return Closure(
        principal, act, resource,
        principal_in=frozenset({principal, *roles, tenant}),
        action_in=frozenset({act, *acts}),
        resource_in=frozenset({resource, server_uid, *above}),
        entities=tuple(entities),
    )  # fmt: skip


def _attributes(server: Server, target: Target, item: Item | None) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "server": _reference("Server", server.name),
        "owner": server.owner,
        "name": target.name,
    }
    if isinstance(item, Tool):
        attributes["high_risk"] = item.high_risk
    return attributes


def grant_context(grant: Grant) -> dict[str, Any]:
    """The part of the context that is the same for every call of a grant, but for the moment of the sign-in."""
    context: dict[str, Any] = {
        "client": {"id": grant.client_id, "attestation": grant.attestation.value},
        "chain": list(grant.actors),
        "tenant": _reference("Tenant", grant.tenant),
        "roles": [_reference("Role", role) for role in sorted(grant.roles)],
        "purpose": {"text": grant.purpose.text, "class": grant.purpose.klass},
        "environment": _reference("Environment", grant.environment),
        "interactive": grant.presence is Presence.INTERACTIVE,
        "grant": _reference("Grant", grant.id),
    }
    if grant.actors:
        context["actor"] = grant.actors[0]
    if grant.authentication.methods:
        context["authentication"] = _authentication(grant.authentication)
    return context


def _authentication(found: Authentication) -> dict[str, Any]:
    return {"acr": found.acr.value, "level": found.acr.level, "amr": list(found.methods)}


# The context's attributes that differ between two calls of one grant. `era` is in the key of the decision cache.
PER_CALL: Final = frozenset({"args", "time"})
