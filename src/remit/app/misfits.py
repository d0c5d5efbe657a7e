"""What does not fit the shape of `remit.yaml`, in the words of that file: which entry, what was found and expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

IN_YAML = {"array": "a list", "object": "a map", "str": "text", "int": "a whole number", "bool": "true or false"}


class Part(NamedTuple):
    """A piece of the document: the file it stands in, its place there, and what it should be."""

    home: Path
    where: str
    value: Any
    kind: type[msgspec.Struct]


def misfits(parts: Iterable[Part], fields: Sequence[str]) -> list[str]:
    """The first problem of each part. Taken apart, because msgspec calls every entry of a map `[...]`."""
    problems = []
    for part in parts:
        try:
            msgspec.convert(part.value, part.kind)
        except msgspec.ValidationError as problem:
            problems.append(f"{part.home}: {plain(problem, part.where, part.kind, fields)}")
    return problems


def plain(problem: msgspec.ValidationError, where: str, kind: type[msgspec.Struct], fields: Sequence[str]) -> str:
    """`servers.files.stdio.command: expected a list, found text`. `fields`: all there are, to suggest one."""
    text, _, place = str(problem).partition(" - at ")
    inside = re.sub(r"\$\.?", "", place.replace("`", "")).replace("key in", "a key in")
    unknown = re.search(r"unknown field `([^`]+)`", text)
    if unknown:
        known = [name for name in (fields if inside else kind.__struct_fields__) if name != unknown[1]]
        near = difflib.get_close_matches(unknown[1], known, n=1)
        text += f"; did you mean {near[0]!r}?" if near else ""
    if "matching regex" in text:
        text = "expected a name: lower-case letters, digits and -, at most 63, first a letter or digit"
    text = re.sub(r"^Expected `([^`]+)`, got `([^`]+)`", lambda found: _expected(found[1], found[2]), text)
    text = text.replace("Object contains unknown", "unknown").replace("Object missing", "missing the")
    full = ".".join(part for part in (where, inside) if part)
    return f"{full}: {text}" if full else text


def unknown_servers(where: str, tools: Iterable[str], servers: Collection[str]) -> list[str]:
    """Tools, as `server/tool`, of servers nobody registered: what limits such a tool limits nothing."""
    problems = []
    for server in sorted({tool.partition("/")[0] for tool in tools} - set(servers)):
        near = difflib.get_close_matches(server, servers, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        problems.append(f"{where}: {server[:80]!r} is not in servers{hint}")
    return problems


def _expected(wanted: str, found: str) -> str:
    kinds = [" or ".join(IN_YAML.get(kind, kind) for kind in side.split(" | ")) for side in (wanted, found)]
    return f"expected {kinds[0]}, found {kinds[1]}"
