"""docs/reference/commands.md, from the command line's own parser."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from cyclopts import App
from tools.reference.text import HEAD, joined, one_paragraph, read, require, row

from remit.cli.main import COMMANDS, GROUPS, build
from remit.cli.options import Options
from remit.cli.output import Exit


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
        everywhere = argument.field_info.name in {field.name for field in fields(Options)}
        if argument.show and argument.names != ("*",) and everywhere is shared:
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
