"""`WWW-Authenticate` (RFC 9110 section 11.6.1): every challenge of it, and where it leaves the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

BEARER: Final = "bearer"
# What a Bearer challenge may say (RFC 6750 section 3, RFC 9470, RFC 9728 section 5.1). The rest is not shown.
BEARER_PARAMETERS: Final = frozenset(
    {"realm", "scope", "error", "error_description", "error_uri", "resource_metadata", "acr_values", "max_age"}
)

# Of one line. Longer ones are read so far.
CHARS_MAX: Final = 8_192

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN68: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|\Z))")
_EQUALS: Final = re.compile(r"[ \t]*=[ \t]*")
_QUOTED: Final = re.compile(r'"((?:[\t !#-\[\]-~\x80-\U0010ffff]|\\[\t -~\x80-\U0010ffff])*)"')
_COMMAS: Final = re.compile(r"[ \t]*(?:,[ \t]*)*")
_LOOSE: Final = re.compile(r'(?<![A-Za-z_])([A-Za-z_]+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate. `scheme` and the names of parameters are in lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        """The first of this name."""
        return next((value for found, value in self.parameters if found == name), None)


@dataclass(frozen=True, slots=True)
class Challenges:
    """`problem` says where the header leaves the grammar; then the last challenge is what a lenient client reads."""

    found: tuple[Challenge, ...] = ()
    problem: str = ""

    @property
    def bearer(self) -> Challenge | None:
        return next((challenge for challenge in self.found if challenge.scheme == BEARER), None)


class _Malformed(Exception):
    """Said in words."""


def parse_challenges(values: Iterable[str]) -> Challenges:
    """The challenges of every `WWW-Authenticate` line, in order. Never raises: a lenient client reads on, too."""
    found: list[Challenge] = []
    problem = ""
    for whole in values:
        value = whole[:CHARS_MAX]
        reader = _Reader(value)
        if len(whole) > CHARS_MAX:
            problem = problem or f"it has more than {CHARS_MAX} characters"
        try:
            reader.read()
        except _Malformed as malformed:
            problem = problem or str(malformed)
            reader.found[-1:] = [_loosely(reader.found[-1], value)] if reader.found else []
        found += reader.found
    return Challenges(tuple(found), problem)


def _loosely(challenge: Challenge, value: str) -> Challenge:
    """What a search for `name=value` finds, as clients that do not parse do."""
    pairs = tuple((name.lower(), quoted or plain) for name, quoted, plain in _LOOSE.findall(value))
    return Challenge(challenge.scheme, pairs)


class _Reader:
    """One line, from left to right."""

    def __init__(self, value: str) -> None:
        self.found: list[Challenge] = []
        self._value = value
        self._at = 0

    def read(self) -> None:
        self._skip(_COMMAS)
        while self._at < len(self._value):
            self._challenge(self._taken(_TOKEN, "an authentication scheme"))
            self._separated()

    def _challenge(self, scheme: str) -> None:
        self.found.append(Challenge(scheme.lower()))
        if self._value[self._at : self._at + 1] != " ":
            return
        self._at += len(self._value[self._at :]) - len(self._value[self._at :].lstrip(" "))
        if not self._is_parameter() and _TOKEN68.match(self._value, self._at):
            self._taken(_TOKEN68, "")  # credentials of another scheme: not ours to show
            return
        while self._is_parameter():
            self._parameter()
            before = self._at
            self._skip(_COMMAS)
            if not self._is_parameter():
                self._at = before
                return

    def _is_parameter(self) -> bool:
        name = _TOKEN.match(self._value, self._at)
        equals = _EQUALS.match(self._value, name.end()) if name else None
        return equals is not None and self._value[equals.end() : equals.end() + 1] not in ("", ",", "=")

    def _parameter(self) -> None:
        name = self._taken(_TOKEN, "a parameter").lower()
        self._taken(_EQUALS, "=")
        quoted = _QUOTED.match(self._value, self._at)
        if quoted is not None:
            self._at = quoted.end()
            value = re.sub(r"\\(.)", r"\1", quoted[1])
        else:
            value = self._taken(_TOKEN, f"the value of {name} in quotes")
        if not re.match(r"[ \t]*(?:,|\Z)", self._value[self._at :]):
            raise _Malformed(f"{name} at character {self._at}: expected a comma or the end; is the value not quoted?")
        challenge = self.found[-1]
        if challenge.parameter(name) is not None:
            raise _Malformed(f"{name} comes twice in one challenge")
        self.found[-1] = Challenge(challenge.scheme, (*challenge.parameters, (name, value)))

    def _separated(self) -> None:
        before = self._at
        self._skip(_COMMAS)
        if self._at < len(self._value) and "," not in self._value[before : self._at]:
            raise _Malformed(f"expected a comma or the end at character {self._at}")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._value, self._at)
        self._at = found.end() if found else self._at

    def _taken(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self._value, self._at)
        if found is None:
            raise _Malformed(f"expected {expected} at character {self._at}")
        self._at = found.end()
        return found[0]
