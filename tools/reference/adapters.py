"""docs/reference/adapters/: one page per folder of adapters, from their docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

from tools.reference.text import HEAD, ROOT, joined, one_paragraph, read, require, row

PAGES = Path("docs/reference/adapters")


def adapter_pages() -> dict[Path, str]:
    """One page per folder of src/remit/adapters, one heading per file, from their docstrings."""
    folders = sorted(path.parent for path in (ROOT / "src/remit/adapters").glob("*/__init__.py"))
    written = {PAGES / f"{folder.name}.md": adapter_page(folder) for folder in folders}
    index = [HEAD.format(source="src/remit/adapters"), read("adapters")["intro"] + "\n"]
    index += [row(("adapters", "what they are")), row(["---"] * 2)]
    index += [row((f"[{folder.name}]({folder.name}.md)", summary(folder / "__init__.py"))) for folder in folders]
    return written | {PAGES / "index.md": joined(index)}


def adapter_page(folder: Path) -> str:
    files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    port = ROOT / "src/remit/ports" / f"{folder.name}.py"
    lines = [
        HEAD.format(source=f"the docstrings of src/remit/adapters/{folder.name}"),
        f"# {folder.name}\n",
        docstring(folder / "__init__.py"),
    ]
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
