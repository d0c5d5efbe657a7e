"""What policies see of how the person signed in, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from remit.core.access import Effect
from remit.core.authentication import NOBODY, PASSKEY, PASSWORD, Authentication
from tests.scenes.policy import NOW_S, a_live, an_engine, ask, write

RECENT = """permit (principal, action in Action::"tools/call", resource)
    when { context has authentication && context.authentication.level >= 2
           && context.time.durationSince(context.authentication.at) <= duration("15m") };"""


@pytest.mark.parametrize(
    ("methods", "age_s", "effect"),
    [
        (PASSKEY, 0, Effect.PERMIT),
        (PASSKEY, 900, Effect.PERMIT),
        (PASSKEY, 901, Effect.NO_PERMIT),
        (PASSWORD, 0, Effect.NO_PERMIT),
        ((), 0, Effect.NO_PERMIT),
    ],
)
async def test_a_policy_demands_a_recent_passkey(
    tmp_path: Path, methods: tuple[str, ...], age_s: float, effect: Effect
) -> None:
    engine = await an_engine(write(tmp_path, acme__a=RECENT))
    live = a_live()
    live.grant = replace(live.grant, authentication=Authentication(methods, NOW_S - age_s))
    for _ in range(2):  # the second time from memory, if that were right
        verdict = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))
        assert (verdict.effect, verdict.errors) == (effect, ())


async def test_a_policy_that_reads_it_without_asking_whether_it_is_there_is_refused(tmp_path: Path) -> None:
    careless = "permit (principal, action, resource) when { context.authentication.level >= 2 };"
    engine = await an_engine(write(tmp_path, acme__a=careless))
    live = a_live()
    live.grant = replace(live.grant, authentication=NOBODY)
    verdict = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))
    assert verdict.effect is Effect.ERROR


async def test_the_methods_and_the_class_are_there_too(tmp_path: Path) -> None:
    policy = """permit (principal, action, resource) when { context has authentication
        && context.authentication.acr == "urn:remit:acr:passkey" && context.authentication.amr.contains("mfa") };"""
    engine = await an_engine(write(tmp_path, acme__a=policy))
    live = a_live()
    live.grant = replace(live.grant, authentication=Authentication(PASSKEY, NOW_S))
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))).effect is Effect.PERMIT
