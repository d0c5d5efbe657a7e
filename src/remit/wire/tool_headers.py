"""`x-mcp-header` in inputSchema: which arguments travel as `Mcp-Param-*` headers (2026-07-28, transports; G5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

KEY: Final = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z")
_SINGLE: Final = frozenset(
    {
        "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS: Final = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties"})
Path = tuple[str, ...]


class InvalidHeader(ValueError):
    """The annotation breaks a rule; the tool is left out of the catalog."""


def header_arguments(schema: object) -> dict[str, str]:
    """Header suffix (lower case) to the argument's path, its steps joined by `/` and escaped as in RFC 6901.

    Raises `InvalidHeader` for an annotation that is not an RFC 9110 token, comes twice, sits on anything but a string,
    integer or boolean, or is not reached through `properties` alone.
    """
    found: dict[str, str] = {}
    for path, node in _positions(schema):
        if KEY not in node:
            continue
        name = node[KEY]
        if not path:
            raise InvalidHeader(f"{KEY} is not on a property reached through properties alone")
        if not isinstance(name, str) or not _TOKEN.match(name):
            raise InvalidHeader(f"{KEY} on {'.'.join(path)[:80]!r} is not a header token")
        if node.get("type") not in ("string", "integer", "boolean"):
            raise InvalidHeader(f"{KEY} on {'.'.join(path)[:80]!r}: expected type string, integer or boolean")
        if name.lower() in found:
            raise InvalidHeader(f"{KEY} {name} is used twice")
        found[name.lower()] = "/".join(step.replace("~", "~0").replace("/", "~1") for step in path)
    return found


def _positions(root: object) -> Iterator[tuple[Path | None, Mapping[str, Any]]]:
    """Every schema inside `root` with its path of properties; None once anything else was crossed. Follows no $ref, and
    an explicit stack bears any depth."""
    stack: list[tuple[Path | None, Any]] = [((), root)]
    while stack:
        path, node = stack.pop()
        if not isinstance(node, dict):
            continue
        yield path, node
        for key, value in node.items():
            if key == "properties" and isinstance(value, dict):
                stack.extend((None if path is None else (*path, name), inner) for name, inner in value.items())
            elif key in _SINGLE:
                stack.append((None, value))
            elif key in _LISTS and isinstance(value, list):
                stack.extend((None, inner) for inner in value)
            elif key in _MAPS and isinstance(value, dict):
                stack.extend((None, inner) for inner in value.values())
