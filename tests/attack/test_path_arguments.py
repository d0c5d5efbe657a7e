"""CVE-2025-53109 and CVE-2025-53110 (filesystem server: links, and a prefix compared without its end), CVE-2025-68143
and CVE-2025-68145 (git server: paths outside the allowed folder): declared path arguments have one spelling before
policy sees them, and what leads elsewhere is denied. What a link points to only the server sees: that stays with it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from remit.core.catalog import ItemKind, Tool
from remit.core.scope import ToolName, constraint
from tests.attack.scene import CALL, Gains, expect_served
from tests.scenes.mcp import FILES, McpScene, with_items

OUTSIDE = [
    "/srv/../etc/shadow", "/srv/./../etc/shadow", "/srv/%2e%2e/etc/shadow", "/srv/%2E%2e%2Fetc/shadow",
    "/srv/..%2fetc/shadow", "/srv/a%2f..%2f..%2fetc", "/srv/..\\etc", "/srv/a\0/../../etc", "/srv/..",
]  # fmt: skip
URIS = ["file:///srv/../etc/shadow", "file:///srv/%2e%2e/etc", "file:///srv/..%2fetc", "file:///srv\\..\\etc"]


async def a_scene() -> McpScene:
    """Policy permits everything below /srv/, as people write it: a prefix."""
    scene = McpScene()
    tool = Tool(ItemKind.TOOL, "files", "read_file", b'{"name":"read_file"}', "d", validate=lambda arguments: None,
                path_arguments=("path",))  # fmt: skip
    await scene.change_catalog(with_items(FILES, *FILES.items.values(), tool))
    scene.policy.permit("files/read_file", lambda arguments: str(arguments["path"]).startswith("/srv/"))
    return scene


async def paths_out_of_the_folder(_: Path) -> Gains:
    scene = await a_scene()
    token = scene.token("files")
    for path in [*OUTSIDE, ["/srv/a", OUTSIDE[0]]]:
        await scene.modern("/mcp/files", token, "tools/call", {"name": "read_file", "arguments": {"path": path}})
    gains = [f"the server was given {arrived.params['arguments']}" for arrived in scene.upstreams.arrived]
    await expect_served(scene, "/mcp/files", token, {"name": "read_file", "arguments": {"path": "/srv//./a"}})
    assert gains or scene.upstreams.arrived[-1].params["arguments"] == {"path": "/srv/a"}
    return gains


async def uris_out_of_the_folder(_: Path) -> Gains:
    """A resource is named by a URI, and a template's server decodes it."""
    scene = McpScene()
    token = scene.token("files")
    for uri in URIS:
        await scene.modern("/mcp/files", token, "resources/read", {"uri": uri})
    gains = [f"the server was given {arrived.params['uri']}" for arrived in scene.upstreams.arrived]
    assert (await scene.modern("/mcp/files", token, "resources/read", {"uri": "file:///srv/a"})).status == 200
    return gains


async def a_sibling_with_the_same_start(_: Path) -> Gains:
    """CVE-2025-53110: allowed is `/srv`, asked for is `/srv-private`."""
    scene = await a_scene()
    scene.policy.permit("files/read_file")
    token = scene.token("files")
    live = scene.grants.find("grant-0")
    assert live is not None
    limit = constraint(ToolName("files", "read_file"), "path", "prefix", ["/srv"])
    live.grant = replace(live.grant, constraints=frozenset({limit}))
    for path in ("/srv-private/key", "/srvs"):
        await scene.modern("/mcp/files", token, "tools/call", {"name": "read_file", "arguments": {"path": path}})
    gains = [f"the server was given {arrived.params['arguments']}" for arrived in scene.upstreams.arrived]
    await expect_served(scene, "/mcp/files", token, CALL)
    return gains


async def test_no_path_leads_out_of_the_folder_policy_names() -> None:
    assert await paths_out_of_the_folder(Path()) == []


async def test_no_resource_uri_climbs() -> None:
    assert await uris_out_of_the_folder(Path()) == []


async def test_a_prefix_ends_where_a_name_ends() -> None:
    assert await a_sibling_with_the_same_start(Path()) == []
