"""How much work a schema can make of one value. References turn a few lines into millions of steps: two branches that
both refer on double the work at every level, and nothing interrupts a validator once it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from remit.core.json_schema import References, here, inside, members

UNFOLDED_MAX: Final = 2_000
VISITS_MAX: Final = 20_000


def unfolds(schema: Mapping[str, Any], references: References) -> bool:
    """Whether the schema with every reference replaced by what it means stays small: then any value is cheap."""
    stack: list[Any] = [schema]
    for _ in range(UNFOLDED_MAX):
        if not stack:
            return True
        node = stack.pop()
        if isinstance(node, Mapping):
            stack.extend(here(node, references))
            stack.extend(inside(node))
            stack.extend(members(node, ("properties",)))
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
        stack.extend((inner, found) for inner in here(node, references))
        if isinstance(found, dict):
            properties = node.get("properties")
            if isinstance(properties, Mapping):
                stack.extend((properties[name], part) for name, part in found.items() if name in properties)
        parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        if parts:
            stack.extend((inner, part) for inner in inside(node) for part in parts)
        if len(stack) > VISITS_MAX:
            return False
    return False
