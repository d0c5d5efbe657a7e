"""G4 names, G7 capabilities, G8 self-reported facts, G9 listings, G10 pages: at the endpoint, on fakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from remit.core.catalog import Drift, Era, ItemKind, Observe
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.core.scope import OneTool
from remit.flows.listing import VIEW_S_MAX
from remit.surfaces.mcp.walks import EndpointSettings
from tests.scenes.mcp import FILES, GIT, PAYROLL, URL, McpScene, catalog, item, with_items
from tests.scenes.responder import FakeResponder

CALL = {"name": "read_file", "arguments": {}}


def names(answer: FakeResponder, member: str = "tools", key: str = "name") -> list[str]:
    return [found[key] for found in answer.json["result"][member]]


# G4 ---------------------------------------------------------------------------------------------------------------
async def test_g4_a_name_two_servers_have_is_prefixed_for_both_in_the_list_and_the_call() -> None:
    scene = McpScene()
    token = scene.token()
    assert names(await scene.modern("/mcp", token, "tools/list")) == [
        "read_file",
        "files.search",
        "git_log",
        "git.search",
    ]
    for name, server in (("files.search", "files"), ("git.search", "git"), ("git_log", "git")):
        assert (await scene.modern("/mcp", token, "tools/call", {"name": name, "arguments": {}})).status == 200
        arrived = scene.upstreams.arrived[-1]
        assert (arrived.server, arrived.params["name"]) == (server, name.rpartition(".")[2])


async def test_g4_the_bare_name_of_a_collision_and_a_prefix_nobody_needs_are_nobody_s() -> None:
    scene = McpScene()
    token = scene.token()
    for name in ("search", "git.git_log", "payroll.pay", "nowhere.search"):
        answer = await scene.modern("/mcp", token, "tools/call", {"name": name, "arguments": {}})
        assert "error" in answer.json or answer.json["result"]["isError"]
    assert scene.upstreams.arrived == []


async def test_g4_a_bare_name_is_not_given_away_while_its_owner_is_withheld() -> None:
    """Tool shadowing: quarantining one server's tool must not hand its name to another server."""
    held = replace(with_items(GIT), withheld={(ItemKind.TOOL, "read_file"): Drift.CHANGED})
    scene = McpScene(catalog=catalog(FILES, held))
    token = scene.token()
    assert "files.read_file" in names(await scene.modern("/mcp", token, "tools/list"))
    answer = await scene.modern("/mcp", token, "tools/call", CALL)
    assert "read_file" not in str(scene.upstreams.arrived)
    assert "result" not in answer.json or answer.json["result"]["isError"]


async def test_g4_a_tool_named_like_another_server_s_prefix_does_not_stand_in_for_it() -> None:
    """Tool shadowing: `git.search` is what git's own tool is called once its bare name is taken twice."""
    shadow = with_items(FILES, *FILES.items.values(), item("files", ItemKind.TOOL, "git.search"))
    scene = McpScene(catalog=catalog(shadow, GIT))
    scene.policy.permit("files/git.search")
    token = scene.token()
    shown = names(await scene.modern("/mcp", token, "tools/list"))
    assert shown == ["read_file", "files.search", "files.git.search", "git_log", "git.search"]
    for name, server in (("git.search", "git"), ("files.git.search", "files")):
        assert (await scene.modern("/mcp", token, "tools/call", {"name": name, "arguments": {}})).status == 200
        assert scene.upstreams.arrived[-1].server == server


async def test_g4_names_that_look_alike_are_not_served_bare() -> None:
    twin = with_items(GIT, item("git", ItemKind.TOOL, "read-file"), item("git", ItemKind.TOOL, "git_log"))
    scene = McpScene(catalog=catalog(FILES, twin))
    scene.policy.permit("git/read-file")
    token = scene.token()
    shown = names(await scene.modern("/mcp", token, "tools/list"))
    assert shown == ["files.read_file", "search", "git.read-file", "git_log"]
    for name, server in (("files.read_file", "files"), ("git.read-file", "git")):
        assert (await scene.modern("/mcp", token, "tools/call", {"name": name, "arguments": {}})).status == 200
        assert scene.upstreams.arrived[-1].server == server
    assert (await scene.modern("/mcp", token, "tools/call", CALL)).json["result"]["isError"] is True


async def test_g4_a_single_server_s_names_and_bytes_are_its_own() -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/list")
    assert names(answer) == ["read_file", "search"]


# G7, G8 -----------------------------------------------------------------------------------------------------------
async def test_g7_the_client_s_own_capabilities_go_upstream_and_never_ours() -> None:
    scene = McpScene()
    declared: dict[str, Any] = {"sampling": {}, "elicitation": {"form": {}}}
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": declared,
    }
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL, meta=meta)
    arrived = scene.upstreams.arrived[-1]
    assert arrived.params["_meta"] == meta
    assert arrived.request.capabilities == declared


async def test_g8_what_a_client_says_about_itself_changes_no_decision() -> None:
    scene = McpScene()
    info = {"io.modelcontextprotocol/clientInfo": {"name": "administrator", "version": "1"}}
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    token = scene.token("files")
    for said in (meta, meta | info):
        answer = await scene.modern(
            "/mcp/files", token, "tools/call", {"name": "delete_file", "arguments": {}}, meta=said
        )
        assert answer.json["result"]["isError"] is True
    assert scene.ledger.of_kind(RecordKind.DENIAL)[-1]["client"] == "demo"


# G9 ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "member", "key", "expected"),
    [
        ("tools/list", "tools", "name", ["read_file", "search"]),
        ("resources/list", "resources", "uri", ["file:///readme"]),
        ("resources/templates/list", "resourceTemplates", "uriTemplate", ["file:///{path}"]),
        ("prompts/list", "prompts", "name", ["summarise"]),
    ],
)
async def test_g9_a_list_shows_what_a_call_could_be_permitted_in_the_servers_order(
    method: str, member: str, key: str, expected: list[str]
) -> None:
    scene = McpScene()
    token = scene.token("files")
    for _ in range(3):
        answer = await scene.modern("/mcp/files", token, method)
        assert names(answer, member, key) == expected
        result = answer.json["result"]
        assert (result["resultType"], result["cacheScope"], type(result["ttlMs"])) == ("complete", "private", int)
        assert answer.headers[b"cache-control"] == b"private, no-store"


async def test_g9_a_list_varies_by_grant_and_not_by_connection() -> None:
    scene = McpScene()
    narrow = scene.token("files", scopes=frozenset({OneTool("files", "search")}))
    wide = scene.token("files")
    for _ in range(2):
        assert names(await scene.modern("/mcp/files", narrow, "tools/list")) == ["search"]
        assert names(await scene.modern("/mcp/files", wide, "tools/list")) == ["read_file", "search"]


async def test_g9_each_list_is_one_durable_record_of_what_was_shown() -> None:
    scene = McpScene()
    token = scene.token("files")
    await scene.modern("/mcp/files", token, "tools/list")
    await scene.modern("/mcp/files", token, "tools/list")
    first, second = scene.ledger.of_kind(RecordKind.LISTING)
    assert (first["shown"], first["grant"], first["digest"]) == (2, "grant-0", second["digest"])
    scene.ledger.fail_writes()
    refused = await scene.modern("/mcp/files", token, "tools/list")
    assert (refused.status, "tools" in str(refused.json)) == (503, False)


@pytest.mark.parametrize("change", ["policy", "catalog", "time"])
async def test_g9_a_kept_list_does_not_outlive_what_it_was_computed_from(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = McpScene()
    token = scene.token("files")
    await scene.modern("/mcp/files", token, "tools/list")
    asked = len(scene.policy.asked)
    await scene.modern("/mcp/files", token, "tools/list")
    assert len(scene.policy.asked) == asked  # kept
    scene.policy.forbid("files/search")
    if change == "policy":
        monkeypatch.setattr(scene.policy, "version", lambda tenant: "test-2")
    elif change == "catalog":
        await scene.change_catalog(FILES)
    else:
        scene.clock.advance(VIEW_S_MAX)
    assert names(await scene.modern("/mcp/files", token, "tools/list")) == ["read_file"]


async def test_g9_a_listed_tool_is_decided_again_when_it_is_called() -> None:
    scene = McpScene()
    token = scene.token("files")
    assert "search" in names(await scene.modern("/mcp/files", token, "tools/list"))
    scene.policy.forbid("files/search")
    answer = await scene.modern("/mcp/files", token, "tools/call", {"name": "search", "arguments": {}})
    assert answer.json["result"]["isError"] is True
    assert scene.upstreams.arrived == []


async def test_g9_withheld_items_and_other_tenants_servers_are_never_shown() -> None:
    drifted = replace(
        with_items(GIT, item("git", ItemKind.TOOL, "git_log")), withheld={(ItemKind.TOOL, "search"): Drift.CHANGED}
    )
    scene = McpScene(catalog=catalog(FILES, drifted, PAYROLL))
    assert names(await scene.modern("/mcp", scene.token(), "tools/list")) == ["read_file", "files.search", "git_log"]
    denied = await scene.modern("/mcp/payroll", scene.token("payroll"), "tools/list")
    assert denied.json["error"]["data"]["io.remit/decision"]["reason"] == "tenant_mismatch"


async def test_g9_one_dead_server_neither_empties_nor_delays_the_list() -> None:
    dead = replace(GIT, eras=frozenset(), items={}, discovery={}, versions={})
    scene = McpScene(catalog=catalog(FILES, dead))
    assert names(await scene.modern("/mcp", scene.token(), "tools/list")) == ["read_file", "search"]


async def test_g9_observe_mode_shows_what_it_would_permit() -> None:
    observed = replace(FILES, mode=Observe(McpScene().clock.now_s() + 60))
    scene = McpScene(catalog=catalog(observed))
    token = scene.token("files")
    assert names(await scene.modern("/mcp/files", token, "tools/list")) == ["read_file", "delete_file", "search"]
    scene.clock.advance(61)
    assert names(await scene.modern("/mcp/files", token, "tools/list")) == ["read_file", "search"]


async def test_g9_a_capability_no_server_declares_is_an_unknown_method_not_an_empty_list() -> None:
    bare = replace(FILES, discovery={Era.MODERN: {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}})
    scene = McpScene(catalog=catalog(bare))
    token = scene.token("files")
    assert (await scene.modern("/mcp/files", token, "prompts/list")).status == 404
    assert (await scene.modern("/mcp/files", token, "tools/list")).status == 200


async def test_g9_discovery_is_the_server_s_own_answer_kept_private() -> None:
    scene = McpScene()
    found = (await scene.modern("/mcp/files", scene.token("files"), "server/discover")).json["result"]
    assert found["cacheScope"] == "private"
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"] == {"name": "upstream", "version": "1"}
    assert found["capabilities"]["tools"] == {"listChanged": True}


# G10 --------------------------------------------------------------------------------------------------------------
def paged() -> McpScene:
    return McpScene(settings=EndpointSettings(URL, page_items_max=1))


async def pages(scene: McpScene, token: bytes, path: str = "/mcp/files") -> list[str]:
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        result = (await scene.modern(path, token, "tools/list", cursor)).json["result"]
        found += [tool["name"] for tool in result["tools"]]
        assert result["cacheScope"] == "private"
        if "nextCursor" not in result:
            return found
        cursor = {"cursor": result["nextCursor"]}


async def test_g10_pages_together_are_the_list() -> None:
    scene = paged()
    assert await pages(scene, scene.token("files")) == ["read_file", "search"]
    assert await pages(scene, scene.token(), "/mcp") == ["read_file", "files.search", "git_log", "git.search"]


async def first_cursor(scene: McpScene, token: bytes) -> str:
    cursor: str = (await scene.modern("/mcp/files", token, "tools/list")).json["result"]["nextCursor"]
    return cursor


@pytest.mark.parametrize("cursor", ["", "guess", "0"])
async def test_g10_a_cursor_nobody_sealed_is_32602(cursor: str) -> None:
    scene = paged()
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/list", {"cursor": cursor})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert scene.ledger.of_kind(RecordKind.DENIAL)[-1]["reason"] == Reason.INVALID_CURSOR


async def test_g10_another_grant_s_cursor_or_another_list_s_is_32602() -> None:
    scene = paged()
    token = scene.token("files")
    cursor = {"cursor": await first_cursor(scene, token)}
    other = await scene.modern("/mcp/files", scene.token("files"), "tools/list", cursor)
    wrong = await scene.modern("/mcp/files", token, "prompts/list", cursor)
    assert other.json["error"]["code"] == wrong.json["error"]["code"] == -32602
    assert (await scene.modern("/mcp/files", token, "tools/list", cursor)).status == 200


async def test_g10_a_cursor_of_a_list_that_changed_starts_over() -> None:
    scene = paged()
    token = scene.token("files")
    cursor = {"cursor": await first_cursor(scene, token)}
    await scene.change_catalog(with_items(FILES, *list(FILES.items.values())[:1]))
    assert (await scene.modern("/mcp/files", token, "tools/list", cursor)).json["error"]["code"] == -32602


async def test_g10_a_cursor_that_is_no_string_is_32602() -> None:
    scene = paged()
    assert (await scene.modern("/mcp/files", scene.token("files"), "tools/list", {"cursor": 1})).status == 400
    assert orjson.loads(b"1") == 1
