"""Every hypothesis there is, in the order of a login."""

from __future__ import annotations

from typing import Final

from remit.core.diagnosis import client_causes, endpoint_causes, resource_causes, server_causes, token_causes
from remit.core.diagnosis.causes import Cause, Hypothesis, ranked
from remit.core.diagnosis.evidence import Evidence

HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    *endpoint_causes.HYPOTHESES,
    *resource_causes.HYPOTHESES,
    *server_causes.HYPOTHESES,
    *client_causes.HYPOTHESES,
    *token_causes.HYPOTHESES,
)


def diagnose(evidence: Evidence) -> list[Cause]:
    """Every hypothesis judged: what is likely first, and of equals what comes first in a login."""
    return ranked(HYPOTHESES, evidence)
