"""docs/reference/events.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from tools.reference.text import HEAD, joined, read, require, row

from remit.core import ledger


def events_page() -> str:
    words = read("events")
    meanings = {"RecordKind": comments_of(ledger.RecordKind), "OutcomeStatus": comments_of(ledger.OutcomeStatus)}
    lines = [
        HEAD.format(source="src/remit/core/ledger.py and tools/reference/events.yaml"),
        words["intro"],
        "\n## Kinds\n",
    ]
    lines += [row(("kind", "written when")), row(["---"] * 2)]
    lines += [
        row((f"[`{kind.value}`](#{kind.value})", meanings["RecordKind"][kind.name])) for kind in ledger.RecordKind
    ]
    lines += ["\n## Fields of every record\n", *fields_table(words["every"])]
    for kind in ledger.RecordKind:
        require([f"record kind {kind.value}"] if kind.value not in words["kinds"] else [])
        entry = words["kinds"][kind.value]
        lines += [f"\n## {kind.value}\n", entry["text"] + "\n", *fields_table(entry["fields"])]
    lines += ["\n## Values of `status`\n", row(("status", "means")), row(["---"] * 2)]
    lines += [
        row((f"`{status.value}`", meanings["OutcomeStatus"][status.name] or words["statuses"][status.value]))
        for status in ledger.OutcomeStatus
    ]
    lines.append("\n" + words["outro"])
    return joined(lines)


def fields_table(fields: Mapping[str, str]) -> list[str]:
    return [row(("field", "means")), row(["---"] * 2), *(row((f"`{name}`", text)) for name, text in fields.items())]


def comments_of(kind: type) -> dict[str, str]:
    """The comment beside each member of an enumeration."""
    found = re.findall(r"^    (\w+) = \"[^\"]*\"(?:  # (.*))?$", inspect.getsource(kind), re.MULTILINE)
    return dict(found)
