"""CVE-2026-16498, CVE-2026-16326, CVE-2026-45707, CVE-2026-19202, CVE-2026-94386 (terraform-mcp, consul-mcp, n8n-mcp
and others: one caller's cached credential or answer served the next; the process's own stood in for a missing one).
"""

from __future__ import annotations

from pathlib import Path

from remit.core.grant import Purpose
from remit.core.scope import OneTool, WholeServer
from tests.attack.scene import CALL, Gains, expect_served, wire, wired
from tests.scenes.mcp import McpScene
from tests.scenes.policy import a_live, an_engine, ask, write

TIDY = 'permit(principal, action, resource) when { context.purpose.text == "tidy" };\n'


async def the_last_grant_s_list(_: Path) -> Gains:
    """Two grants list at the same endpoint in turn; the second reaches less."""
    scene = McpScene()
    wide = scene.token("files")
    narrow = scene.token("files", subject="mallory", scopes=frozenset({OneTool("files", "search")}))
    first = await scene.modern("/mcp/files", wide, "tools/list")
    second = await scene.modern("/mcp/files", narrow, "tools/list")
    assert b"read_file" in first.body
    return ["the second grant saw the first one's list"] * (b"read_file" in second.body)


async def the_last_grant_s_decision(folder: Path) -> Gains:
    """The real engine is asked the same of two grants, of which only the first has the purpose that permits it."""
    engine = await an_engine(write(folder, acme__tidy=TIDY))
    first, second = a_live(id="grt_1", purpose=Purpose("tidy")), a_live(id="grt_2", purpose=Purpose("steal"))
    gains: Gains = []
    for _ in range(3):
        permitted = await engine.evaluate(ask("files/read_file", {"path": "/a"}, live=first))
        assert permitted.effect == "permit"
        denied = await engine.evaluate(ask("files/read_file", {"path": "/a"}, live=second))
        gains += ["the first grant's permit served the second"] * (denied.effect == "permit")
    return gains


async def another_server_s_credential(_: Path) -> Gains:
    """The credential's variable is not set, and other secrets lie about: the call ends before the server."""
    environment = {"OTHER_TOKEN": "someone-elses", "TOKEN": "the-processes-own"}
    async with wired(headers={"Authorization": "Bearer ${env:MISSING}"}, environment=environment) as (scene, server):
        answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
        gains = ["the server was reached with another credential"] * len(server.got)
        assert answer.status != 200 or gains
    async with wired(headers={"Authorization": "Bearer ${env:TOKEN}"}, environment=environment) as (scene, server):
        await expect_served(scene, "/mcp/files", scene.token("files", scopes=frozenset({WholeServer("files")})))
        assert b"the-processes-own" in wire(server)
    return gains


async def test_no_list_crosses_grants() -> None:
    assert await the_last_grant_s_list(Path()) == []


async def test_no_decision_crosses_grants(tmp_path: Path) -> None:
    assert await the_last_grant_s_decision(tmp_path) == []


async def test_no_other_credential_stands_in_for_a_missing_one() -> None:
    assert await another_server_s_credential(Path()) == []
