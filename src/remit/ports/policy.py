"""The policy decision point, in the shape of AuthZEN 1.0: one question or many, a plain verdict each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from remit.core.access import AccessRequest, NearMiss, Verdict


class PolicyDecisionPoint(Protocol):
    async def evaluate(self, request: AccessRequest) -> Verdict:
        """The verdict for one request. Never raises for a policy's fault: that is a verdict with errors."""
        ...

    async def evaluate_all(self, requests: Sequence[AccessRequest]) -> list[Verdict]:
        """Verdicts in the requests' order, computed off the event loop. For listings: arguments are unknown, and a
        verdict is a permit exactly when some arguments would be permitted as far as the engine can tell.
        """
        ...

    async def nearest(self, request: AccessRequest) -> NearMiss | None:
        """The permit with the fewest failing parts, or None when no permit is about this at all."""
        ...

    def version(self, tenant: str) -> str:
        """Digest of the tenant's loaded set; empty when it has none."""
        ...
