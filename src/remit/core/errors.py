"""The exceptions a walk can end with. Each carries a stable reason; texts never quote secrets or whole inputs."""

from __future__ import annotations

from collections.abc import Mapping

from remit.core.meanings import MEANING
from remit.core.reasons import Kind, Meaning, Reason


class Refusal(Exception):
    """Remit does not do what was asked.

    `detail` is a safe sentence for the person who asked (what was found, what was expected); `data` travels in the
    JSON-RPC error's `data` (for example the supported versions). `decision_id` is set once the refusal is recorded,
    `login_id` when it ended a step of a login.
    """

    def __init__(self, reason: Reason, detail: str = "", *, data: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
        self.data = data
        self.decision_id: str | None = None
        self.login_id = ""

    @property
    def meaning(self) -> Meaning:
        return MEANING[self.reason]

    @property
    def kind(self) -> Kind:
        return MEANING[self.reason].kind


class Invalid(Refusal):
    """The message is wrong, whoever sent it."""


class Unauthenticated(Refusal):
    """Nobody we know sent it, or their grant is over."""


class Denied(Refusal):
    """We know who asks, and the answer is no."""


class Outage(Refusal):
    """The answer is not known: Remit or a server behind it cannot do its part now."""


_CLASS = {Kind.INVALID: Invalid, Kind.UNAUTHENTICATED: Unauthenticated, Kind.DENIED: Denied, Kind.OUTAGE: Outage}


def refuse(reason: Reason, detail: str = "", *, data: Mapping[str, object] | None = None) -> Refusal:
    """The refusal of the class that fits the reason's kind, so that the two never disagree."""
    return _CLASS[MEANING[reason].kind](reason, detail, data=data)
