"""Cedar text: where each policy starts, and what its scope and conditions say. cedarpy has no source spans, so the
text is divided here, by the few rules of Cedar's grammar that matter: strings, comments and brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy as it was written. `line` is the first line of the policy itself, comments before it left out."""

    text: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def tokens(text: str) -> Iterator[tuple[int, str]]:
    """Every character that is neither in a string nor in a comment, with its place; a string counts as one token."""
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char == '"':
            start = at
            at += 1
            while at < end and text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            at += 1
            yield start, text[start:at]
        elif text.startswith("//", at):
            newline = text.find("\n", at)
            at = end if newline < 0 else newline
        else:
            yield at, char
            at += 1


def divide(text: str, file: str) -> list[PolicyText]:
    """Divide a file at each `;` outside strings and comments. What follows the last `;` is a policy too (a broken
    one).
    """
    found: list[PolicyText] = []
    start: int | None = None
    counted, line = 0, 1
    for at, token in tokens(text):
        if start is None and not token.isspace():
            start = at
            line += text.count("\n", counted, at)
            counted = at
        if token == ";" and start is not None:
            found.append(PolicyText(text[start : at + 1], file, line))
            start = None
    if start is not None:
        found.append(PolicyText(text[start:].rstrip(), file, line))
    return found


@dataclass(frozen=True, slots=True)
class Condition:
    """One top-level conjunct of a policy: its text, and the Cedar expression that is true when it holds."""

    text: str
    expression: str


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A policy taken apart: the three parts of its scope and its top-level conjuncts."""

    principal: str
    action: str
    resource: str
    conditions: tuple[Condition, ...]


_OPEN, _CLOSE = "([{", ")]}"


def _blocks(text: str) -> list[tuple[str, str, str]]:
    """The outermost bracketed blocks: (the text before it since the last block, the bracket, what is inside)."""
    found: list[tuple[str, str, str]] = []
    depth, start, before = 0, 0, 0
    for at, token in tokens(text):
        if token in _OPEN:
            if depth == 0:
                start = at
            depth += 1
        elif token in _CLOSE:
            depth -= 1
            if depth == 0:
                found.append((_plain(text[before:start]), text[start], text[start + 1 : at]))
                before = at + 1
    return found


def _plain(text: str) -> str:
    """One line, without comments."""
    return " ".join("".join(token for _, token in _spaced(text)).split())


def _spaced(text: str) -> Iterator[tuple[int, str]]:
    last = 0
    for at, token in tokens(text):
        if at > last:
            yield last, " "  # a comment stood here
        yield at, token
        last = at + len(token)


def split(text: str, separator: str) -> list[str] | None:
    """Split at a separator outside strings, comments and brackets. None when `||` or `if` at the same level binds
    weaker.
    """
    parts: list[str] = []
    depth, start, seen = 0, 0, ""
    for at, token in tokens(text):
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
        elif depth == 0 and at >= start and text.startswith(separator, at):
            parts.append(text[start:at])
            start = at + len(separator)
        if depth == 0:
            seen += token if len(token) == 1 else " "
    words = seen.split()
    if separator == "&&" and ("||" in seen or "if" in words):
        return None
    if separator == "||" and "if" in words:
        return None
    return [_plain(part) for part in (*parts, text[start:])]


def anatomy(text: str) -> Anatomy | None:
    """Take a well-formed policy apart; None for text this reading does not understand."""
    blocks = _blocks(text)
    head = next(
        (
            at
            for at, (before, bracket, _) in enumerate(blocks)
            if bracket == "(" and before.split()[-1:] in (["permit"], ["forbid"])
        ),
        None,
    )
    if head is None:
        return None
    scope = split(blocks[head][2], ",") or []
    scope = [part for part in scope if part]
    if len(scope) != 3:
        return None
    conditions: list[Condition] = []
    for before, bracket, inside in blocks[head + 1 :]:
        keyword = before.split()[-1:]
        if bracket != "{" or keyword not in (["when"], ["unless"]):
            return None
        if keyword == ["when"]:
            conditions += [Condition(part, part) for part in split(inside, "&&") or [_plain(inside)]]
        else:
            conditions += [
                Condition(f"unless {{ {part} }}", f"!({part})") for part in split(inside, "||") or [_plain(inside)]
            ]
    return Anatomy(scope[0], scope[1], scope[2], tuple(conditions))
