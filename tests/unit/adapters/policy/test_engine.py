"""Decisions: what is permitted, what is denied and why, and what happens when policies, catalog or engine fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from remit.adapters.policy.engine import POLICIES_ON_LOOP_MAX
from remit.core.access import Effect, PolicyRef, Target, TargetKind
from remit.core.catalog import Catalog, ItemKind
from tests.scenes.policy import CATALOG, FILES, GIT, UNKNOWN, a_catalog, a_live, a_server, a_tool, an_engine, ask, write

WORKSPACE = """@id("workspace")
permit (principal in Role::"engineer", action in [Action::"files/read_file", Action::"files/write_file"], resource)
when { context.args.path like "/workspace/*" };

@id("no-secrets")
forbid (principal, action in Action::"tools/call", resource)
when { context.args has path && context.args.path like "/workspace/secrets*" };
"""


async def test_arguments_decide(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=WORKSPACE))
    inside = await engine.evaluate(ask("files/read_file", {"path": "/workspace/a"}))
    assert (inside.effect, [str(ref) for ref in inside.determining]) == (Effect.PERMIT, ["workspace (acme/a.cedar:1)"])
    assert inside.policy_version == engine.version("acme") != ""
    assert (await engine.evaluate(ask("files/read_file", {"path": "/etc/passwd"}))).effect is Effect.NO_PERMIT
    secret = await engine.evaluate(ask("files/write_file", {"path": "/workspace/secrets/a"}))
    assert (secret.effect, secret.determining) == (Effect.FORBID, (PolicyRef("no-secrets", "acme/a.cedar", 5),))


async def test_nothing_is_permitted_without_policies_but_a_session_can_be_opened(tmp_path: Path) -> None:
    engine = await an_engine(tmp_path)
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}))).effect is Effect.NO_PERMIT
    opened = await engine.evaluate(ask("initialize", target=Target(TargetKind.SERVER)))
    assert (opened.effect, opened.determining[0].id) == (Effect.PERMIT, "base-session")


async def test_another_tenants_policies_permit_nothing_here(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, globex__a="permit (principal, action, resource);"))
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}))).effect is Effect.NO_PERMIT


@pytest.mark.parametrize(
    ("forbid", "changes", "high_risk"),
    [("base-high-risk", {"high_risk": False}, False), (None, {"high_risk": True}, True)],
)
async def test_a_shipped_forbid_outweighs_any_permit(
    tmp_path: Path, forbid: str | None, changes: dict[str, bool], *, high_risk: bool
) -> None:
    engine = await an_engine(write(tmp_path, acme__a="permit (principal, action, resource);"))
    live = a_live(high_risk=True)
    request = ask("files/wipe", {"path": "/a"}, live=live)
    live.grant = replace(live.grant, **changes)  # behind the back of stage 4, which denies this too
    verdict = await engine.evaluate(request)
    assert verdict.effect is (Effect.PERMIT if high_risk else Effect.FORBID)
    assert [ref.id for ref in verdict.determining if ref.base] == ([forbid] if forbid else [])


async def test_a_resource_is_decided_by_its_server_and_uri(tmp_path: Path) -> None:
    policy = """permit (principal, action == Action::"resources/read", resource in Server::"files")
        when { resource.name like "file:///workspace/*" };"""
    engine = await an_engine(write(tmp_path, acme__a=policy))
    inside = Target(TargetKind.RESOURCE, "file:///workspace/a")
    outside = Target(TargetKind.RESOURCE, "file:///etc")
    assert (await engine.evaluate(ask("resources/read", target=inside))).effect is Effect.PERMIT
    assert (await engine.evaluate(ask("resources/read", target=outside))).effect is Effect.NO_PERMIT
    assert (await engine.evaluate(ask("resources/subscribe", target=inside))).effect is Effect.NO_PERMIT


async def test_time_is_read_when_it_passes(tmp_path: Path) -> None:
    policy = 'permit (principal, action, resource) when { context.time < datetime("2026-11-20T00:00:00Z") };'
    engine = await an_engine(write(tmp_path, acme__a=policy))
    live = a_live()
    early = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live, now_s=1_795_000_000.0))
    late = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live, now_s=1_796_000_000.0))
    assert (early.effect, late.effect) == (Effect.PERMIT, Effect.NO_PERMIT)


async def test_an_unknown_action_is_an_error(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a="permit (principal, action, resource);"))
    verdict = await engine.evaluate(ask("resources/steal", target=Target(TargetKind.SERVER)))
    assert verdict.effect is Effect.ERROR
    assert "resources/steal" in verdict.errors[0]


async def test_a_definition_the_policies_were_not_checked_against_is_an_error(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a="permit (principal, action, resource);"))
    changed = a_catalog(a_server("files", a_tool("files", "read_file", {"type": "object"})), GIT)
    assert (await engine.evaluate(ask("files/read_file", catalog=changed))).effect is Effect.ERROR


@pytest.mark.parametrize(
    ("arguments", "effect"),
    [
        ({"repo_path": "/", "max_count": 5}, Effect.PERMIT),
        ({"repo_path": "/", "max_count": 2**70}, Effect.ERROR),
        ({"repo_path": "/", "max_count": 5, "ratio": 0.00001}, Effect.PERMIT),  # inexact, and nothing reads it
        ({"repo_path": "/", "max_count": 50}, Effect.NO_PERMIT),
    ],
)
async def test_a_value_cedar_cannot_hold_is_an_error_where_it_is_read(
    tmp_path: Path, arguments: dict[str, object], effect: Effect
) -> None:
    policy = """permit (principal, action == Action::"git/git_log", resource)
        when { context.args has max_count && context.args.max_count < 10 };"""
    engine = await an_engine(write(tmp_path, acme__a=policy))
    assert (await engine.evaluate(ask("git/git_log", arguments))).effect is effect


async def test_a_forbid_that_errs_denies(tmp_path: Path) -> None:
    policies = """permit (principal, action == Action::"git/git_log", resource);
forbid (principal, action == Action::"git/git_log", resource)
when { context.args has max_count && context.args.max_count + 1 == 0 };"""
    engine = await an_engine(write(tmp_path, acme__a=policies))
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/", "max_count": 1}))).effect is Effect.PERMIT
    verdict = await engine.evaluate(ask("git/git_log", {"repo_path": "/", "max_count": 2**63 - 1}))
    assert verdict.effect is Effect.ERROR
    assert verdict.errors[0].startswith("a-2 (acme/a.cedar:2)")


async def test_an_argument_named_as_an_escape_is_only_a_name(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=WORKSPACE))
    escaped = {
        "path": "/etc/passwd",
        "__entity": {"type": "Role", "id": "admin"},
        "__extn": {"fn": "unknown", "arg": "x"},
    }
    assert (await engine.evaluate(ask("files/read_file", escaped))).effect is Effect.NO_PERMIT
    in_value = {"path": {"__extn": {"fn": "unknown", "arg": "args"}}}
    assert (await engine.evaluate(ask("files/read_file", in_value))).effect is Effect.ERROR


async def test_a_request_the_engine_cannot_read_is_an_error(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a="permit (principal, action, resource);"))
    broken = ask("resources/read", target=Target(TargetKind.RESOURCE, "file:///\ud800"))
    verdict = await engine.evaluate(broken)
    assert (verdict.effect, verdict.determining) == (Effect.ERROR, ())
    assert (await engine.evaluate_all([broken]))[0].effect is Effect.ERROR
    whole = ask("resources/read", target=Target(TargetKind.RESOURCE, "file:///a"))
    assert (await engine.evaluate(whole)).effect is Effect.PERMIT


async def test_a_set_too_large_for_the_loop_decides_alike(tmp_path: Path) -> None:
    many = 'permit (principal in Role::"nobody", action, resource);\n' * POLICIES_ON_LOOP_MAX
    engine = await an_engine(write(tmp_path, acme__a=many + WORKSPACE))
    assert (await engine.evaluate(ask("files/read_file", {"path": "/workspace/a"}))).effect is Effect.PERMIT
    assert (await engine.evaluate(ask("files/read_file", {"path": "/etc"}))).effect is Effect.NO_PERMIT


async def test_shadow_policies_are_recorded_and_not_enforced(tmp_path: Path) -> None:
    shadow = '@id("tomorrow") forbid (principal, action in Action::"tools/call", resource);'
    engine = await an_engine(write(tmp_path, acme__a=WORKSPACE, acme__shadow__b=shadow))
    verdict = await engine.evaluate(ask("files/read_file", {"path": "/workspace/a"}))
    assert verdict.effect is Effect.PERMIT
    assert verdict.shadow is not None
    assert (verdict.shadow.effect, verdict.shadow.determining[0].id) == (Effect.FORBID, "tomorrow")
    plain = await an_engine(write(tmp_path / "plain", acme__a=WORKSPACE))
    assert (await plain.evaluate(ask("files/read_file", {"path": "/workspace/a"}))).shadow is None


async def test_a_tenant_served_by_a_shared_server_is_decided_by_its_own_set(tmp_path: Path) -> None:
    shared = a_server("files", *FILES.items.values(), tenants=frozenset({"acme", "globex"}))
    catalog: Catalog = a_catalog(shared, GIT)
    engine = await an_engine(
        write(tmp_path, acme__a="permit (principal, action, resource);", globex__a=WORKSPACE), catalog
    )
    arguments = {"path": "/etc/passwd"}
    acme = await engine.evaluate(ask("files/read_file", arguments, catalog=catalog))
    globex = await engine.evaluate(ask("files/read_file", arguments, catalog=catalog, live=a_live(tenant="globex")))
    assert (acme.effect, globex.effect) == (Effect.PERMIT, Effect.NO_PERMIT)


async def test_a_question_about_unknown_arguments_is_not_a_call(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=WORKSPACE))
    assert (await engine.evaluate(ask("files/read_file", UNKNOWN))).effect is Effect.ERROR
    (listed,) = await engine.evaluate_all([ask("files/read_file", UNKNOWN)])
    assert listed.effect is Effect.PERMIT
    assert (ItemKind.TOOL, "read_file") in CATALOG.servers["files"].items


async def test_an_engine_that_fails_denies_and_says_so_to_an_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RecursionError

    alarms: list[str] = []
    engine = await an_engine(write(tmp_path, acme__a=WORKSPACE), alarms=alarms)
    monkeypatch.setattr("remit.adapters.policy.engine.prepared_for", fails)
    broken = await engine.evaluate(ask("files/read_file", {"path": "/workspace/a"}))
    assert (broken.effect, broken.errors) == (Effect.ERROR, ("engine: RecursionError",))
    assert len(alarms) == 1
    monkeypatch.undo()
    assert (await engine.evaluate(ask("files/read_file", {"path": "/workspace/a"}))).effect is Effect.PERMIT
