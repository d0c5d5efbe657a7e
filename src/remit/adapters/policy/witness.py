"""Arguments to try where policies only compare them with literals: then a few values stand for all there are.

Between two neighbouring literals every value is decided alike, so the literals, their neighbours, one value that
equals none of them, and absence are enough (a small-model argument). Where a policy does anything else with an
argument there is no such list, and the answer is None.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from cedarpy import pst

from remit.adapters.policy.reading import children
from remit.core.policy_types import DECIMAL_PLACES, LONG_MAX, Attribute, RecordOf, Scalar

COMBINATIONS_MAX: Final = 256
FRESH: Final = "\u2060no literal of any policy\u2060"
_ULP: Final = Decimal(1).scaleb(-DECIMAL_PLACES)
_COMPARISONS: Final = frozenset({
    "eq", "not_eq", "less", "less_eq", "greater", "greater_eq",
    "decimal_less_than", "decimal_less_eq", "decimal_greater", "decimal_greater_eq",
})  # fmt: skip
_ABSENT: Final = object()

Literal = str | int | bool | Decimal


def candidates(
    policies: Iterable[pst.Template], type_: RecordOf, schema: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """Argument objects of which one is permitted if any at all is, or None where no such list is known."""
    literals: dict[str, set[Literal]] = {}
    if not all(_collect(policy.clauses, literals) for policy in policies):
        return None
    domains: list[list[tuple[str, object]]] = []
    size = 1
    for name in sorted(literals):
        attribute = type_.attributes.get(name)
        if attribute is None:
            continue  # a `has` test of a name that cannot be given: always absent
        domain = _domain(attribute, literals[name], _declared(schema, name))
        if domain is None:
            return None
        size *= len(domain)
        if size > COMBINATIONS_MAX:
            return None
        domains.append([(name, value) for value in domain])
    return [{name: value for name, value in choice if value is not _ABSENT} for choice in itertools.product(*domains)]


def _declared(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    properties = schema.get("properties")
    declared = properties.get(name) if isinstance(properties, Mapping) else None
    return declared if isinstance(declared, Mapping) else {}


def _collect(node: object, literals: dict[str, set[Literal]]) -> bool:
    """Gather what each argument is compared with. False when an argument is used in any other way."""
    match node:
        case tuple():
            return all(_collect(each, literals) for each in node)
        case pst.When(expr=expr) | pst.Unless(expr=expr) | pst.UnaryOp(op="not", arg=expr):
            return _collect(expr, literals)
        case pst.BinaryOp(op="and" | "or", left=left, right=right):
            return _collect(left, literals) and _collect(right, literals)
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=other):
            return _collect((cond, then, other), literals)
        case _:
            return _atom(node, literals) or not _mentions_args(node)


def _atom(node: object, literals: dict[str, set[Literal]]) -> bool:
    """One comparison of an argument with literals, one test for it, or a Bool argument on its own."""
    match node:
        case pst.BinaryOp(op=op, left=left, right=right) if op in _COMPARISONS:
            return _compared(_names(left), right, literals) or _compared(_names(right), left, literals)
        case pst.BinaryOp(op="contains", left=pst.Set(elements=elements), right=right) if _names(right):
            return all(_compared(_names(right), element, literals) for element in elements)
        case pst.HasAttr(base=pst.Var(name="context"), attrs=("args",)):
            return True
        case (
            pst.HasAttr(base=pst.GetAttr(base=pst.Var(name="context"), attr="args"), attrs=(name,))
            | pst.HasAttr(base=pst.Var(name="context"), attrs=("args", name))
        ):
            literals.setdefault(name, set())
            return True
        case pst.GetAttr() if name := _names(node):
            literals.setdefault(name, set())
            return True
        case _:
            return False


def _mentions_args(node: object) -> bool:
    """Whether arguments, or the context as a whole, occur anywhere in a node."""
    match node:
        case (
            pst.GetAttr(base=pst.Var(name="context"), attr=name)
            | pst.HasAttr(base=pst.Var(name="context"), attrs=(name, *_))
        ):
            return name == "args"
        case pst.Var(name="context"):
            return True
        case _:
            return any(_mentions_args(child) for child in children(node))


def _names(node: object) -> str:
    """`x` for `context.args.x`, else nothing."""
    match node:
        case pst.GetAttr(base=pst.GetAttr(base=pst.Var(name="context"), attr="args"), attr=name):
            return name
        case _:
            return ""


def _compared(name: str, with_: object, literals: dict[str, set[Literal]]) -> bool:
    if not name:
        return False
    match with_:
        case pst.StringLit(value=value) | pst.LongLit(value=value) | pst.BoolLit(value=value):
            literals.setdefault(name, set()).add(value)
        case pst.UnaryOp(op="neg", arg=pst.LongLit(value=number)):
            literals.setdefault(name, set()).add(-number)
        case pst.UnaryOp(op="decimal", arg=pst.StringLit(value=text)):
            literals.setdefault(name, set()).add(Decimal(text))
        case _:
            return False
    return True


def _domain(attribute: Attribute, literals: set[Literal], declared: Mapping[str, Any]) -> list[object] | None:
    """The values to try for one argument."""
    values: list[object]
    enum = declared.get("enum")
    match attribute.type:
        case Scalar.STRING:
            known = [value for value in enum if isinstance(value, str)] if isinstance(enum, list) else []
            values = list(known) or [*sorted(each for each in literals if isinstance(each, str)), FRESH]
        case Scalar.BOOL:
            values = [False, True]
        case Scalar.LONG:
            longs = [each for each in literals if isinstance(each, int) and not isinstance(each, bool)] or [0]
            near = {number + step for number in longs for step in (-1, 0, 1)}
            values = [number for number in sorted(near) if -LONG_MAX - 1 <= number <= LONG_MAX]
        case Scalar.DECIMAL:
            numbers = [each for each in literals if isinstance(each, Decimal)] or [Decimal(0)]
            values = [
                float(each) for each in sorted({number + step * _ULP for number in numbers for step in (-1, 0, 1)})
            ]
        case _:
            return None
    return values if attribute.required else [*values, _ABSENT]
