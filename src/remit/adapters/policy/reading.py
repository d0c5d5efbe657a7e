"""What policies read of the context, from their syntax alone (cedarpy's PST). Whatever is not understood counts as
read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass

from cedarpy import pst

from remit.core.policy_types import Path, Reads


def context_reads(policies: Iterable[pst.Template]) -> Reads:
    """Every path of the context that the policies' conditions read or test for; the empty path is the context as a
    whole.
    """
    values: set[Path] = set()
    tests: set[Path] = set()
    stack: list[object] = [policy.clauses for policy in policies]
    while stack:
        node = stack.pop()
        if isinstance(node, pst.HasAttr) and (path := _context_path(node.base)) is not None:
            tests.add((*path, *node.attrs))
        elif (path := _context_path(node)) is not None:
            values.add(path)
        else:
            stack.extend(children(node))
    return Reads(frozenset(values), frozenset(tests))


def children(node: object) -> Sequence[object]:
    """The nodes directly inside a node; nothing inside a string or a number."""
    if isinstance(node, tuple | list):
        return node
    if isinstance(node, Mapping):
        return list(node.values())
    if is_dataclass(node) and not isinstance(node, type):
        return [getattr(node, each.name) for each in fields(node)]
    return ()


def _context_path(node: object) -> Path | None:
    """`context.a.b` as ("a", "b"), or None for anything that is not a plain path into the context."""
    steps: list[str] = []
    while isinstance(node, pst.GetAttr):
        steps.append(node.attr)
        node = node.base
    if isinstance(node, pst.Var) and node.name == "context":
        return tuple(reversed(steps))
    return None
