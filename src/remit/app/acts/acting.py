"""One administrator at one act. Nothing here decides: `flows.administer` does, from the table in
`core.administration`, before anything happens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from remit.app.wiring import Remit
from remit.core.administration import Act, ActPermitted, Administrator
from remit.core.errors import Refusal

Answer = Mapping[str, Any] | AsyncIterator[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Acting:
    """What an act is carried out with. `started_s` is the monotonic moment of start."""

    remit: Remit
    administrator: Administrator
    started_s: float

    async def permit(self, act: Act, tenants: frozenset[str], detail: Mapping[str, object]) -> ActPermitted:
        return await self.remit.administer.permit(self.administrator, act, tenants, detail)

    @contextmanager
    def refusals_recorded(self, permitted: ActPermitted) -> Iterator[None]:
        """An act that was permitted and then refused for what it asks has both on record, under one id."""
        try:
            yield
        except Refusal as refusal:
            self.remit.administer.refused(permitted, refusal)
            raise
