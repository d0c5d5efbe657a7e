"""Taking sets over: whole or not at all, one tenant's fault being nobody else's, and following the catalog."""

from __future__ import annotations

from pathlib import Path

from remit.core.access import Effect
from tests.scenes.policy import CATALOG, GIT, a_catalog, a_live, a_server, a_tool, an_engine, ask, write

ANY = "permit (principal, action, resource);"
BROKEN = "permit (principal, action, resource"
READ = 'permit (principal, action == Action::"files/read_file", resource) when { context.args.path like "/a*" };'
SHARED = a_catalog(
    a_server("files", a_tool("files", "read_file"), tenants=frozenset({"acme", "globex"})),
    a_server("git", *GIT.items.values(), tenants=frozenset({"acme", "globex"})),
)


async def test_one_tenants_faulty_set_denies_that_tenant_only(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY, acme__b=BROKEN, globex__a=ANY), SHARED)
    broken = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED))
    assert (broken.effect, broken.policy_version, engine.version("acme")) == (Effect.ERROR, "", "")
    assert "acme/b.cedar:1" in broken.errors[0]
    whole = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED, live=a_live(tenant="globex")))
    assert whole.effect is Effect.PERMIT


async def test_a_policy_that_does_not_fit_at_load_refuses_the_whole_set(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=f"{ANY}\nforbid (principal is Robot, action, resource);"))
    verdict = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}))
    assert verdict.effect is Effect.ERROR
    assert "acme/a.cedar:2" in verdict.errors[0]


async def test_a_reload_takes_over_what_the_files_say(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY))
    live = a_live()
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))).effect is Effect.PERMIT
    before = engine.version("acme")
    write(tmp_path, acme__a=READ)
    assert await engine.reload() == ()
    assert engine.version("acme") != before
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))).effect is Effect.NO_PERMIT


async def test_a_reload_with_any_fault_takes_over_nothing_of_any_tenant(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY, globex__a=READ), SHARED)
    before = engine.version("acme"), engine.version("globex")
    write(tmp_path, acme__a=BROKEN, globex__a=ANY)
    faults = await engine.reload()
    assert [(fault.file, fault.line) for fault in faults] == [("acme/a.cedar", 1)]
    assert (engine.version("acme"), engine.version("globex")) == before
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED))).effect is Effect.PERMIT


async def test_a_reload_leaves_a_tenant_whose_files_are_unchanged_with_its_set(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY, globex__a=READ), SHARED)
    before = engine.version("acme"), engine.version("globex")
    write(tmp_path, globex__a=ANY)
    assert await engine.reload() == ()
    assert engine.version("acme") == before[0]
    assert engine.version("globex") != before[1]
    for live in (a_live(), a_live(tenant="globex")):
        verdict = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED, live=live))
        assert verdict.effect is Effect.PERMIT


async def test_a_fault_in_a_shadow_file_touches_nothing_that_is_enforced(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY, acme__shadow__b=BROKEN))
    verdict = await engine.evaluate(ask("git/git_log", {"repo_path": "/"}))
    assert (verdict.effect, verdict.shadow) == (Effect.PERMIT, None)
    assert [fault.file for fault in await engine.reload()] == ["acme/shadow/b.cedar"]


async def test_a_removed_tenant_folder_leaves_only_the_shipped_policies(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY))
    (tmp_path / "acme" / "a.cedar").unlink()
    assert await engine.reload() == ()
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}))).effect is Effect.NO_PERMIT


async def test_a_folder_that_can_no_longer_be_read_keeps_the_set_at_a_reload_and_denies_at_the_start(
    tmp_path: Path,
) -> None:
    engine = await an_engine(write(tmp_path, acme__a=ANY, globex__a=ANY), SHARED)
    before = engine.version("acme")
    (tmp_path / "acme" / "a.cedar").unlink()
    (tmp_path / "acme").rmdir()
    (tmp_path / "acme").symlink_to("acme")
    assert [fault.file for fault in await engine.reload()][:1] == ["acme/"]
    assert engine.version("acme") == before
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED))).effect is Effect.PERMIT
    again = await an_engine(tmp_path, SHARED)
    denied = await again.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED))
    assert (denied.effect, denied.policy_version) == (Effect.ERROR, "")
    assert "acme/:1: cannot be read" in denied.errors[0]
    whole = await again.evaluate(ask("git/git_log", {"repo_path": "/"}, catalog=SHARED, live=a_live(tenant="globex")))
    assert whole.effect is Effect.PERMIT


async def test_a_policies_dir_that_cannot_be_read_keeps_every_set_at_a_reload_and_denies_everybody_at_the_start(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "policies"
    engine = await an_engine(write(folder, acme__a=ANY))
    folder.rename(tmp_path / "aside")
    folder.write_text("")
    assert [fault.file for fault in await engine.reload()] == ["policies"]
    assert (await engine.evaluate(ask("git/git_log", {"repo_path": "/"}))).effect is Effect.PERMIT
    again = await an_engine(folder)
    denied = await again.evaluate(ask("git/git_log", {"repo_path": "/"}))
    assert (denied.effect, denied.policy_version) == (Effect.ERROR, "")
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    assert await again.reload() == ()
    assert (await again.evaluate(ask("git/git_log", {"repo_path": "/"}))).effect is Effect.PERMIT


async def test_a_tool_that_appears_is_decided_by_the_policy_that_waited_for_it(tmp_path: Path) -> None:
    now = [a_catalog(GIT)]
    engine = await an_engine(write(tmp_path, acme__a=READ), current=lambda: now[0])
    assert len(engine.notes()) == 1
    now[0] = a_catalog(*CATALOG.servers.values(), epoch=2)
    assert (await engine.evaluate(ask("files/read_file", {"path": "/a"}, catalog=now[0]))).effect is Effect.PERMIT
    assert (await engine.evaluate(ask("files/read_file", {"path": "/b"}, catalog=now[0]))).effect is Effect.NO_PERMIT
    assert engine.notes() == ()


async def test_notes_are_of_the_catalog_there_is_now_once_it_was_followed(tmp_path: Path) -> None:
    now = [a_catalog(GIT)]
    engine = await an_engine(write(tmp_path, acme__a=READ), current=lambda: now[0])
    await engine.follow()
    assert len(engine.notes()) == 1
    now[0] = a_catalog(*CATALOG.servers.values(), epoch=2)
    await engine.follow()
    assert engine.notes() == ()


async def test_a_policy_that_stops_fitting_denies_what_it_applies_to_and_raises_an_alarm(tmp_path: Path) -> None:
    now, alarms = [CATALOG], list[str]()
    policies = write(tmp_path, acme__a=READ, acme__b='permit (principal, action == Action::"git/git_log", resource);')
    engine = await an_engine(policies, current=lambda: now[0], alarms=alarms)
    live = a_live()
    assert (await engine.evaluate(ask("files/read_file", {"path": "/a"}, live=live))).effect is Effect.PERMIT
    numbers = {"type": "object", "properties": {"path": {"type": "integer"}}}
    now[0] = a_catalog(a_server("files", a_tool("files", "read_file", numbers)), GIT, epoch=2)
    denied = await engine.evaluate(ask("files/read_file", {"path": 1}, live=live, catalog=now[0]))
    assert denied.effect is Effect.ERROR
    assert "acme/a.cedar:1" in denied.errors[0]
    assert len(alarms) == 1
    assert (
        await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live, catalog=now[0]))
    ).effect is Effect.PERMIT


async def test_a_forbid_that_can_no_longer_see_its_argument_denies(tmp_path: Path) -> None:
    """Cedar would take `has force` for false, and the forbid would never fire again."""
    forced = {"type": "object", "properties": {"force": {"type": "boolean"}}}
    now = [a_catalog(a_server("git", a_tool("git", "push", forced)))]
    forbid = 'forbid (principal, action == Action::"git/push", resource) when { context.args has force };'
    engine = await an_engine(write(tmp_path, acme__a=f"{ANY}\n{forbid}"), current=lambda: now[0])
    assert (await engine.evaluate(ask("git/push", {}, catalog=now[0]))).effect is Effect.PERMIT
    assert (await engine.evaluate(ask("git/push", {"force": True}, catalog=now[0]))).effect is Effect.FORBID
    now[0] = a_catalog(a_server("git", a_tool("git", "push", {"type": "object"})), epoch=2)
    assert (await engine.evaluate(ask("git/push", {}, catalog=now[0]))).effect is Effect.ERROR


async def test_an_epoch_that_changes_no_tool_keeps_the_set(tmp_path: Path) -> None:
    now = [CATALOG]
    engine = await an_engine(write(tmp_path, acme__a=ANY), current=lambda: now[0])
    live = a_live()
    await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))
    entry = next(iter(live.decisions.values()))
    now[0] = a_catalog(*CATALOG.servers.values(), epoch=2)
    await engine.evaluate(ask("git/git_log", {"repo_path": "/"}, live=live))
    assert next(iter(live.decisions.values())) is entry
