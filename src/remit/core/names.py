"""Names that people cannot tell apart are not both accepted (a look-alike of a trusted tool is an attack, MCP tool
shadowing).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.scope import SERVER_NAME, TOOL_NAME

# Within [a-z0-9_.-] only these are mistaken for one another in common typefaces.
_LOOKS_LIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z", "_": "-", ".": "-"})


def skeleton(name: str) -> str:
    """What is left of a name when everything that is easily mistaken is made one (after Unicode TR 39, for ASCII)."""
    return name.lower().translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


def require_tool_name(name: str) -> None:
    """1 to 128 of `[A-Za-z0-9_.-]` (G4): no other script, so that look-alikes can only be ASCII."""
    if not TOOL_NAME.match(name):
        raise refuse(Reason.INVALID_PARAMS, f"tool name {name[:40]!a}: expected 1 to 128 of A-Z a-z 0-9 _ . -")


def require_server_name(name: str, others: Iterable[str]) -> None:
    """A server's name may not look like another's. Raises `Invalid`."""
    if not SERVER_NAME.match(name):
        raise refuse(
            Reason.INVALID_PARAMS, f"server name {name[:40]!a}: expected 1 to 63 of a-z 0-9 -, first a letter or digit"
        )
    twin = confusable(name, others)
    if twin:
        raise refuse(Reason.INVALID_PARAMS, f"server name {name!r} looks like {twin!r}: choose another")


def confusable(name: str, others: Iterable[str]) -> str:
    """The first other name that is unequal to this one and looks like it, or nothing."""
    mine = skeleton(name)
    return next((other for other in others if other != name and skeleton(other) == mine), "")
