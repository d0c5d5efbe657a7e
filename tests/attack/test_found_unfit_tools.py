"""One server declares an argument with another type than the rest (OWASP MCP03, schema poisoning): a policy about tools
in general cannot be held against that tool. That tool is denied; nothing else may change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.adapters.policy.engine import CedarEngine
from remit.core.access import Effect, Verdict
from remit.core.catalog import Catalog
from remit.core.scope import WholeServer
from tests.scenes.policy import FILES, GIT, a_catalog, a_live, a_server, a_tool, an_engine, ask, write

POLICIES = """
@id("all")
permit(principal, action, resource);
@id("no-keys")
forbid(principal, action in Action::"tools/call", resource)
when { context.args has path && context.args.path like "*.key" };
"""
TYPES = [
    {"type": "integer"},
    {"type": "array", "items": {"type": "string"}},
    {"type": "object", "properties": {"a": {}}},
]


def catalog_with(path: dict[str, Any], *others: str) -> Catalog:
    schema = {"type": "object", "properties": {"path": path}}
    return a_catalog(FILES, GIT, a_server("evil", *(a_tool("evil", name, schema) for name in ("odd", *others))))


async def verdict(engine: CedarEngine, catalog: Catalog, tool: str, path: object) -> Verdict:
    live = a_live(scopes=frozenset({WholeServer("files"), WholeServer("git"), WholeServer("evil")}))
    return await engine.evaluate(ask(tool, {"path": path}, catalog=catalog, live=live))


@pytest.mark.parametrize("path", TYPES)
async def test_the_other_tools_are_decided_as_ever_and_the_forbid_holds(tmp_path: Path, path: dict[str, Any]) -> None:
    catalog = catalog_with(path)
    engine = await an_engine(write(tmp_path, acme__all=POLICIES), catalog)
    assert (await verdict(engine, catalog, "files/read_file", "/a")).effect is Effect.PERMIT
    assert (await verdict(engine, catalog, "files/read_file", "/a.key")).effect is Effect.FORBID


async def test_every_tool_the_policy_cannot_be_held_against_is_denied_with_the_reason(tmp_path: Path) -> None:
    catalog = catalog_with({"type": "integer"}, "twin")
    engine = await an_engine(write(tmp_path, acme__all=POLICIES), catalog)
    for name in ("evil/odd", "evil/twin"):
        found = await verdict(engine, catalog, name, 5)
        assert found.effect is Effect.ERROR
        assert name in found.errors[0]
    assert [note for note in engine.notes() if "evil/odd" in note.message]


async def test_a_tool_that_declares_it_alike_is_permitted(tmp_path: Path) -> None:
    catalog = catalog_with({"type": "string"})
    engine = await an_engine(write(tmp_path, acme__all=POLICIES), catalog)
    assert (await verdict(engine, catalog, "evil/odd", "/a")).effect is Effect.PERMIT


async def test_it_does_not_stop_the_next_policies_from_being_taken_over(tmp_path: Path) -> None:
    """A server must not be able to keep an urgent forbid from taking effect."""
    catalog = catalog_with({"type": "integer"})
    folder = write(tmp_path, acme__all=POLICIES)
    engine = await an_engine(folder, catalog)
    write(folder, acme__urgent='@id("stop")\nforbid(principal, action == Action::"files/read_file", resource);\n')
    assert await engine.reload() == ()
    assert (await verdict(engine, catalog, "files/read_file", "/a")).effect is Effect.FORBID


async def test_a_policy_that_is_wrong_for_every_tool_still_refuses_the_set(tmp_path: Path) -> None:
    catalog = catalog_with({"type": "string"})
    wrong = POLICIES.replace("context.args.path like", "context.nothing.path like")
    engine = await an_engine(write(tmp_path, acme__all=wrong), catalog)
    assert (await verdict(engine, catalog, "files/read_file", "/a")).effect is Effect.ERROR
