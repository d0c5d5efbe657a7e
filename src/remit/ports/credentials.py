"""Stage 9: where credentials for upstreams come from, and where spent ones go."""

from __future__ import annotations

from typing import Protocol

from remit.core.lease import Lease
from remit.core.ledger import Recorded


class Credentials(Protocol):
    async def lease(self, recorded: Recorded) -> Lease:
        """A credential for this one recorded request. Raises `Denied` or `Outage`; never falls back to another
        identity.
        """
        ...


class Reaper(Protocol):
    def release(self, lease: Lease) -> None:
        """Take a spent lease over, now and without waiting: whoever hands it over may be cancelled at any await."""
        ...
