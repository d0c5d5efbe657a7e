"""The Cedar schema of one tenant, generated from its tools. Policies are checked against it when they are loaded.

JSON schema format: https://docs.cedarpolicy.com/schema/json-schema.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from remit.core.access import TargetKind
from remit.core.policy_context import METHODS, PRINCIPALS, SESSION, SESSION_METHODS, TOOLS
from remit.core.policy_types import MappedType, RecordOf, Scalar, SetOf, ToolType

STRING: Final = {"type": "String"}
BOOLEAN: Final = {"type": "Boolean"}

_SCALAR: Final[dict[Scalar, dict[str, Any]]] = {
    Scalar.STRING: STRING,
    Scalar.BOOL: BOOLEAN,
    Scalar.LONG: {"type": "Long"},
    Scalar.DECIMAL: {"type": "Extension", "name": "decimal"},
}


def _record(**attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Record", "attributes": attributes}


def _set(element: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Set", "element": element}


def _of(entity: str) -> dict[str, Any]:
    return {"type": "Entity", "name": entity}


_CONTEXT: Final[dict[str, dict[str, Any]]] = {
    "client": _record(id=STRING, attestation=STRING),
    "actor": {**STRING, "required": False},
    "chain": _set(STRING),
    "tenant": _of("Tenant"),
    "roles": _set(_of("Role")),
    "purpose": _record(**{"text": STRING, "class": STRING}),
    "environment": _of("Environment"),
    "interactive": BOOLEAN,
    "time": {"type": "Extension", "name": "datetime"},
    "grant": _of("Grant"),
    "authentication": {
        **_record(acr=STRING, level={"type": "Long"}, amr=_set(STRING), at={"type": "Extension", "name": "datetime"}),
        "required": False,
    },
    "era": STRING,
}

_PRINCIPAL: Final = {
    "memberOfTypes": ["Role", "Tenant"],
    "shape": _record(
        subject=STRING,
        issuer=STRING,
        tenant=_of("Tenant"),
        roles=_set(_of("Role")),
        environment=_of("Environment"),
        grant=_of("Grant"),
    ),
}
_ITEM: Final = {"memberOfTypes": ["Server"], "shape": _record(server=_of("Server"), owner=STRING, name=STRING)}

_ENTITIES: Final[dict[str, dict[str, Any]]] = {
    **dict.fromkeys(PRINCIPALS, _PRINCIPAL),
    "Role": {},
    "Tenant": {},
    "Environment": {},
    "Grant": {
        "memberOfTypes": ["Tenant"],
        "shape": _record(origin=STRING, by=STRING, assurance=STRING, high_risk=BOOLEAN),
    },
    "Server": {
        "memberOfTypes": ["Environment", "Tenant"],
        "shape": _record(name=STRING, owner=STRING, stateful=BOOLEAN),
    },
    "Tool": {
        "memberOfTypes": ["Server"],
        "shape": _record(server=_of("Server"), owner=STRING, name=STRING, high_risk=BOOLEAN),
    },
    **dict.fromkeys(("Resource", "ResourceTemplate", "Prompt", "Task"), _ITEM),
}


def cedar_type(mapped: MappedType) -> dict[str, Any]:
    """A mapped type in the schema's words."""
    if isinstance(mapped, Scalar):
        return _SCALAR[mapped]
    if isinstance(mapped, SetOf):
        return _set(cedar_type(mapped.element))
    attributes = {
        name: {**cedar_type(inner.type), "required": inner.required} for name, inner in mapped.attributes.items()
    }
    return _record(**attributes)


def _action(resources: Iterable[str], group: str, context: Mapping[str, Any]) -> dict[str, Any]:
    applies = {"principalTypes": list(PRINCIPALS), "resourceTypes": list(resources), "context": _record(**context)}
    return {"memberOf": [{"id": group}] if group else [], "appliesTo": applies}


def _tool_action(arguments: RecordOf) -> dict[str, Any]:
    return _action(["Tool"], TOOLS, {**_CONTEXT, "args": cedar_type(arguments)})


# Stands for a tool nobody has registered yet. A policy on the whole group is checked against it too, so that a new tool
# that lacks an argument cannot break the policy: such a policy tests with `has` first.
ANY_TOOL: Final = "any tool"


def cedar_schema(
    tools: Mapping[str, ToolType], mentioned: Iterable[str] = (), *, methods: bool = True
) -> dict[str, Any]:
    """The schema of these tools, and of the MCP methods unless they are left out. `mentioned` are actions that policies
    name: where nothing here offers them they are declared, so that a condition may name them, and apply to nothing.
    """
    actions: dict[str, Any] = {name: {} for name in mentioned}
    actions |= {TOOLS: {}, SESSION: {}, ANY_TOOL: _tool_action(RecordOf({}))}
    if methods:
        for method in SESSION_METHODS:
            actions[method] = _action([TargetKind.SERVER.value], SESSION, _CONTEXT)
        for method, kinds in METHODS.items():
            actions[method] = _action([kind.value for kind in kinds], "", _CONTEXT)
    for name, type_ in tools.items():
        actions[name] = _tool_action(type_.arguments)
    return {"": {"entityTypes": _ENTITIES, "actions": actions}}
