"""A credential lent for one call or one grant, and the proof that one was."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from remit.core.ledger import Recorded
from remit.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Credential:
    """What an upstream is shown: HTTP header values and environment variables, by name. Empty for source `none`."""

    headers: tuple[tuple[str, Secret], ...] = ()
    environment: tuple[tuple[str, Secret], ...] = ()


class Lease(msgspec.Struct, frozen=True):
    """`source` is the credential source's kind; `upstream_identity` is who the upstream will see, safe to record."""

    id: str
    source: str
    upstream_identity: str
    credential: Credential


class Leased(msgspec.Struct, frozen=True):
    """Proof of stage 9: the intent is on record and this is the credential it may use."""

    recorded: Recorded
    lease: Lease


def conclude_leased(recorded: Recorded, lease: Lease) -> Leased:
    return Leased(recorded, lease)
