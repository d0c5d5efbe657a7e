"""A remembered decision is the decision that would be made now, or it is not used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from remit.adapters.policy.engine import CedarEngine
from remit.adapters.policy.memory import PREPARED_MAX, PREPARED_PER_GRANT_MAX, Entry
from remit.core.access import AccessRequest, Effect, Target, TargetKind, Verdict
from remit.core.catalog import Era
from remit.core.grant import GrantEvent, LiveGrant
from tests.scenes.policy import GIT, a_catalog, a_live, a_server, an_engine, ask, write

STATIC = 'permit (principal in Role::"engineer", action, resource) when { context.purpose.text like "tidy*" };'
ARGUMENTS = {"repo_path": "/"}


async def remembered(engine: CedarEngine, request: AccessRequest) -> Verdict:
    """The verdict once the cache is warm. A hit may be a sampled one, decided afresh, but not many in a row."""
    for _ in range(10):
        verdict = await engine.evaluate(request)
        if verdict.cached:
            break
    return verdict


async def test_a_decision_that_reads_nothing_of_the_call_is_remembered(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=STATIC))
    live = a_live()
    fresh = await engine.evaluate(ask("git/git_log", ARGUMENTS, live=live))
    verdict = await remembered(engine, ask("git/git_log", {"repo_path": "/other"}, live=live))
    assert (fresh.cached, verdict.cached) == (False, True)
    assert replace(verdict, cached=False) == fresh


@pytest.mark.parametrize(
    "condition",
    [
        'context.args.repo_path == "/"',
        "context.args has max_count || true",
        'context.time > datetime("2000-01-01")',
        "context has args",
        'principal.subject == "x" || (if context.interactive then context.args else context.args).repo_path == "/"',
    ],
)
async def test_a_decision_that_reads_the_call_is_never_remembered(tmp_path: Path, condition: str) -> None:
    policy = f'permit (principal, action == Action::"git/git_log", resource) when {{ {condition} }};'
    engine = await an_engine(write(tmp_path, acme__a=policy))
    live = a_live()
    for _ in range(4):
        verdict = await engine.evaluate(ask("git/git_log", ARGUMENTS, live=live))
        assert (verdict.effect, verdict.cached) == (Effect.PERMIT, False)


async def test_a_shadow_policy_that_reads_the_call_keeps_it_from_being_remembered(tmp_path: Path) -> None:
    shadow = 'forbid (principal, action == Action::"git/git_log", resource) when { context.args.repo_path == "/x" };'
    engine = await an_engine(write(tmp_path, acme__a=STATIC, acme__shadow__b=shadow))
    live = a_live()
    effects = []
    for path in ("/", "/x", "/"):
        verdict = await engine.evaluate(ask("git/git_log", {"repo_path": path}, live=live))
        assert verdict.shadow is not None
        effects.append(verdict.shadow.effect)
    assert effects == [Effect.PERMIT, Effect.FORBID, Effect.PERMIT]


async def test_the_end_of_any_grant_ends_what_was_remembered(tmp_path: Path) -> None:
    epoch = [0]
    engine = await an_engine(write(tmp_path, acme__a=STATIC), grants_epoch=lambda: epoch[0])
    live = a_live()
    request = ask("git/git_log", ARGUMENTS, live=live)
    assert (await remembered(engine, request)).cached
    epoch[0] += 1
    assert not (await engine.evaluate(request)).cached
    live.apply(GrantEvent.REVOKE)
    assert live.decisions == {}


async def test_a_changed_server_is_decided_again(tmp_path: Path) -> None:
    policy = 'permit (principal, action == Action::"git/git_log", resource) when { resource.owner == "platform" };'
    now = [a_catalog(GIT)]
    engine = await an_engine(write(tmp_path, acme__a=policy), current=lambda: now[0])
    live = a_live()
    assert (await remembered(engine, ask("git/git_log", ARGUMENTS, live=live, catalog=now[0]))).effect is Effect.PERMIT
    now[0] = a_catalog(a_server("git", *GIT.items.values(), owner="somebody"), epoch=2)
    assert (await engine.evaluate(ask("git/git_log", ARGUMENTS, live=live, catalog=now[0]))).effect is Effect.NO_PERMIT


async def test_eras_do_not_share_a_memory(tmp_path: Path) -> None:
    policy = 'permit (principal, action == Action::"git/git_log", resource) when { context.era == "legacy" };'
    engine = await an_engine(write(tmp_path, acme__a=policy))
    live = a_live()
    for era, effect in ((Era.LEGACY, Effect.PERMIT), (Era.MODERN, Effect.NO_PERMIT)) * 3:
        assert (await engine.evaluate(ask("git/git_log", ARGUMENTS, live=live, era=era))).effect is effect


async def test_targets_and_methods_do_not_share_a_memory(tmp_path: Path) -> None:
    policy = 'permit (principal, action == Action::"resources/read", resource) when { resource.name == "file:///a" };'
    engine = await an_engine(write(tmp_path, acme__a=policy))
    live = a_live()
    for name, effect in (("file:///a", Effect.PERMIT), ("file:///b", Effect.NO_PERMIT)) * 3:
        target = Target(TargetKind.RESOURCE, name)
        assert (await engine.evaluate(ask("resources/read", target=target, live=live))).effect is effect


async def test_a_remembered_decision_that_would_be_decided_otherwise_switches_memory_off(tmp_path: Path) -> None:
    alarms: list[str] = []
    engine = await an_engine(write(tmp_path, acme__a=STATIC), alarms=alarms, sample_one_in=1)
    live = a_live()
    request = ask("git/git_log", ARGUMENTS, live=live)
    await engine.evaluate(request)
    entry = cast("Entry", next(iter(live.decisions.values())))
    assert entry.verdict is not None
    entry.verdict = replace(entry.verdict, effect=Effect.FORBID)
    assert (await until_sampled(engine, request, live)).effect is Effect.PERMIT
    assert len(alarms) == 1
    assert not engine.remembers
    assert not (await engine.evaluate(request)).cached


async def until_sampled(engine: CedarEngine, request: AccessRequest, live: LiveGrant) -> Verdict:
    verdict = await engine.evaluate(request)
    while verdict.cached:
        verdict = await engine.evaluate(request)
    return verdict


async def test_a_true_memory_survives_its_samples(tmp_path: Path) -> None:
    alarms: list[str] = []
    engine = await an_engine(write(tmp_path, acme__a=STATIC), alarms=alarms, sample_one_in=2)
    request = ask("git/git_log", ARGUMENTS, live=a_live())
    seen = [(await engine.evaluate(request)).cached for _ in range(50)]
    assert alarms == []
    assert engine.remembers
    assert set(seen) == {True, False}  # remembered, and now and then decided again


async def test_what_a_grant_remembers_is_bounded(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=STATIC))
    live = a_live()
    for at in range(PREPARED_PER_GRANT_MAX * 2):
        await engine.evaluate(ask("resources/read", target=Target(TargetKind.RESOURCE, f"file:///{at}"), live=live))
    assert 0 < len(live.decisions) <= PREPARED_PER_GRANT_MAX


async def test_what_all_grants_together_keep_is_bounded(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=STATIC))
    grants = [a_live(id=f"grt_{at}") for at in range(PREPARED_MAX + 10)]
    for live in grants:
        await engine.evaluate(ask("git/git_log", ARGUMENTS, live=live))
    assert [len(live.decisions) for live in grants] == [0] * 10 + [1] * PREPARED_MAX
    assert (await engine.evaluate(ask("git/git_log", ARGUMENTS, live=grants[0]))).effect is Effect.PERMIT
