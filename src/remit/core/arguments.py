"""Stage 5: what a tool is about to be given, checked and made canonical before anything decides on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from remit.core.argument_names import ArgumentNames, argument_names
from remit.core.catalog import Tool
from remit.core.errors import refuse
from remit.core.grant import Grant
from remit.core.reasons import Reason

# Cedar reads these keys in JSON as escapes that build entities and extension values: a caller must not be able to.
RESERVED_KEYS: Final = frozenset({"__entity", "__extn", "__expr"})
DEPTH_MAX: Final = 64


def refuse_reserved_keys(value: object, depth: int = 0) -> None:
    """Deny any object key that a policy engine could read as an escape, at any depth."""
    if depth > DEPTH_MAX:
        raise refuse(Reason.ARGS_SCHEMA, f"arguments nest deeper than {DEPTH_MAX} levels")
    if isinstance(value, dict):
        found = RESERVED_KEYS.intersection(value)
        if found:
            raise refuse(Reason.ARGS_RESERVED_KEY, f"found {min(found)}")
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict | list):
                refuse_reserved_keys(inner, depth + 1)


def normal_path(found: str) -> str:
    """An absolute POSIX path with one spelling. `..`, NUL, backslashes and encoded dots are denied, never resolved:
    what `..` means depends on links that only the server sees (CVE-2025-53109, CVE-2025-53110, CVE-2025-68145)."""
    if not found.startswith("/") or "\0" in found or "\\" in found:
        raise refuse(Reason.ARGS_PATH, "expected an absolute path with forward slashes")
    if ".." in unquote(found).replace("\\", "/").split("/"):  # also where a slash is encoded: /a%2f../b
        raise refuse(Reason.ARGS_PATH, "the path contains ..")
    return "/" + "/".join(part for part in found.split("/") if part not in ("", "."))


def _normal_paths(value: object, name: str) -> object:
    if isinstance(value, str):
        return normal_path(value)
    if isinstance(value, list):
        return [_normal_paths(inner, name) for inner in value]
    raise refuse(Reason.ARGS_PATH, f"{name}: expected a path or a list of paths")


def refuse_dotted_uri(uri: str) -> None:
    """A resource URI with a `..` segment is denied for the reason `normal_path` gives."""
    path = unquote(uri)
    if ".." in path.replace("\\", "/").split("/"):
        raise refuse(Reason.ARGS_PATH, "the URI contains ..")


def _refuse_other_case(names: ArgumentNames, value: object) -> None:
    """Deny `Path` where `path` is declared, at any depth: policy would see no path, and a server that matches names in
    any case would (CVE-2026-27896)."""
    # What was parsed from JSON is a dict or a list: asking for the abstract types costs more than all else here.
    if isinstance(value, list):
        if names.items is not None:
            for inner in value:
                if isinstance(inner, dict | list):
                    _refuse_other_case(names.items, inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            below = names.declared[name] if name in names.declared else _undeclared(names, name)
            if below is not None and isinstance(inner, dict | list):
                _refuse_other_case(below, inner)


def _undeclared(names: ArgumentNames, name: str) -> ArgumentNames | None:
    if name.casefold() in names.folded:
        raise refuse(Reason.ARGS_SCHEMA, f"{name[:64]!r} differs only in case from a declared argument")
    return names.others


def checked_arguments(tool: Tool, arguments: Mapping[str, Any], grant: Grant) -> Mapping[str, Any]:
    """The arguments in the form that is decided on and forwarded: no reserved key, fitting the schema, paths normal,
    within the grant's constraints. Raises `Denied`."""
    refuse_reserved_keys(arguments)
    if tool.validate is None:
        raise refuse(Reason.ARGS_SCHEMA, "the tool's inputSchema could not be compiled")
    problem = tool.validate(arguments)
    if problem is not None:
        raise refuse(Reason.ARGS_SCHEMA, problem)
    _refuse_other_case(tool.names or argument_names(tool.input_schema, tool.path_arguments), arguments)
    if tool.path_arguments:
        arguments = dict(arguments)
        for name in tool.path_arguments:
            if name in arguments:
                arguments[name] = _normal_paths(arguments[name], name)
    for limit in grant.constraints:
        if limit.tool.tool == tool.name and limit.tool.server == tool.server and not limit.allows(arguments):
            raise refuse(
                Reason.CONSTRAINT_FAILED,
                f"{limit.argument}: expected {limit.check} {', '.join(map(str, limit.values))}",
            )
    return arguments
