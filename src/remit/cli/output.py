"""How every command speaks: `--json` with a versioned schema, calm text otherwise, and the exit codes."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, TextIO

SCHEMA_VERSION = 1


class Exit(IntEnum):
    OK = 0
    FINDINGS = 1  # findings, or a verification that failed
    USAGE = 2
    CONFIGURATION = 3
    DENIED = 4
    UNREACHABLE = 5
    INTERNAL = 6
    INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


# How a thing that was looked at is, and its colour: `check` and `doctor` speak alike.
STATES = {"ok": "32", "note": "33", "failed": "31"}


class CommandFailed(Exception):
    """A command ends with this code after telling the person why and what to do next."""

    def __init__(
        self,
        code: Exit,
        message: str,
        *,
        detail: str = "",
        next_step: str = "",
        reason: str = "",
        decision_id: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.next_step = next_step
        self.reason = reason
        self.decision_id = decision_id


class OutputLost(Exception):
    """Stdout did not take what a command said. `reader_left`: whoever read it has seen enough."""

    def __init__(self, problem: OSError) -> None:
        super().__init__(problem.strerror or str(problem))
        self.reader_left = isinstance(problem, BrokenPipeError)


class Stdout:
    """Stdout, with its failures told apart from all other ones. What it has no characters for is written escaped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as problem:
            raise OutputLost(problem) from None

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as problem:
            raise OutputLost(problem) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def emit(kind: str, data: Mapping[str, Any], *, as_json: bool, text: str) -> None:
    """One result: a JSON document with `schema: remit/KIND/1`, or its text."""
    print(json.dumps({"schema": f"remit/{kind}/{SCHEMA_VERSION}", **data}, default=str) if as_json else text)


def note(text: str) -> None:
    """Something beside the data: progress, advice, warnings."""
    if sys.stderr is None:
        return  # `print` would take stdout, which is for data
    try:
        print(text, file=sys.stderr)
    except OSError:
        sys.stderr = None  # nobody is left to be told, and the interpreter need not try again


def fail(failure: CommandFailed, *, as_json: bool) -> int:
    lines = [f"{paint('31', 'error', sys.stderr)}  {failure.message}"]
    lines += ["       " + failure.detail.replace("\n", "\n       ")] if failure.detail else []
    lines += (
        [f"       decision {failure.decision_id}: remit explain {failure.decision_id}"] if failure.decision_id else []
    )
    lines += [f"next   {failure.next_step}"] if failure.next_step else []
    note("\n".join(lines))
    if as_json:
        error = {
            "reason": failure.reason,
            "message": failure.message,
            "detail": failure.detail,
            "next": failure.next_step,
            "decision_id": failure.decision_id,
        }
        print(json.dumps({"schema": f"remit/error/{SCHEMA_VERSION}", "error": error}))
    return int(failure.code)


def paint(code: str, text: str, stream: TextIO | None = None) -> str:
    """ANSI colour, only for a person at a terminal (NO_COLOR is honoured). For stdout unless said otherwise."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or stream is None or not stream.isatty():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as they need, two spaces apart, nothing else."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(title), *(len(row[column]) for row in cells)]) for column, title in enumerate(head)]
    lines = ["  ".join(title.upper().ljust(width) for title, width in zip(head, widths, strict=True)).rstrip()]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines)
