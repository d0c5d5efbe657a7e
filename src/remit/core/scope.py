"""What a grant covers: whole servers or single tools, and the limits on a tool's arguments. Everything here only
narrows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason

SERVER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
# What clients of OpenID Connect ask for without looking. They are granted nothing for it, and no server is called so.
OPENID_SCOPES: Final = frozenset({"openid", "offline_access", "profile", "email"})
TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")


@dataclass(frozen=True, slots=True, order=True)
class ToolName:
    """People and policies write `server/tool`."""

    server: str
    tool: str

    def __str__(self) -> str:
        return f"{self.server}/{self.tool}"

    @classmethod
    def parse(cls, text: str) -> ToolName:
        server, slash, tool = text.partition("/")
        if not slash or not SERVER_NAME.match(server) or not TOOL_NAME.match(tool):
            raise refuse(Reason.INVALID_PARAMS, f"expected SERVER/TOOL, found {text[:80]!r}")
        return cls(server, tool)


@dataclass(frozen=True, slots=True, order=True)
class WholeServer:
    """Every tool, resource and prompt of one server. OAuth scope `server`."""

    server: str

    def __str__(self) -> str:
        return self.server


@dataclass(frozen=True, slots=True, order=True)
class OneTool:
    """One tool. OAuth scope `server:tool`."""

    server: str
    tool: str

    def __str__(self) -> str:
        return f"{self.server}:{self.tool}"


Scope = WholeServer | OneTool


def parse_scope(text: str) -> Scope:
    """One OAuth scope token, `server` or `server:tool` (RFC 6749 section 3.3)."""
    server, colon, tool = text.partition(":")
    if not SERVER_NAME.match(server) or (colon and not TOOL_NAME.match(tool)):
        raise refuse(Reason.INVALID_PARAMS, f"expected a scope like server or server:tool, found {text[:80]!r}")
    return OneTool(server, tool) if colon else WholeServer(server)


def parse_scopes(text: str, *, names_max: int) -> frozenset[Scope]:
    """The `scope` parameter (RFC 6749 section 3.3) without `OPENID_SCOPES`; with nothing left it is as if it was not
    sent. Raises `Invalid`.
    """
    names = text.split(" ") if text else []
    if len(names) > names_max:
        raise refuse(Reason.INVALID_PARAMS, f"more than {names_max} scopes")
    return frozenset(parse_scope(name) for name in names if name not in OPENID_SCOPES)


def scope_text(scopes: frozenset[Scope]) -> str:
    """RFC 6749 section 3.3, in a stable order."""
    return " ".join(sorted(map(str, scopes)))


def covers(scopes: frozenset[Scope], server: str, tool: str | None) -> bool:
    """Whether the scopes cover a tool of a server, or (with `tool` None) the server's resources and prompts."""
    return WholeServer(server) in scopes or (tool is not None and OneTool(server, tool) in scopes)


def reaches(scopes: frozenset[Scope], server: str) -> bool:
    """Whether the scopes cover anything of the server."""
    return any(scope.server == server for scope in scopes)


def within(inner: frozenset[Scope], outer: frozenset[Scope]) -> bool:
    """Whether the outer scopes cover each of the inner ones."""
    return all(covers(outer, scope.server, scope.tool if isinstance(scope, OneTool) else None) for scope in inner)


def fewest(scopes: frozenset[Scope]) -> frozenset[Scope]:
    """The same reach without the tools of servers that are there as a whole."""
    return frozenset(
        scope for scope in scopes if not (isinstance(scope, OneTool) and WholeServer(scope.server) in scopes)
    )


def intersect(left: frozenset[Scope], right: frozenset[Scope]) -> frozenset[Scope]:
    """The scopes both sides cover. The result covers nothing that either side does not."""
    both: set[Scope] = set()
    for scope in left | right:
        tool = scope.tool if isinstance(scope, OneTool) else None
        if covers(left, scope.server, tool) and covers(right, scope.server, tool):
            both.add(scope)
    return frozenset(both)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit on one argument of one tool. An absent argument fails it: absence denies.

    `check` is one of `equals`, `one_of`, `prefix`, `at_most`, `at_least`; `values` are JSON scalars.
    """

    tool: ToolName
    argument: str
    check: str
    values: tuple[str | int | float | bool, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constraint) and self._exactly() == other._exactly()

    def __hash__(self) -> int:
        return hash(self._exactly())

    def _exactly(self) -> tuple[object, ...]:
        # True == 1 == 1.0 in Python: compared as they are, a set would keep one of three different limits.
        return self.tool, self.argument, self.check, self.values, tuple(map(type, self.values))

    def allows(self, arguments: Mapping[str, object]) -> bool:
        return self.argument in arguments and CHECKS[self.check](arguments[self.argument], self.values)


def _same(found: object, wanted: object) -> bool:
    # True == 1 in Python, but not in JSON.
    return type(found) is type(wanted) and found == wanted


def _number(found: object) -> float | None:
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _at_most(found: object, values: tuple[object, ...]) -> bool:
    number, bound = _number(found), _number(values[0])
    return number is not None and bound is not None and number <= bound


def _at_least(found: object, values: tuple[object, ...]) -> bool:
    number, bound = _number(found), _number(values[0])
    return number is not None and bound is not None and number >= bound


def _prefix(found: object, values: tuple[object, ...]) -> bool:
    """A prefix says where a path may lead, so a value that climbs out of it again does not have it, and a prefix that
    is a path itself ends where a name ends: `/srv` leads to `/srv/a`, not to `/srv-private` (CVE-2025-53110)."""
    start = values[0]
    if not isinstance(found, str) or not isinstance(start, str) or not found.startswith(start):
        return False
    if start.startswith("/") and not start.endswith("/") and found[len(start) : len(start) + 1] not in ("", "/"):
        return False
    return ".." not in found.replace("\\", "/").split("/")


CHECKS: Final = {
    "equals": lambda found, values: _same(found, values[0]),
    "one_of": lambda found, values: any(_same(found, value) for value in values),
    "prefix": _prefix,
    "at_most": _at_most,
    "at_least": _at_least,
}


def constraint(tool: ToolName, argument: str, check: str, values: Iterable[str | int | float | bool]) -> Constraint:
    """A checked `Constraint`. Raises `Invalid` for an unknown check or an empty list of values."""
    given = tuple(values)
    if check not in CHECKS or not argument or not given or (check != "one_of" and len(given) != 1):
        raise refuse(
            Reason.INVALID_PARAMS,
            f"constraint on {tool} {argument[:80]!r}: expected one of {', '.join(sorted(CHECKS))} with a value",
        )
    return Constraint(tool, argument, check, given)


def as_strict(limits: frozenset[Constraint], bounds: frozenset[Constraint]) -> bool:
    """Whether arguments that every one of `limits` allows are allowed by every one of `bounds` too.

    Each bound is held against one limit at a time, so a bound that only several limits together imply is not seen:
    False then says more than is so, True never does.
    """
    return all(any(_implies(limit, bound) for limit in limits) for bound in bounds)


def _implies(limit: Constraint, bound: Constraint) -> bool:
    if (limit.tool, limit.argument) != (bound.tool, bound.argument):
        return False
    if limit == bound:
        return True
    if limit.check not in ("equals", "one_of") and limit.check != bound.check:
        return False
    return all(CHECKS[bound.check](value, bound.values) for value in limit.values)
