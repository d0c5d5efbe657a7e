"""Credentials that are lent and taken back in memory, so that a test can see each lease's whole life."""

from __future__ import annotations

from remit.core.errors import Refusal
from remit.core.lease import Credential, Lease
from remit.core.ledger import Recorded
from remit.core.secret import Secret


class FakeCredentials:
    """Implements the credentials and reaper ports. `refusal`, once set, is raised instead of lending."""

    def __init__(self, header: str = "") -> None:
        self._header = header
        self.refusal: Refusal | None = None
        self.lent: list[Lease] = []
        self.released: list[Lease] = []

    async def lease(self, recorded: Recorded) -> Lease:
        if self.refusal is not None:
            raise self.refusal
        headers = (("authorization", Secret(self._header.encode())),) if self._header else ()
        lease = Lease(f"lease-{len(self.lent)}", "fake", "fake-identity", Credential(headers=headers))
        self.lent.append(lease)
        return lease

    def release(self, lease: Lease) -> None:
        self.released.append(lease)
