"""Purposes: a grant says why it exists, and a purpose of the catalogue says what that why needs. It only narrows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from remit.core.errors import refuse
from remit.core.grant import Budget, Purpose, Unmetered
from remit.core.reasons import Reason
from remit.core.scope import Constraint, Scope, intersect

PURPOSE_CHARS_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The purpose names no tools: it narrows time, budget and arguments only."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools the purpose needs."""

    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class PurposeClass:
    """One entry of the purpose catalogue."""

    name: str
    tools: Tools | Unlisted
    constraints: frozenset[Constraint] = frozenset()
    ttl_s: float = float("inf")
    budget: Budget = field(default_factory=Unmetered)

    def keep(self, scopes: frozenset[Scope]) -> frozenset[Scope]:
        return scopes if isinstance(self.tools, Unlisted) else intersect(scopes, self.tools.scopes)


FREE_TEXT: Final = PurposeClass("", Unlisted())


def stated(text: str) -> str:
    """The purpose as it is recorded. Raises `Invalid` if it is empty, too long or not plain text."""
    purpose = text.strip()
    if not purpose or len(purpose) > PURPOSE_CHARS_MAX or not purpose.isprintable():
        raise refuse(Reason.INVALID_PARAMS, f"purpose: expected 1 to {PURPOSE_CHARS_MAX} printable characters")
    return purpose


def classify(text: str, named: str, catalogue: Mapping[str, PurposeClass]) -> tuple[Purpose, PurposeClass]:
    """The purpose as it is recorded, and its class: the one `named`, else the one the text names, else free text.

    Raises `Invalid` when no purpose is given, since an authorization without a reason cannot be reviewed, and for a
    named class that the catalogue does not have, since it would narrow nothing.
    """
    purpose = stated(text)
    if named and named not in catalogue:
        known = ", ".join(sorted(catalogue)) or "none"
        raise refuse(Reason.INVALID_PARAMS, f"no purpose {named[:80]!r} in the catalogue; it has {known[:400]}")
    found = catalogue.get(named or purpose, FREE_TEXT)
    return Purpose(purpose, found.name), found
