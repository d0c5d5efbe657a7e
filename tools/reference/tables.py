"""The tables inside pages that people write: administrative acts, bounds that are constants, causes."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

from tools.reference.text import ROOT, NoWords, joined, read, require, row

from remit.core import administration
from remit.core.diagnosis.table import HYPOTHESES
from remit.surfaces.admin.routes import ROUTES


def with_table(page: Path, name: str, table: list[str]) -> str:
    """A page that people write, with the part between its markers written anew."""
    text = (ROOT / page).read_text("utf-8")
    before, opened, rest = text.partition(f"<!-- {name}: written by `make docs` -->\n")
    _, closed, after = rest.partition(f"<!-- /{name} -->")
    require([f"the markers of {name} in {page}"] if not (opened and closed) else [])
    return f"{before}{opened}{joined(table)}{closed}{after}"


def acts() -> list[str]:
    """What the administration socket carries out, in the order of `ACTS` in app/acts/table.py."""
    tree = ast.parse((ROOT / "src/remit/app/acts/table.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ACTS" and isinstance(node.value, ast.Dict):
            return [ast.literal_eval(key) for key in node.value.keys if key is not None]
    raise NoWords("app/acts/table.py has no table ACTS")


def acts_table() -> list[str]:
    words = read("acts")
    lines = [row(("act", "roles, any of", "arguments", "result", "does")), row(["---"] * 5)]
    for act in acts():
        require([f"act {act}"] if act not in words else [])
        entry = words[act]
        rule = administration.RULES[administration.Act(entry.get("decided_as", act))]
        roles = ", ".join(f"`{role}`" for role in administration.Role if role in rule.roles)
        lines.append(row((f"`{act}`", roles, entry["arguments"], entry["result"], entry["text"])))
    return lines


def admin_routes_table() -> list[str]:
    lines = [row(("path", "method", "act", "roles, any of")), row(["---"] * 4)]
    for route in ROUTES:
        roles = ", ".join(f"`{role}`" for role in administration.Role if role in administration.RULES[route.act].roles)
        lines.append(row((f"`{route.path}`", route.method, f"`{route.act.value}`", roles)))
    return lines


def constants_table() -> list[str]:
    lines = [row(("bound", "value", "at the bound", "in the code")), row(["---"] * 4)]
    for where, entry in read("limits").items():
        found = value_at(where)
        value = f"{int(found) if found == int(found) else found:,} {entry['unit']}".strip()
        place = where.removeprefix("remit.").replace(":", " ")
        lines.append(row((entry["bound"], value, entry["then"], f"`{place}`")))
    return lines


def causes_table() -> list[str]:
    """What `remit doctor URL` looks for, in the order of a login."""
    lines = [row(("cause", "what would be wrong")), row(["---"] * 2)]
    return lines + [row((f"`{hypothesis.id}`", hypothesis.question)) for hypothesis in HYPOTHESES]


def value_at(where: str) -> Any:
    """`module:NAME`, `module:Class.field` or `module:function.parameter`: the value, or the default."""
    module, _, path = where.partition(":")
    found: Any = importlib.import_module(module)
    name, _, member = path.partition(".")
    found = getattr(found, name)
    if not member:
        return found
    defaults = inspect.signature(found).parameters[member]
    require([where] if defaults.default is inspect.Parameter.empty else [])
    return defaults.default
