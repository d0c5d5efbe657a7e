"""How much work a schema can make of one value. References turn a few lines into millions of steps: two branches that
both refer on double the work at every level, and nothing interrupts a validator once it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

UNFOLDED_MAX: Final = 2_000
VISITS_MAX: Final = 20_000

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_HERE: Final = ("not", "if", "then", "else")  # applied to the value itself
_HERE_MANY: Final = ("allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies")
_INSIDE: Final = (
    "items", "additionalItems", "contains", "unevaluatedItems", "additionalProperties", "propertyNames",
    "unevaluatedProperties",
)  # fmt: skip
_INSIDE_MANY: Final = ("prefixItems", "items", "patternProperties")  # before 2020-12 `items` could be a list


class Unresolved(ValueError):
    """A reference that cannot be followed here, so that its work cannot be bounded."""


class References:
    """Where the references of one schema can lead. Inside several documents (`$id`) all of them count: too many targets
    overstate the work, which is safe."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._documents: list[Any] = [root]
        self._anchors: dict[str, list[Any]] = {}
        stack: list[Any] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, Mapping):
                if isinstance(node.get("$id"), str) and node is not root:
                    self._documents.append(node)
                for keyword in ("$anchor", "$dynamicAnchor"):
                    if isinstance(node.get(keyword), str):
                        self._anchors.setdefault(node[keyword], []).append(node)
                stack.extend(node.values())
            elif isinstance(node, list):
                stack.extend(node)

    def targets(self, reference: object) -> list[Any]:
        """Raises `Unresolved`."""
        fragment = unquote(reference.partition("#")[2]) if isinstance(reference, str) else ""
        if fragment and not fragment.startswith("/"):
            found = self._anchors.get(fragment, [])
        else:
            found = [node for document in self._documents for node in _at(document, fragment)]
        if not found:
            raise Unresolved("a $ref that cannot be followed")
        return found


def _at(document: Any, pointer: str) -> Iterator[Any]:
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, Mapping) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return
    yield document


def _here(node: Mapping[str, Any], references: References) -> Iterator[Any]:
    """The subschemas that apply to the same value."""
    for keyword in _REFERENCES:
        if keyword in node:
            yield from references.targets(node[keyword])
    yield from (node[keyword] for keyword in _HERE if keyword in node)
    yield from _members(node, _HERE_MANY)


def _inside(node: Mapping[str, Any]) -> Iterator[Any]:
    """The subschemas that apply to any part of the value, whichever it is called."""
    yield from (node[keyword] for keyword in _INSIDE if keyword in node)
    yield from _members(node, _INSIDE_MANY)


def _members(node: Mapping[str, Any], keywords: tuple[str, ...]) -> Iterator[Any]:
    for keyword in keywords:
        many = node.get(keyword)
        if isinstance(many, Mapping):
            yield from many.values()
        elif isinstance(many, list):
            yield from many


def unfolds(schema: Mapping[str, Any], references: References) -> bool:
    """Whether the schema with every reference replaced by what it means stays small: then any value is cheap."""
    stack: list[Any] = [schema]
    for _ in range(UNFOLDED_MAX):
        if not stack:
            return True
        node = stack.pop()
        if isinstance(node, Mapping):
            stack.extend(_here(node, references))
            stack.extend(_inside(node))
            stack.extend(_members(node, ("properties",)))
    return False


def affordable(schema: Mapping[str, Any], references: References, value: object) -> bool:
    """Whether checking this value, every branch tried, stays within bounds."""
    stack: list[tuple[Any, object]] = [(schema, value)]
    for _ in range(VISITS_MAX):
        if not stack:
            return True
        node, found = stack.pop()
        if not isinstance(node, Mapping):
            continue
        stack.extend((inner, found) for inner in _here(node, references))
        if isinstance(found, dict):
            properties = node.get("properties")
            if isinstance(properties, Mapping):
                stack.extend((properties[name], part) for name, part in found.items() if name in properties)
        parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        if parts:
            stack.extend((inner, part) for inner in _inside(node) for part in parts)
        if len(stack) > VISITS_MAX:
            return False
    return False
