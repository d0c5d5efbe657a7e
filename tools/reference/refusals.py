"""docs/reference/reasons.md."""

from __future__ import annotations

from tools.reference.text import HEAD, joined, read, row

from remit.core.meanings import MEANING
from remit.core.reasons import Kind, Reason


def reasons_page() -> str:
    words = read("reasons")
    lines = [HEAD.format(source="src/remit/core/meanings.py and tools/reference/reasons.yaml"), words["intro"]]
    for kind in Kind:
        lines += [f"\n## {kind.value}\n", words["kinds"][kind.value] + "\n"]
        lines += [row(("reason", "HTTP", "JSON-RPC", "says", "next")), row(["---"] * 5)]
        lines += [
            row((f"`{reason.value}`", meaning.http_status, meaning.rpc_code, meaning.text, meaning.next))
            for reason, meaning in ((reason, MEANING[reason]) for reason in Reason)
            if meaning.kind is kind
        ]
    return joined(lines)
