"""One administrator at one act. Nothing here decides: `flows.administer` does, from the table in
`core.administration`, before anything happens.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from remit.app.wiring import Remit
from remit.core.administration import Act, ActPermitted, Administrator, Asker
from remit.core.errors import Refusal

Answer = Mapping[str, Any] | AsyncIterator[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Acting:
    """What an act is carried out with. `started_s` is the monotonic moment of start."""

    remit: Remit
    asker: Asker
    started_s: float

    @property
    def administrator(self) -> Administrator:
        return self.asker.administrator

    @property
    def same_user(self) -> bool:
        """Whether they could act as the user Remit runs as."""
        return self.administrator.uid == os.getuid()

    def tenants(self, act: Act) -> frozenset[str]:
        """Whose things they may see or touch with this act."""
        return self.administrator.tenants_for(act)

    def tenants_named(self, act: Act, tenant: str) -> frozenset[str]:
        """The one that is named, whether or not they may there; with none named, all for which they may."""
        return frozenset({tenant}) if tenant else self.tenants(act)

    async def permit(self, act: Act, tenants: frozenset[str], detail: Mapping[str, object]) -> ActPermitted:
        return await self.remit.administer.permit(self.asker, act, tenants, detail)

    async def nothing_there(self, act: Act, detail: Mapping[str, object], refusal: Refusal) -> NoReturn:
        """What is not there, or not theirs to see, is refused to whoever may do the act, and that is on record; to
        anybody else the act itself is. Nothing of it is kept for a second person.
        """
        permitted = await self.remit.administer.permit(self.asker, act, self.administrator.tenants_for(act), detail)
        self.remit.administer.refused(permitted, refusal)
        raise refusal

    @contextmanager
    def refusals_recorded(self, permitted: ActPermitted) -> Iterator[None]:
        """An act that was permitted and then refused for what it asks has both on record, under one id."""
        try:
            yield
        except Refusal as refusal:
            self.remit.administer.refused(permitted, refusal)
            raise
