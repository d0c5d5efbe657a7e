"""docs/reference/settings.md and the JSON Schema of remit.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import msgspec
from msgspec import inspect as shapes
from tools.reference.text import HEAD, joined, one_paragraph, read, require, row

import remit.app.sections as written

UNITS = {"_bytes_max": "bytes", "_items_max": "items", "_s": "seconds", "_s_max": "seconds", "_ms": "milliseconds"}
PLAIN: Mapping[type[shapes.Type], str] = {
    shapes.StructType: "section",
    shapes.IntType: "whole number",
    shapes.FloatType: "number",
    shapes.BoolType: "true or false",
}


def sections() -> Iterator[tuple[str, type[written.Strict]]]:
    """Where each section stands in the file, outermost first."""
    words = read("settings")["sections"]
    for name, where in words.items():
        yield where, getattr(written, name)
    found = {kind.__name__ for kind in written.Strict.__subclasses__()}
    require(f"the section {name}" for name in sorted(found ^ set(words)))


def settings_page() -> str:
    words = read("settings")
    lines = [HEAD.format(source="src/remit/app/sections.py and tools/reference/settings.yaml"), words["intro"]]
    for where, kind in sections():
        lines += [f"\n## {where}\n", one_paragraph(vars(kind).get("__doc__")) + "\n"]
        lines += [row(("setting", "type", "default", "unit", "meaning")), row(["---"] * 5)]
        lines += [setting_row(field, kind.__name__, words["meanings"]) for field in msgspec.structs.fields(kind)]
    lines.append("\n" + words["outro"])
    return joined(lines)


def setting_row(field: msgspec.structs.FieldInfo, section: str, meanings: Mapping[str, str]) -> str:
    key = f"{section}.{field.name}"
    require([key] if key not in meanings else [])
    return row(
        (
            f"`{field.name}`",
            type_text(shapes.type_info(field.type)),
            default_text(field),
            unit_of(field.name),
            meanings[key],
        )
    )


def unit_of(name: str) -> str:
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def default_text(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if isinstance(default, written.Strict):
        return "see below"
    return "none" if default is None else f"`{json.dumps(default)}`"


def type_text(kind: shapes.Type) -> str:
    """The type in words a reader of YAML knows."""
    match kind:
        case shapes.ListType(item_type=item):
            return f"list of {type_text(item)}"
        case shapes.DictType(value_type=value):
            return f"map of name to {type_text(value)}"
        case shapes.UnionType(types=types):
            return " or ".join(type_text(one) for one in types if not isinstance(one, shapes.NoneType))
        case shapes.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case shapes.EnumType(cls=members):
            return " or ".join(f"`{member.value}`" for member in members)
        case shapes.StrType(pattern=pattern):
            return "name" if pattern else "text"
        case shapes.IntType(gt=0) | shapes.FloatType(gt=0):
            return f"{PLAIN[type(kind)]} above 0"
        case _:
            return PLAIN.get(type(kind), "any")


def schema_file() -> str:
    """The JSON Schema (2020-12) of remit.yaml, for editors. It cannot say what `remit check` also checks."""
    meanings = read("settings")["meanings"]
    schema = msgspec.json.schema(written.Settings)
    for name, definition in schema["$defs"].items():
        for field, shape in definition.get("properties", {}).items():
            shape["description"] = meanings[f"{name}.{field}"].replace("`", "")
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "remit.yaml", **schema}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"
