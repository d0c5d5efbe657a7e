"""Rich authorization requests (RFC 9396) of one type, `mcp_tool`: what a client asks for, and what a grant gives, said
in the same words.

Strict, because a field that is not understood may be the one that was to narrow the grant. However many objects there
are, what they limit holds for all of it: nothing an object says makes another one wider.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final

from remit.core.errors import Invalid, Refusal, refuse
from remit.core.grant import Budget, Calls, Grant, Narrowing, Unmetered, tighter
from remit.core.purposes import stated
from remit.core.reasons import Reason
from remit.core.scope import (
    SERVER_NAME,
    TOOL_NAME,
    Constraint,
    OneTool,
    Scope,
    ToolName,
    WholeServer,
    constraint,
    covers,
    fewest,
)

TYPE: Final = "mcp_tool"
ACTION: Final = "tools/call"
OBJECTS_MAX: Final = 32
CONSTRAINTS_MAX: Final = 256
VALUES_MAX: Final = 100
TEXT_BYTES_MAX: Final = 64 * 1024
FIELDS: Final = frozenset(
    {"type", "locations", "server", "tool", "actions", "constraints", "max_calls", "purpose", "ttl_s"}
)
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: `scopes` is never empty; `purpose` is empty and `ttl_s` infinite when not stated."""

    scopes: frozenset[Scope]
    constraints: frozenset[Constraint] = frozenset()
    budget: Budget = field(default_factory=Unmetered)
    purpose: str = ""
    ttl_s: float = float("inf")

    def narrowing(self, *, now_s: float) -> Narrowing:
        """What it keeps of a grant."""
        return Narrowing(self.scopes, self.constraints, self.budget, now_s + self.ttl_s)


def parse_details(text: str, resource: str) -> Asked:
    """`authorization_details`, with the request's `resource` (a public URL and `/mcp` or `/mcp/{server}`). Raises
    `Invalid`; the OAuth error is `invalid_authorization_details` (RFC 9396 section 5)."""
    objects = _objects(text)
    server = _server_at(resource)
    asked = []
    for number, found in enumerate(objects):
        try:
            asked.append(_one(found, resource, server))
        except Invalid as error:
            raise _invalid(f"object {number}: {error.detail}") from error
    whole = reduce(_both, asked)
    if len(whole.constraints) > CONSTRAINTS_MAX:
        raise _invalid(f"expected at most {CONSTRAINTS_MAX} constraints, found {len(whole.constraints)}")
    return Asked(fewest(whole.scopes), whole.constraints, whole.budget, whole.purpose, whole.ttl_s)


def granted_details(grant: Grant) -> list[dict[str, Any]]:
    """What the grant gives at its resource (RFC 9396 section 7). A purpose's limit on a tool that is not granted goes
    without saying. A grant of many parts may take more objects than a request may have."""
    server = _server_at(grant.resource)
    scopes = frozenset(scope for scope in grant.scopes if server in ("", scope.server))
    limits: dict[ToolName, list[Constraint]] = {}
    for limit in sorted(grant.constraints, key=repr):
        if covers(scopes, limit.tool.server, limit.tool.tool):
            limits.setdefault(limit.tool, []).append(limit)
    tools = {ToolName(scope.server, scope.tool) for scope in scopes if isinstance(scope, OneTool)}
    wholes = sorted(scope.server for scope in scopes if isinstance(scope, WholeServer))
    said: list[dict[str, Any]] = [{} if server else {"server": whole} for whole in wholes]
    for tool in sorted(tools | limits.keys()):
        named = {"tool": tool.tool if server else str(tool), "actions": [ACTION]}
        said += [named | constraints for constraints in _constraints_said(limits.get(tool, []))]
    head = {"type": TYPE, "locations": [grant.resource]}
    terms = _terms_said(grant)
    return [head | each | terms for each in said]


# reading ---------------------------------------------------------------------------------------------------------
def _objects(text: str) -> list[Any]:
    try:
        size = len(text.encode("utf-8"))
        if size > TEXT_BYTES_MAX:
            raise _invalid(f"expected at most {TEXT_BYTES_MAX} bytes, found {size}")
        objects = json.loads(
            text, object_pairs_hook=_unique, parse_int=_bounded, parse_float=_finite, parse_constant=_no_constant
        )
        json.dumps(objects, ensure_ascii=False).encode("utf-8")  # an escaped half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise _invalid("expected JSON without repeated keys and with numbers of 64 bits") from error
    if not isinstance(objects, list) or not 1 <= len(objects) <= OBJECTS_MAX:
        raise _invalid(f"expected an array of 1 to {OBJECTS_MAX} objects")
    return objects


def _one(found: object, resource: str, server: str) -> Asked:
    if not isinstance(found, dict):
        raise _invalid("expected an object")
    if found.get("type") != TYPE:
        raise _invalid(f"type: expected {TYPE}, found {str(found.get('type'))[:80]!r}")
    unknown = sorted(found.keys() - FIELDS)
    if unknown:
        raise _invalid(f"no such field: {unknown[0][:80]!r}")
    if found.get("locations") != [resource]:
        raise _invalid("locations: expected the request's resource and nothing else")
    scope = _scope(found, server)
    tool = ToolName(scope.server, scope.tool) if isinstance(scope, OneTool) else None
    if "actions" in found and (found["actions"] != [ACTION] or tool is None):
        raise _invalid(f'actions: expected ["{ACTION}"], with a tool')
    if "constraints" in found and tool is None:
        raise _invalid("constraints: need the tool whose arguments they limit")
    limits = _limits(tool, found["constraints"]) if tool is not None and "constraints" in found else frozenset()
    return Asked(
        scopes=frozenset({scope}),
        constraints=limits,
        budget=Calls(_count(found, "max_calls")) if "max_calls" in found else Unmetered(),
        purpose=_purpose(found["purpose"]) if "purpose" in found else "",
        ttl_s=_count(found, "ttl_s") if "ttl_s" in found else float("inf"),
    )


def _scope(found: Mapping[str, Any], server: str) -> Scope:
    """At `/mcp/{server}` a tool goes by its own name. At `/mcp`, where every server is, nothing is meant unsaid: it is
    SERVER/TOOL, or `server` for all of one."""
    tool, whole = found.get("tool", ""), found.get("server", "")
    if server:
        if "server" in found:
            raise _invalid("server: is said by the resource already")
        if "tool" not in found:
            return WholeServer(server)
        if not isinstance(tool, str) or not TOOL_NAME.match(tool):
            raise _invalid(f"tool: expected the name of a tool of {server}, found {str(tool)[:80]!r}")
        return OneTool(server, tool)
    if ("tool" in found) == ("server" in found):
        raise _invalid("expected tool as SERVER/TOOL, or server for all of its tools")
    if "tool" in found:
        name = ToolName.parse(tool if isinstance(tool, str) else "")
        return OneTool(name.server, name.tool)
    if not isinstance(whole, str) or not SERVER_NAME.match(whole):
        raise _invalid(f"server: expected a server's name, found {str(whole)[:80]!r}")
    return WholeServer(whole)


def _limits(tool: ToolName, found: object) -> frozenset[Constraint]:
    if not isinstance(found, dict) or not found or not all(isinstance(each, dict) and each for each in found.values()):
        raise _invalid("constraints: expected an object of ARGUMENT: {CHECK: VALUE}")
    return frozenset(
        constraint(tool, argument, check, _values(argument, check, value))
        for argument, checks in found.items()
        for check, value in checks.items()
    )


def _values(argument: str, check: str, found: object) -> list[Any]:
    several = check == "one_of"
    values = found if several and isinstance(found, list) else [found]
    fit = all(isinstance(value, str | int | float) for value in values) and len(values) <= VALUES_MAX
    if not fit or several != (values is found):
        what = f"a list of up to {VALUES_MAX} values" if several else "a text, a number, true or false"
        raise _invalid(f"constraints: {argument[:80]!r}: {check[:80]!r}: expected {what}")
    return values


def _count(found: Mapping[str, Any], name: str) -> int:
    value = found[name]
    if type(value) is not int or value < 1:
        raise _invalid(f"{name}: expected a whole number above 0")
    return value


def _purpose(found: object) -> str:
    return stated(found if isinstance(found, str) else "")


def _both(left: Asked, right: Asked) -> Asked:
    if left.purpose and right.purpose and left.purpose != right.purpose:
        raise _invalid("purpose: a grant has one; the objects state several")
    return Asked(
        scopes=left.scopes | right.scopes,
        constraints=left.constraints | right.constraints,
        budget=tighter(left.budget, right.budget),
        purpose=left.purpose or right.purpose,
        ttl_s=min(left.ttl_s, right.ttl_s),
    )


def _server_at(resource: str) -> str:
    """The server the resource is of, empty for `/mcp`. A public URL has no path, so nothing else is meant."""
    endpoint, _, server = resource.partition("://")[2].partition("/")[2].partition("/")
    if endpoint != "mcp" or (server and not SERVER_NAME.match(server)):
        raise _invalid("resource: expected an endpoint /mcp or /mcp/SERVER")
    return server


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _bounded(text: str) -> int:
    number = int(text)
    if not _INTEGER_MIN <= number <= _INTEGER_MAX:
        raise ValueError("beyond 64 bits")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("beyond 64 bits")
    return number


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _invalid(detail: str) -> Refusal:
    return refuse(Reason.INVALID_AUTHORIZATION_DETAILS, detail)


# saying ----------------------------------------------------------------------------------------------------------
def _constraints_said(limits: Iterable[Constraint]) -> list[dict[str, Any]]:
    """One object holds one value per argument and check; what is limited twice in the same way takes another."""
    objects: list[dict[str, dict[str, Any]]] = []
    for limit in limits:
        fitting = (each for each in objects if limit.check not in each.get(limit.argument, {}))
        into = next(fitting, None)
        if into is None:
            into = {}
            objects.append(into)
        values = list(limit.values)
        into.setdefault(limit.argument, {})[limit.check] = values if limit.check == "one_of" else values[0]
    return [{"constraints": each} for each in objects] or [{}]


def _terms_said(grant: Grant) -> dict[str, Any]:
    ttl_s = math.ceil(grant.expires_at_s - grant.created_at_s)
    ttl_s += grant.created_at_s + ttl_s < grant.expires_at_s  # a float's rounding must not cut the grant
    terms: dict[str, Any] = {"ttl_s": max(1, ttl_s)}
    if isinstance(grant.budget, Calls):
        terms["max_calls"] = grant.budget.calls_max
    if grant.purpose.text:
        terms["purpose"] = grant.purpose.text
    return terms
