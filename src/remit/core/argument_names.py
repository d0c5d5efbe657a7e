"""The names a tool's inputSchema declares, at every depth and in every branch, worked out once per tool: a call then
only looks up what it was given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from remit.core.json_schema import References, Unresolved, here, members

VISITS_MAX: Final = 20_000
DOCUMENTS_MAX: Final = 100
_ITEMS: Final = ("items", "additionalItems", "contains", "unevaluatedItems")
_OTHERS: Final = ("additionalProperties", "unevaluatedProperties")
_NAMING: Final = frozenset({"properties", "required", "patternProperties", "prefixItems", *_ITEMS, *_OTHERS})


@dataclass(slots=True, eq=False, repr=False)  # a schema that refers to itself makes a circle
class ArgumentNames:
    """What is declared of one value: the names of an object and what is declared inside each, inside `others` it does
    not name, and inside the `items` of a list. `folded` are the names without their case.
    """

    declared: Mapping[str, ArgumentNames | None]
    folded: frozenset[str]
    others: ArgumentNames | None = None
    items: ArgumentNames | None = None


def argument_names(schema: Mapping[str, Any], paths: Collection[str]) -> ArgumentNames:
    """The names for a tool's arguments as a whole. A name in `paths` is declared whatever the schema says, and no other
    that differs from it only in case: what the operator calls a path has one name.

    A schema beyond the bounds, or with a reference that leads nowhere, gets its names wherever they stand in it.
    """
    try:
        names = _Reader(schema).read()
    except (_Excess, Unresolved):
        names = _anywhere(schema)
    if not paths:
        return names
    folded = _folded(paths)
    declared = {
        name: inner for name, inner in names.declared.items() if name in paths or name.casefold() not in folded
    } | {name: names.declared.get(name, names.others) for name in paths}
    return ArgumentNames(declared, names.folded | folded, names.others, names.items)


class _Excess(Exception):
    pass


class _Reader:
    """Makes one `ArgumentNames` per set of subschemas that are about the same value."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._references = References(root)
        self._made: dict[frozenset[int], ArgumentNames] = {}
        self._waiting: list[tuple[ArgumentNames, list[Mapping[str, Any]]]] = []
        self._visits = 0

    def read(self) -> ArgumentNames:
        if self._references.documents > DOCUMENTS_MAX:
            raise _Excess
        top = self._names([self._root])
        while self._waiting:
            self._fill(*self._waiting.pop())
        return top or ArgumentNames({}, frozenset())

    def _names(self, subschemas: Iterable[Any]) -> ArgumentNames | None:
        """None where nothing is declared."""
        nodes: dict[int, Mapping[str, Any]] = {}
        stack = list(subschemas)
        while stack:
            node = stack.pop()
            self._visits += 1
            if self._visits > VISITS_MAX:
                raise _Excess
            if isinstance(node, Mapping) and id(node) not in nodes:
                nodes[id(node)] = node
                stack.extend(here(node, self._references))
        naming = {at: node for at, node in nodes.items() if _NAMING & node.keys()}
        if not naming:
            return None
        key = frozenset(naming)
        if key not in self._made:
            self._made[key] = ArgumentNames({}, frozenset())
            self._waiting.append((self._made[key], list(naming.values())))
        return self._made[key]

    def _fill(self, names: ArgumentNames, nodes: list[Mapping[str, Any]]) -> None:
        declared: dict[str, list[Any]] = {}
        matched = [inner for node in nodes for inner in members(node, ("patternProperties",))]
        for node in nodes:
            for name, inner in _properties(node):
                declared.setdefault(name, []).append(inner)
        names.declared = {name: self._names([*inner, *matched]) for name, inner in declared.items()}
        names.folded = _folded(declared)
        names.others = self._names(
            [*matched, *(node[keyword] for node in nodes for keyword in _OTHERS if keyword in node)]
        )
        items = [node[keyword] for node in nodes for keyword in _ITEMS if keyword in node]
        names.items = self._names(
            [*items, *(each for node in nodes for each in members(node, ("prefixItems", "items")))]
        )


def _properties(node: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """What the object may hold, and what it must even if nothing else is said of it."""
    properties, required = node.get("properties"), node.get("required")
    if isinstance(required, list):
        yield from ((name, True) for name in required if isinstance(name, str))
    if isinstance(properties, Mapping):
        yield from properties.items()


def _anywhere(schema: Mapping[str, Any]) -> ArgumentNames:
    found: set[str] = set()
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            found.update(name for name, _ in _properties(node))
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    names = ArgumentNames({}, _folded(found))
    names.declared = dict.fromkeys(found, names)
    names.others = names.items = names
    return names


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)
