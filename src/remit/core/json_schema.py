"""A JSON Schema taken apart: where its references lead, and which subschemas are about the same value or about parts of
it. Every dialect's keywords count: too many subschemas overstate what a schema says, which is safe for those who ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

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
        self._found: dict[str, list[Any]] = {}
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

    @property
    def documents(self) -> int:
        return len(self._documents)

    def targets(self, reference: object) -> list[Any]:
        """Raises `Unresolved`."""
        fragment = unquote(reference.partition("#")[2]) if isinstance(reference, str) else ""
        found = self._found.get(fragment)
        if found is None:
            found = self._found[fragment] = self._look(fragment)
        if not found:
            raise Unresolved("a $ref that cannot be followed")
        return found

    def _look(self, fragment: str) -> list[Any]:
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(fragment, [])
        return [node for document in self._documents for node in _at(document, fragment)]


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


def here(node: Mapping[str, Any], references: References) -> Iterator[Any]:
    """The subschemas that apply to the same value."""
    for keyword in _REFERENCES:
        if keyword in node:
            yield from references.targets(node[keyword])
    yield from (node[keyword] for keyword in _HERE if keyword in node)
    yield from members(node, _HERE_MANY)


def inside(node: Mapping[str, Any]) -> Iterator[Any]:
    """The subschemas that apply to any part of the value, whichever it is called."""
    yield from (node[keyword] for keyword in _INSIDE if keyword in node)
    yield from members(node, _INSIDE_MANY)


def members(node: Mapping[str, Any], keywords: tuple[str, ...]) -> Iterator[Any]:
    for keyword in keywords:
        many = node.get(keyword)
        if isinstance(many, Mapping):
            yield from many.values()
        elif isinstance(many, list):
            yield from many
