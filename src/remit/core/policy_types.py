"""What of a tool's arguments a policy can read: the mapped types, made once from the pinned inputSchema, and the typed
encoder that turns arguments into them.

Arguments reach a policy engine only through `encode`. It builds every value from the mapped type and never copies an
object of the caller's, so that no key a caller chooses can be read as an engine's escape (`__entity`, `__extn`,
`__expr`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from remit.core.arguments import RESERVED_KEYS

LONG_MAX: Final = 2**63 - 1
DECIMAL_PLACES: Final = 4  # Cedar's decimal: a 64-bit integer of ten-thousandths
DEPTH_MAX: Final = 16
# A schema is the server's own: a few lines of `$ref` can stand for millions of parts, and brackets for any depth.
PARTS_MAX: Final = 2_000
NESTING_MAX: Final = 64

# An attribute's way from the top of a record: ("args", "path").
Path = tuple[str, ...]


class Scalar(Enum):
    STRING = "String"
    BOOL = "Bool"
    LONG = "Long"
    DECIMAL = "decimal"


@dataclass(frozen=True, slots=True)
class SetOf:
    element: MappedType


@dataclass(frozen=True, slots=True)
class Attribute:
    type: MappedType
    required: bool


@dataclass(frozen=True, slots=True)
class RecordOf:
    attributes: Mapping[str, Attribute]


MappedType = Scalar | SetOf | RecordOf


@dataclass(frozen=True, slots=True)
class Unmapped:
    """An argument that no policy can read, and why."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.why}"


@dataclass(frozen=True, slots=True)
class ToolType:
    """The type of `context.args` for one tool, and what was left out of it."""

    arguments: RecordOf
    unmapped: tuple[Unmapped, ...]


_SCALARS: Final = {
    "string": Scalar.STRING,
    "boolean": Scalar.BOOL,
    "integer": Scalar.LONG,
    "number": Scalar.DECIMAL,
}


class _Unmappable(Exception):
    pass


class _TooManyParts(Exception):
    pass


def tool_type(input_schema: Mapping[str, Any]) -> ToolType:
    """Map an inputSchema (JSON Schema 2020-12). What has no exact counterpart is left out and named, never
    approximated.
    """
    mapper = _Mapper(input_schema)
    try:
        arguments = mapper.record(input_schema, (), frozenset(), top=True)
    except _TooManyParts:
        return ToolType(RecordOf({}), (Unmapped(("args",), f"the schema stands for more than {PARTS_MAX} parts"),))
    return ToolType(arguments, tuple(mapper.unmapped))


class _Mapper:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self.unmapped: list[Unmapped] = []
        self._parts = self._nesting = 0

    def record(self, schema: Mapping[str, Any], path: Path, seen: frozenset[str], *, top: bool = False) -> RecordOf:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not (properties or top):
            if top:
                return RecordOf({})
            raise _Unmappable("an object without declared properties")
        required = schema.get("required")
        required = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
        attributes: dict[str, Attribute] = {}
        for name, inner in properties.items():
            try:
                if name in RESERVED_KEYS:
                    raise _Unmappable("a reserved name")
                mapped, nullable = self.type(inner, (*path, name), seen)
            except _Unmappable as reason:
                self.unmapped.append(Unmapped((*path, name), str(reason)))
            else:
                attributes[name] = Attribute(mapped, required=name in required and not nullable)
        return RecordOf(attributes)

    def type(self, schema: object, path: Path, seen: frozenset[str]) -> tuple[MappedType, bool]:
        """The mapped type, and whether null is allowed (null is the same as absent)."""
        if not isinstance(schema, Mapping):
            raise _Unmappable("any value")
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise _TooManyParts
        if len(path) > DEPTH_MAX or self._nesting >= NESTING_MAX:
            raise _Unmappable("nested too deeply")
        self._nesting += 1
        try:
            return self._kind(schema, path, seen)
        finally:
            self._nesting -= 1

    def _kind(self, schema: Mapping[str, Any], path: Path, seen: frozenset[str]) -> tuple[MappedType, bool]:
        if "$ref" in schema:
            return self._reference(schema["$ref"], path, seen)
        if "anyOf" in schema or "oneOf" in schema:
            return self._union(schema.get("anyOf", schema.get("oneOf")), path, seen)
        if "allOf" in schema and "type" not in schema:
            return self._union(schema["allOf"], path, seen)  # all of one mapped type, or none
        return self._plain(schema, path, seen)

    def _reference(self, reference: object, path: Path, seen: frozenset[str]) -> tuple[MappedType, bool]:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise _Unmappable("a $ref to another document")
        if reference in seen:
            raise _Unmappable("a recursive $ref")
        found: object = self._root
        for step in reference[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or step not in found:
                raise _Unmappable("a $ref to nothing")
            found = found[step]
        return self.type(found, path, seen | {reference})

    def _union(self, branches: object, path: Path, seen: frozenset[str]) -> tuple[MappedType, bool]:
        if not isinstance(branches, list):
            raise _Unmappable("a malformed union")
        kept = [branch for branch in branches if not (isinstance(branch, Mapping) and branch.get("type") == "null")]
        found = [self.type(branch, path, seen) for branch in kept]
        if not found or any(mapped != found[0][0] for mapped, _ in found):
            raise _Unmappable("a union")
        return found[0][0], len(kept) < len(branches) or any(nullable for _, nullable in found)

    def _plain(self, schema: Mapping[str, Any], path: Path, seen: frozenset[str]) -> tuple[MappedType, bool]:
        kinds = schema.get("type", _kind_of_values(schema))
        kinds = kinds if isinstance(kinds, list) else [kinds]
        kept = [kind for kind in kinds if kind != "null"]
        if len(kept) != 1 or not isinstance(kept[0], str):
            raise _Unmappable("a union" if len(kept) > 1 else "no single type")
        return self._single(kept[0], schema, path, seen), len(kept) < len(kinds)

    def _single(self, kind: str, schema: Mapping[str, Any], path: Path, seen: frozenset[str]) -> MappedType:
        if kind in _SCALARS:
            if kind == "number":
                _refuse_far_numbers(schema)
            return _SCALARS[kind]
        if kind == "object":
            return self.record(schema, path, seen)
        if kind != "array" or "prefixItems" in schema or "items" not in schema:
            raise _Unmappable("an array without one type of item" if kind == "array" else f"the type {kind[:40]}")
        element, null_inside = self.type(schema["items"], path, seen)
        if null_inside:
            raise _Unmappable("an array that may hold null")
        return SetOf(element)


def _kind_of_values(schema: Mapping[str, Any]) -> str | None:
    """The type an untyped `enum` or `const` implies."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if not isinstance(values, list) or not values:
        return None
    if all(isinstance(value, str) for value in values):
        return "string"
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    return "integer" if all(isinstance(value, int) and not isinstance(value, bool) for value in values) else None


def _refuse_far_numbers(schema: Mapping[str, Any]) -> None:
    """A number that could only lie outside Cedar's decimal is no number a policy could read."""
    low, high = schema.get("minimum"), schema.get("maximum")
    edge = LONG_MAX // 10**DECIMAL_PLACES
    if (isinstance(low, int | float) and low > edge) or (isinstance(high, int | float) and high < -edge):
        raise _Unmappable("numbers outside the range of decimal")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Arguments as JSON values of their mapped types. `inexact` names what was given but could not be carried over
    exactly: a decision that reads one of these paths is an error.
    """

    value: dict[str, Any]
    inexact: tuple[Path, ...]


def encode(arguments: Mapping[str, Any], type_: RecordOf) -> Encoded:
    """The arguments as the policy engine may see them. Null is absent; what is not mapped is left out and named."""
    inexact: list[Path] = []
    return Encoded(_record(arguments, type_, (), inexact), tuple(inexact))


@dataclass(frozen=True, slots=True)
class Reads:
    """What a set of policies reads of something: `values` are read, `tests` are only asked whether they are there
    (`has`).
    """

    values: frozenset[Path]
    tests: frozenset[Path]

    def turns_on(self, inexact: Path) -> bool:
        """Whether a decision could turn on what was lost at this path: a value read holds it or lies in it, or a test
        asks for it or for something in it.
        """
        return any(_either_holds(path, inexact) for path in self.values) or any(
            path[: len(inexact)] == inexact for path in self.tests
        )

    def under(self, name: str) -> Reads:
        """The reads below one attribute, with its name taken off; a read of the whole is a read of everything below."""
        return Reads(
            frozenset(path[1:] for path in self.values if path[:1] in ((), (name,))),
            frozenset(path[1:] for path in self.tests if path[:1] == (name,)),
        )

    def names(self) -> frozenset[str] | None:
        """The attributes read at the top, or None when the whole is read."""
        if () in self.values:
            return None
        return frozenset(path[0] for path in (*self.values, *self.tests) if path)


def _either_holds(left: Path, right: Path) -> bool:
    shared = min(len(left), len(right))
    return left[:shared] == right[:shared]


class _Inexact(Exception):
    pass


def _record(given: Mapping[str, Any], type_: RecordOf, path: Path, inexact: list[Path]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    attributes = type_.attributes
    for name, inner in given.items():
        if inner is None:
            continue
        attribute = attributes.get(name)
        if attribute is None:
            inexact.append((*path, name))
            continue
        kind = attribute.type
        if kind is Scalar.STRING and type(inner) is str:  # most arguments are strings
            value[name] = inner
            continue
        try:
            value[name] = _value(inner, kind, (*path, name), inexact)
        except _Inexact:
            inexact.append((*path, name))
    return value


def _value(given: object, type_: MappedType, path: Path, inexact: list[Path]) -> object:
    if isinstance(type_, Scalar):
        return _scalar(given, type_)
    if isinstance(type_, SetOf):
        if not isinstance(given, list):
            raise _Inexact
        inside: list[Path] = []
        elements = [_value(element, type_.element, path, inside) for element in given]
        if inside:  # a loss inside a set cannot be told apart from its neighbours
            raise _Inexact
        return elements
    if not isinstance(given, Mapping):
        raise _Inexact
    return _record(given, type_, path, inexact)


def _scalar(given: object, type_: Scalar) -> object:
    match type_:
        case Scalar.STRING if isinstance(given, str):
            return given
        case Scalar.BOOL if isinstance(given, bool):
            return given
        case Scalar.LONG if isinstance(given, int) and not isinstance(given, bool):
            if -LONG_MAX - 1 <= given <= LONG_MAX:
                return given
        case Scalar.LONG if isinstance(given, float) and given.is_integer():  # JSON Schema: 1.0 is an integer
            return _scalar(int(given), type_)
        case Scalar.DECIMAL if isinstance(given, int | float) and not isinstance(given, bool):
            return {"__extn": {"fn": "decimal", "arg": _decimal(given)}}
        case _:
            pass
    raise _Inexact


def _decimal(given: float) -> str:
    """The number as its JSON text says it: `repr` is the shortest text that means this number, and what is sent on."""
    number = Decimal(repr(given))
    if not number.is_finite():
        raise _Inexact
    scaled = number.scaleb(DECIMAL_PLACES)
    if scaled != scaled.to_integral_value() or not -LONG_MAX - 1 <= scaled <= LONG_MAX:
        raise _Inexact
    return f"{number:.{DECIMAL_PLACES}f}"


def at(type_: RecordOf, path: Path) -> MappedType | None:
    """The type at a path, or None where nothing is mapped."""
    found: MappedType = type_
    for step in path:
        attribute = found.attributes.get(step) if isinstance(found, RecordOf) else None
        if attribute is None:
            return None
        found = attribute.type
    return found
