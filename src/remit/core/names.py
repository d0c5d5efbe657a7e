"""Names that people cannot tell apart are not both accepted (a look-alike of a trusted tool is an attack, MCP tool
shadowing).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# Within [a-z0-9_.-] only these are mistaken for one another in common typefaces.
_LOOKS_LIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z", "_": "-", ".": "-"})


def skeleton(name: str) -> str:
    """What is left of a name when everything that is easily mistaken is made one (after Unicode TR 39, for ASCII)."""
    return name.lower().translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


def confusable(name: str, others: Iterable[str]) -> str:
    """The first other name that is unequal to this one and looks like it, or nothing."""
    mine = skeleton(name)
    return next((other for other in others if other != name and skeleton(other) == mine), "")
