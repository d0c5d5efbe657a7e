"""What stands behind an authorization code, and behind the refresh tokens of the grant it was exchanged for."""

from __future__ import annotations

from typing import Any, Final

from remit.core.authentication import Authentication
from remit.core.grant import Budget, Calls, Unmetered
from remit.core.rows import Stored

CODE_S: Final = 60.0
# How long the last refresh token but one gets the same answer once more: a client that lost it asks again (RFC 9700
# section 4.14.2).
REUSE_GRACE_S: Final = 30.0


class KeptCode(Stored, frozen=True, tag="remit.code/1"):
    """Where the code was sent, what its holder must know, and what it stands for. `grant` is the id the grant will
    have, so that exchanging it again after a crash finds the grant and makes no second one.
    """

    client: str
    redirect_uri: str
    challenge: str
    resource: str
    consent: str
    grant: str
    account: str
    scopes: tuple[str, ...]
    constraints: list[Any]
    calls_max: int | None
    purpose: str
    purpose_class: str
    environment: str
    ttl_s: float
    request: str
    issued_at_s: float
    used: bool
    methods: tuple[str, ...] = ()
    signed_in_at_s: float = 0.0

    @property
    def budget(self) -> Budget:
        return Unmetered() if self.calls_max is None else Calls(self.calls_max)

    @property
    def authentication(self) -> Authentication:
        """How and when the person had signed in who said yes."""
        return Authentication(self.methods, self.signed_in_at_s)


class Family(Stored, frozen=True, tag="remit.refresh/1"):
    """The refresh tokens of one grant: the newest generation is good, and the one before it once more for a moment.
    `forgiven`: that once has been.
    """

    client: str
    generation: int
    rotated_at_s: float
    forgiven: bool = False

    def forgives(self, generation: int, now_s: float) -> bool:
        """Whether an old token may be a client's that lost the answer. A second time in a row it is a copy."""
        recent = 0 <= now_s - self.rotated_at_s < REUSE_GRACE_S
        return recent and generation == self.generation - 1 and not self.forgiven

    def older(self, other: Family) -> bool:
        return (self.generation, self.forgiven) < (other.generation, other.forgiven)
