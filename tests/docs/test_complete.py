"""What exists in the code and somebody may look up is in the documentation by name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import msgspec
import pytest
from tools.reference.commands import commands
from tools.reference.settings import sections
from tools.reference.tables import acts

from remit.app.sections import Strict
from remit.cli.output import Exit
from remit.core.administration import Role
from remit.core.ledger import OutcomeStatus, RecordKind
from remit.core.meanings import MEANING
from remit.core.reasons import Reason
from tests.docs.book import ROOT, page, pages, table_rows

ADAPTERS = sorted(path for path in (ROOT / "src/remit/adapters").glob("*/*.py") if path.name != "__init__.py")
COMMANDS = [" ".join(path) for path, _ in commands()]


@pytest.mark.parametrize(("where", "section"), list(sections()), ids=str)
def test_every_setting_has_a_row(where: str, section: type[Strict]) -> None:
    part = page("docs/reference/settings.md").split(f"\n## {where}\n")[1].split("\n## ")[0]
    lacking = [field.name for field in msgspec.structs.fields(section) if f"\n| `{field.name}` |" not in part]
    assert lacking == []


def test_every_setting_is_read_by_something() -> None:
    """A documented setting without effect is a promise that nobody keeps."""
    files = [path for path in (ROOT / "src/remit").rglob("*.py") if path.parts[-2:] != ("app", "sections.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = {
        f"{section.__name__}.{field.name}" for _, section in sections() for field in msgspec.structs.fields(section)
    }
    assert sorted(name for name in named if not re.search(rf"\w\.{name.split('.')[1]}\b", code)) == []


def test_every_section_of_the_settings_is_listed() -> None:
    listed = {section.__name__ for _, section in sections()}
    assert listed == {section.__name__ for section in Strict.__subclasses__()}


def test_every_reason_has_its_meaning_on_its_page() -> None:
    text = page("docs/reference/reasons.md")
    lacking = [reason for reason in Reason if f"| `{reason.value}` | {MEANING[reason].http_status} |" not in text]
    assert lacking == []


def test_every_reason_is_given_somewhere() -> None:
    """core/reasons.py and meanings.py define them and surfaces/mcp/render.py shows what comes; none gives one."""
    silent = {"reasons.py", "meanings.py", "render.py"}
    files = [path for path in (ROOT / "src/remit").rglob("*.py") if path.name not in silent]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    assert [reason.value for reason in Reason if not re.search(rf"\bReason\.{reason.name}\b", code)] == []


def test_every_kind_of_record_is_written_somewhere() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/remit").rglob("*.py"))
    assert [kind.value for kind in RecordKind if not re.search(rf"\bRecordKind\.{kind.name}\b", code)] == []


def test_every_kind_of_record_and_status_is_explained() -> None:
    text = page("docs/reference/events.md")
    assert [kind for kind in RecordKind if f"\n## {kind.value}\n" not in text] == []
    assert [status for status in OutcomeStatus if not re.search(rf"\| `{status.value}` \| \w", text)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained_with_its_exit_codes(command: str) -> None:
    part = page("docs/reference/commands.md").split(f"\n## remit {command}\n")[1].split("\n## ")[0]
    assert f"remit {command}" in part
    assert re.search(r"\nExit codes: 0", part)


def test_every_exit_code_is_explained() -> None:
    text = page("docs/reference/commands.md")
    assert [code for code in Exit if f"| {code.value} | {code.name.lower()} |" not in text] == []


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_adapter_file_has_a_heading(path: Path) -> None:
    assert f"\n## {path.name}\n" in page(f"docs/reference/adapters/{path.parent.name}.md")


def test_every_administrative_act_and_role_is_explained() -> None:
    text = page("docs/reference/admin-socket.md")
    assert [act for act in acts() if f"\n| `{act}` |" not in text] == []
    assert [role for role in Role if f"\n| `{role}` |" not in text] == []
    assert len(acts()) >= 10


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, todo = set[str](), ["docs/index.md"]
    while todo:
        name = todo.pop()
        if name in pages() and name not in reached:
            reached.add(name)
            folder = ROOT / name
            todo += [
                str((folder.parent / target.split("#")[0]).resolve().relative_to(ROOT))
                for target in re.findall(r"\]\(([^)\s:#]+)", pages()[name])
            ]
    assert sorted(name for name in pages() if name.startswith("docs/") and name not in reached) == []


def test_every_field_of_a_record_is_explained() -> None:
    """The keys of what the functions named `…_fields` return, in core and flows."""
    told = {name.strip("` ") for row in table_rows(page("docs/reference/events.md"), 2) for name in row[0].split(",")}
    recorded = {
        key
        for folder in ("core", "flows")
        for path in (ROOT / "src/remit" / folder).glob("*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and function.name.endswith("_fields")
        for key in outer_keys(function)
    }
    assert {"subject", "determining", "status", "administrator", "store_sequence"} <= recorded
    assert sorted(recorded - told) == []


def outer_keys(function: ast.FunctionDef) -> set[str]:
    """String keys of the dictionaries written in a function, those inside other dictionaries left out."""
    displays = [node for node in ast.walk(function) if isinstance(node, ast.Dict)]
    inner = {id(node) for display in displays for value in display.values for node in ast.walk(value)}
    keys = [key for display in displays if id(display) not in inner for key in display.keys]
    stored = [node.slice for node in ast.walk(function) if isinstance(node, ast.Subscript)]
    return {key.value for key in [*keys, *stored] if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_every_protocol_rule_that_code_and_tests_name_is_explained() -> None:
    files = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r"\bG\d+b?\b", code)) | {f"G{rule}" for rule in re.findall(r"\bdef test_g(\d+b?)_", code)}
    explained = {row[0] for row in table_rows(page("docs/reference/protocol-rules.md"), 2)}
    assert named - explained == set()
