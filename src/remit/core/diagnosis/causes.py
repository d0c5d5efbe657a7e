"""What may be wrong, ranked. Each hypothesis looks at the evidence and says how far it holds, with the strings that
differ and the next step. The table is in the order of a login: of two that hold, the earlier one explains the later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from remit.core.diagnosis.evidence import Evidence


class Verdict(StrEnum):
    """`untested`: the walk did not come so far, or was not given what it needs. That rules nothing out."""

    LIKELY = "likely"
    POSSIBLE = "possible"
    UNTESTED = "untested"
    RULED_OUT = "ruled out"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two strings that should be one. `expected` empty: there is no such string, `found` should just not be."""

    what: str
    expected: str
    found: str

    @property
    def at(self) -> int:
        """The first character that differs, counted from 0; where one ends if it begins the other; -1 if none does."""
        if self.expected == self.found:
            return -1
        pairs = enumerate(zip(self.expected, self.found, strict=False))
        shorter = min(len(self.expected), len(self.found))
        return next((at for at, (one, other) in pairs if one != other), shorter)


@dataclass(frozen=True, slots=True)
class Cause:
    """`said` is what was found, `next` what to do."""

    verdict: Verdict
    said: str
    next: str = ""
    differences: tuple[Difference, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """`id` is stable. `question` is what would be wrong."""

    id: str
    question: str
    judge: Callable[[Evidence], Cause]


def likely(said: str, next_step: str, *differences: Difference) -> Cause:
    return Cause(Verdict.LIKELY, said, next_step, differences)


def possible(said: str, next_step: str, *differences: Difference) -> Cause:
    return Cause(Verdict.POSSIBLE, said, next_step, differences)


def untested(said: str, next_step: str = "") -> Cause:
    return Cause(Verdict.UNTESTED, said, next_step)


def ruled_out(said: str) -> Cause:
    return Cause(Verdict.RULED_OUT, said)


RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}


def ranked(hypotheses: tuple[Hypothesis, ...], evidence: Evidence) -> list[Cause]:
    """Every hypothesis judged, what holds first."""
    causes = [replace(hypothesis.judge(evidence), id=hypothesis.id) for hypothesis in hypotheses]
    return sorted(causes, key=lambda cause: RANK[cause.verdict])
