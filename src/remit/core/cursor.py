"""What a page cursor says once opened: which list it continues, and where. It is sealed before it leaves (G10)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from remit.core.errors import refuse
from remit.core.reasons import Reason

PURPOSE = "cursor"


@dataclass(frozen=True, slots=True)
class Cursor:
    """`shown` is the digest of the whole list as this grant sees it: a list that changed cannot be continued."""

    shown: str
    offset: int

    def encode(self) -> bytes:
        return json.dumps([self.shown, self.offset]).encode("ascii")

    @classmethod
    def decode(cls, content: bytes) -> Cursor:
        shown, offset = json.loads(content)
        return cls(shown, offset)

    def require_for(self, shown: str) -> int:
        """The offset to continue at. Raises `Invalid` if the list is no longer the one the cursor was made for."""
        if self.shown != shown:
            raise refuse(Reason.INVALID_CURSOR, "the list changed since this cursor was made")
        return self.offset


def bound_to(grant_id: str, resource: str, method: str) -> bytes:
    """A cursor is one grant's, for one endpoint and one list."""
    return "\n".join((grant_id, resource, method)).encode("utf-8")
