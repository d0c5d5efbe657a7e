"""A policy decision point that answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from remit.core.access import AccessRequest, Effect, NearMiss, PolicyRef, UnknownArguments, Verdict

PERMITTING = PolicyRef("test-permit", "test.cedar", 1)
FORBIDDING = PolicyRef("test-forbid", "test.cedar", 2)

# Decides on the arguments of a permitted action; a listing asks it nothing.
Condition = Callable[[Mapping[str, Any]], bool]


class FakePolicy:
    """Permits the actions named by `permit`, on condition if one is given. Nothing is permitted that was not named."""

    def __init__(self, *permitted: str) -> None:
        self._permitted: dict[str, Condition | None] = dict.fromkeys(permitted)
        self._forbidden: set[str] = set()
        self._failing: set[str] = set()
        self.asked: list[AccessRequest] = []

    def permit(self, action: str, when: Condition | None = None) -> None:
        self._permitted[action] = when

    def forbid(self, action: str) -> None:
        """Forbidding outweighs any permit."""
        self._forbidden.add(action)

    def fail(self, action: str) -> None:
        """Deciding about this action errs."""
        self._failing.add(action)

    async def evaluate(self, request: AccessRequest) -> Verdict:
        self.asked.append(request)
        return self._verdict(request)

    async def evaluate_all(self, requests: Sequence[AccessRequest]) -> list[Verdict]:
        self.asked += requests
        return [self._verdict(request) for request in requests]

    async def nearest(self, request: AccessRequest) -> NearMiss | None:
        if request.action in self._permitted and self._verdict(request).effect is Effect.NO_PERMIT:
            return NearMiss(PERMITTING, ("the condition of the test",))
        return None

    def version(self, tenant: str) -> str:
        return "test"

    def _verdict(self, request: AccessRequest) -> Verdict:
        action = request.action
        if action in self._failing:
            return Verdict(Effect.ERROR, (), "test", ("told to fail",))
        if action in self._forbidden:
            return Verdict(Effect.FORBID, (FORBIDDING,), "test")
        if action not in self._permitted:
            return Verdict(Effect.NO_PERMIT, (), "test")
        when = self._permitted[action]
        arguments = request.arguments
        if when is not None and not isinstance(arguments, UnknownArguments) and not when(arguments):
            return Verdict(Effect.NO_PERMIT, (), "test")
        return Verdict(Effect.PERMIT, (PERMITTING,), "test")
