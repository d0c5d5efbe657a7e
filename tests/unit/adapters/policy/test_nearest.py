"""The permit that came closest, and what of it failed."""

from __future__ import annotations

from pathlib import Path

from tests.scenes.policy import a_catalog, a_live, a_server, a_tool, an_engine, ask, write

POLICIES = """@id("engineers")
permit (principal in Role::"engineer", action in [Action::"files/read_file"], resource in Server::"files")
when { context.interactive && context.args.path like "/workspace/*" }
unless { context.client.attestation == "none" || context.purpose.class == "triage" };

@id("auditors")
permit (principal in Role::"auditor", action, resource in Environment::"prod") when { context.era == "legacy" };

@id("secrets")
forbid (principal, action == Action::"files/read_file", resource) when { context.args.path like "/workspace/secret*" };
"""


async def test_the_permit_with_the_fewest_failing_parts_is_named_with_their_source(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=POLICIES))
    near = await engine.nearest(ask("files/read_file", {"path": "/etc/passwd"}))
    assert near is not None
    assert (near.policy.id, near.failed) == ("engineers", ('context.args.path like "/workspace/*"',))


async def test_failing_scope_and_exceptions_are_parts_too(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=POLICIES))
    near = await engine.nearest(ask("files/write_file", {"path": "/workspace/a"}))
    assert near is not None
    assert (near.policy.id, near.failed) == (
        "auditors",
        ('principal in Role::"auditor"', 'resource in Environment::"prod"', 'context.era == "legacy"'),
    )
    live = a_live(roles=frozenset({"analyst"}))
    near = await engine.nearest(ask("files/read_file", {"path": "/workspace/a"}, live=live))
    assert near is not None
    assert near.failed == ('principal in Role::"engineer"',)


async def test_where_a_forbid_decided_no_permit_was_missed(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=POLICIES))
    assert await engine.nearest(ask("files/read_file", {"path": "/workspace/secrets"})) is None


async def test_only_the_tenants_own_permits_are_told(tmp_path: Path) -> None:
    catalog = a_catalog(a_server("files", a_tool("files", "read_file"), tenants=frozenset({"acme", "globex"})))
    engine = await an_engine(write(tmp_path, globex__a=POLICIES, acme__a=""), catalog)
    assert await engine.nearest(ask("files/read_file", {"path": "/etc"}, catalog=catalog)) is None
    near = await engine.nearest(ask("files/read_file", {"path": "/etc"}, catalog=catalog, live=a_live(tenant="globex")))
    assert near is not None
    assert near.policy.file == "globex/a.cedar"


async def test_a_shadow_permit_is_not_told(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__shadow__a=POLICIES))
    assert await engine.nearest(ask("files/read_file", {"path": "/etc"})) is None


async def test_the_callers_arguments_are_not_in_the_answer(tmp_path: Path) -> None:
    engine = await an_engine(write(tmp_path, acme__a=POLICIES))
    assert "my-secret" not in str(await engine.nearest(ask("files/read_file", {"path": "/my-secret"})))
