#!/usr/bin/env python3
"""Write the pages of docs/reference/ that the code already knows.

    make_docs.py [--check]

Names, types, defaults, codes and options come from the code; what they mean is in tools/reference/*.yaml where the code
does not say it. `--check` writes nothing. Exit codes: 0 written or fresh, 1 stale, 3 something in the code has no words.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from cyclopts import App
from msgspec import inspect as shapes

from remit.app import settings
from remit.cli.main import COMMANDS, GROUPS, build
from remit.cli.output import Exit
from remit.core import ledger
from remit.core.reasons import MEANING, Kind, Reason

ROOT = Path(__file__).resolve().parents[1]
WORDS = ROOT / "tools" / "reference"
REFERENCE = Path("docs/reference")
HEAD = "<!-- Written by `make docs` from {source}. Do not edit here. -->\n\n"
UNITS = {"_bytes_max": "bytes", "_items_max": "items", "_s": "seconds", "_s_max": "seconds", "_ms": "milliseconds"}


class NoWords(Exception):
    """Something in the code that a reader would look up has no text."""


def pages() -> dict[Path, str]:
    """Every generated file, by its path from the project's root. Raises `NoWords`."""
    return {
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "remit.schema.json": schema_file(),
        REFERENCE / "reasons.md": reasons_page(),
        REFERENCE / "events.md": events_page(),
        REFERENCE / "commands.md": commands_page(),
        **adapter_pages(),
    }


# ---------------------------------------------------------------- settings


def sections() -> Iterator[tuple[str, type[settings.Strict]]]:
    """Where each section stands in the file, outermost first."""
    words = read("settings")["sections"]
    for name, where in words.items():
        yield where, getattr(settings, name)
    found = {kind.__name__ for kind in settings.Strict.__subclasses__()}
    require(f"the section {name}" for name in sorted(found ^ set(words)))


def settings_page() -> str:
    words = read("settings")
    lines = [HEAD.format(source="src/remit/app/settings.py and tools/reference/settings.yaml"), words["intro"]]
    for where, kind in sections():
        lines += [f"\n## {where}\n", one_paragraph(inspect.getdoc(kind)) + "\n"] if inspect.getdoc(kind) else [f"\n## {where}\n"]
        lines += [row(("setting", "type", "default", "unit", "meaning")), row(["---"] * 5)]
        lines += [setting_row(field, kind.__name__, words["meanings"]) for field in msgspec.structs.fields(kind)]
    lines.append("\n" + words["outro"])
    return joined(lines)


def setting_row(field: msgspec.structs.FieldInfo, section: str, meanings: Mapping[str, str]) -> str:
    key = f"{section}.{field.name}"
    require([key] if key not in meanings else [])
    return row((f"`{field.name}`", type_text(shapes.type_info(field.type)), default_text(field), unit_of(field.name), meanings[key]))


def unit_of(name: str) -> str:
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def default_text(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if isinstance(default, settings.Strict):
        return "see below"
    return "none" if default is None else f"`{json.dumps(default)}`"


def type_text(kind: shapes.Type) -> str:
    match kind:
        case shapes.StructType(cls=cls):
            return f"[{cls.__name__}]" if cls.__name__ not in read("settings")["sections"] else "section"
        case shapes.ListType(item_type=item):
            return f"list of {type_text(item)}"
        case shapes.DictType(value_type=value):
            return f"map of name to {type_text(value)}"
        case shapes.UnionType(types=types):
            return " or ".join(type_text(one) for one in types if not isinstance(one, shapes.NoneType))
        case shapes.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case shapes.StrType(pattern=pattern):
            return "name" if pattern else "text"
        case shapes.IntType(gt=gt):
            return "whole number above 0" if gt == 0 else "whole number"
        case shapes.FloatType(gt=gt):
            return "number above 0" if gt == 0 else "number"
        case shapes.BoolType():
            return "true or false"
        case _:
            return "any"


def schema_file() -> str:
    """The JSON Schema (2020-12) of remit.yaml, for editors. It cannot say what `remit check` also checks."""
    meanings = read("settings")["meanings"]
    schema = msgspec.json.schema(settings.Settings)
    for name, definition in schema["$defs"].items():
        for field, shape in definition.get("properties", {}).items():
            shape["description"] = meanings[f"{name}.{field}"].replace("`", "")
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "remit.yaml", **schema}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- reasons


def reasons_page() -> str:
    words = read("reasons")
    lines = [HEAD.format(source="src/remit/core/reasons.py and tools/reference/reasons.yaml"), words["intro"]]
    for kind in Kind:
        lines += [f"\n## {kind.value}\n", words["kinds"][kind.value] + "\n"]
        lines += [row(("reason", "HTTP", "JSON-RPC", "says", "next")), row(["---"] * 5)]
        lines += [
            row((f"`{reason.value}`", meaning.http_status, meaning.rpc_code, meaning.text, meaning.next))
            for reason, meaning in ((reason, MEANING[reason]) for reason in Reason)
            if meaning.kind is kind
        ]
    return joined(lines)


# ---------------------------------------------------------------- events


def events_page() -> str:
    words = read("events")
    meanings = {"RecordKind": comments_of(ledger.RecordKind), "OutcomeStatus": comments_of(ledger.OutcomeStatus)}
    lines = [HEAD.format(source="src/remit/core/ledger.py and tools/reference/events.yaml"), words["intro"], "\n## Kinds\n"]
    lines += [row(("kind", "written when")), row(["---"] * 2)]
    lines += [row((f"[`{kind.value}`](#{kind.value})", said(meanings["RecordKind"], kind.name))) for kind in ledger.RecordKind]
    lines += ["\n## Fields of every record\n", *fields_table(words["every"])]
    for kind in ledger.RecordKind:
        require([f"record kind {kind.value}"] if kind.value not in words["kinds"] else [])
        entry = words["kinds"][kind.value]
        lines += [f"\n## {kind.value}\n", entry["text"] + "\n", *fields_table(entry["fields"])]
    lines += ["\n## Values of `status`\n", row(("status", "means")), row(["---"] * 2)]
    lines += [
        row((f"`{status.value}`", said(meanings["OutcomeStatus"], status.name) or words["statuses"][status.value]))
        for status in ledger.OutcomeStatus
    ]
    lines.append("\n" + words["outro"])
    return joined(lines)


def fields_table(fields: Mapping[str, str]) -> list[str]:
    return [row(("field", "means")), row(["---"] * 2), *(row((f"`{name}`", text)) for name, text in fields.items())]


def comments_of(kind: type) -> dict[str, str]:
    """The comment beside each member of an enumeration."""
    found = re.findall(r"^    (\w+) = \"[^\"]*\"(?:  # (.*))?$", inspect.getsource(kind), re.MULTILINE)
    return {name: comment for name, comment in found}


def said(comments: Mapping[str, str], name: str) -> str:
    return comments.get(name, "")


# ---------------------------------------------------------------- commands


def commands_page() -> str:
    words = read("commands")
    lines = [HEAD.format(source="src/remit/cli and tools/reference/commands.yaml"), words["intro"], "\n## Exit codes\n"]
    lines += [row(("code", "name", "means")), row(["---"] * 3)]
    lines += [row((code.value, code.name.lower(), words["exit_codes"][code.name])) for code in Exit]
    lines.append("\n## Options of every command\n")
    lines += option_rows(next(app for _, app in commands()), shared=True)
    for path, app in commands():
        name = " ".join(path)
        require([f"command {name}"] if name not in words["commands"] else [])
        entry = words["commands"][name]
        lines += [f"\n## remit {name}\n", one_paragraph(app.help) + "\n", f"```\n{usage_of(path, app)}\n```\n"]
        lines += option_rows(app, shared=False)
        lines += ["\n" + entry["text"]] if entry.get("text") else []
        codes = ", ".join(str(code) for code in sorted({0, 2, 6, *entry["exits"]}))
        lines.append(f"\nExit codes: {codes}.")
    return joined(lines)


def commands() -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command that does something, in the order of the help."""
    top = build()
    for name in COMMANDS:
        yield (name,), top[name]
    for group in GROUPS:
        for name in top[group]:
            if not name.startswith("-"):
                yield (group, name), top[group][name]



def arguments_of(app: App, *, shared: bool) -> list[Any]:
    """The arguments a person gives; `shared` chooses those that every command takes."""
    found = []
    for argument in app.assemble_argument_collection():
        own = not any(group.name == "Every command" for group in argument.parameter.group or ())
        if argument.show and argument.names != ("*",) and own is not shared:
            found.append(argument)
    return found


def option_rows(app: App, *, shared: bool) -> list[str]:
    given = arguments_of(app, shared=shared)
    if not given:
        return []
    rows = [row(("argument", "default", "meaning")), row(["---"] * 3)]
    return rows + [row((names_of(one), default_of(one), (one.parameter.help or "").strip())) for one in given]


def names_of(argument: Any) -> str:
    names = [name for name in argument.names if not name.startswith("--no-")]
    return ", ".join(f"`{name}`" for name in names)


def default_of(argument: Any) -> str:
    if argument.required:
        return "required"
    default = argument.field_info.default
    if default in (None, "", False, inspect.Parameter.empty):
        return ""
    environment = "".join(f" or ${name}" for name in argument.parameter.env_var or ())
    return f"`{default}`{environment}"


def usage_of(path: tuple[str, ...], app: App) -> str:
    words = ["remit", *path]
    for argument in arguments_of(app, shared=False):
        name = next(name for name in argument.names if not name.startswith("--no-"))
        flag = argument.hint is bool
        text = name if flag or not name.startswith("-") else f"{name} {name.lstrip('-').upper().replace('-', '_')}"
        words.append(text if argument.required else f"[{text}]")
    return " ".join(words)


# ---------------------------------------------------------------- adapters


def adapter_pages() -> dict[Path, str]:
    """One page per folder of src/remit/adapters, one heading per file, from their docstrings."""
    folders = sorted(path.parent for path in (ROOT / "src/remit/adapters").glob("*/__init__.py"))
    written = {REFERENCE / "adapters" / f"{folder.name}.md": adapter_page(folder) for folder in folders}
    index = [HEAD.format(source="src/remit/adapters"), read("adapters")["intro"] + "\n"]
    index += [row(("adapters", "what they are")), row(["---"] * 2)]
    index += [row((f"[{folder.name}]({folder.name}.md)", summary(folder / "__init__.py"))) for folder in folders]
    return written | {REFERENCE / "adapters" / "index.md": joined(index)}


def adapter_page(folder: Path) -> str:
    files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    port = ROOT / "src/remit/ports" / f"{folder.name}.py"
    lines = [HEAD.format(source=f"the docstrings of src/remit/adapters/{folder.name}"), f"# {folder.name}\n", docstring(folder / "__init__.py")]
    if port.exists():
        lines.append(f"\nThe port is `src/remit/ports/{folder.name}.py`: {summary(port)}")
    for path in files:
        lines += [f"\n## {path.name}\n", docstring(path)]
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and ast.get_docstring(node):
                lines.append(f"\n- `{node.name}`: {one_paragraph(ast.get_docstring(node))}")
    return joined(lines)


def docstring(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    require([f"{path.relative_to(ROOT)} (a docstring)"] if not text else [])
    return text or ""


def summary(path: Path) -> str:
    return one_paragraph(docstring(path).split("\n\n")[0])


# ---------------------------------------------------------------- text


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((WORDS / f"{name}.yaml").read_text("utf-8"))
    return found


def require(missing: Iterable[str]) -> None:
    lacking = list(missing)
    if lacking:
        raise NoWords("no text for " + ", ".join(lacking) + "; write it in tools/reference/")


def one_paragraph(text: str | None) -> str:
    return " ".join((text or "").split())


def row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ").strip() for cell in cells) + " |"


def joined(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    try:
        made = pages()
    except NoWords as problem:
        print(problem, file=sys.stderr)
        return 3
    kept = {ROOT / path: text for path, text in made.items()}
    stale = [path for path, text in kept.items() if not path.exists() or path.read_text("utf-8") != text]
    stale += [path for path in (ROOT / REFERENCE / "adapters").glob("*.md") if path not in kept]
    for path in stale:
        print(path.relative_to(ROOT), file=sys.stderr)
    if "--check" in arguments:
        return 1 if stale else 0
    for path in stale:
        if path in kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(kept[path], "utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
