"""CVE-2026-27896 (Go SDK: JSON keys matched in any case), and the batches and repeated keys that passed the MCP filters
of Envoy and haproxy: a message two readers could read differently reaches neither the decision nor a server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.core.catalog import ItemKind, Tool
from tests.attack.scene import Gains, expect_served
from tests.scenes.mcp import FILES, McpScene, legacy_request, modern_request, opened, with_items

HONEST = {"name": "read_file", "arguments": {"path": "/srv/a", "options": {"depth": 1}}}
SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "options": {"type": "object", "properties": {"depth": {}}}},
}
# (what is replaced in the honest message, by what)
REPEATED = [
    (b'"name":"read_file"', b'"name":"read_file","name":"delete_file"'),
    (b'"name":"read_file"', b'"name":"delete_file","n\\u0061me":"read_file"'),
    (b'"path":"/srv/a"', b'"path":"/etc/shadow","path":"/srv/a"'),
    (b'"path":"/srv/a"', b'"p\\u0061th":"/etc/shadow","path":"/srv/a"'),
    (b'"depth":1', b'"depth":9,"depth":1'),
    (b'"method":"tools/call"', b'"method":"tools/list","method":"tools/call"'),
]
ODD_CASE = [
    (b'"name":"read_file"', b'"name":"read_file","Name":"delete_file"'),
    (b'"params":', b'"Params":{"name":"delete_file"},"params":'),
    (b'"arguments":', b'"ARGUMENTS":{"path":"/etc/shadow"},"arguments":'),
    (b'"jsonrpc":"2.0"', b'"jsonrpc":"2.0","Method":"tools/list"'),
    (b'"path":"/srv/a"', b'"path":"/srv/a","Path":"/etc/shadow"'),
]
# No second key beside it: policy sees no `path` at all, a reader that folds case sees one.
ODD_CASE_ARGUMENT = [
    (b'"path":"/srv/a"', b'"Path":"/etc/shadow"'),
    (b'"path":"/srv/a"', b'"PATH":"/etc/shadow"'),
    (b'"path":"/srv/a"', b'"p\\u0041th":"/etc/shadow"'),
    (b'"depth":1', b'"Depth":9'),
]


async def a_scene(schema: dict[str, Any] = SCHEMA, paths: tuple[str, ...] = ()) -> McpScene:
    """The tool's schema is what tells which spelling of an argument is the right one."""
    scene = McpScene()
    tool = Tool(ItemKind.TOOL, "files", "read_file", b'{"name":"read_file"}', "d", input_schema=schema,
                validate=lambda arguments: None, path_arguments=paths)  # fmt: skip
    await scene.change_catalog(with_items(FILES, *FILES.items.values(), tool))
    return scene


async def served(tricks: list[tuple[bytes, bytes]], schema: dict[str, Any] = SCHEMA, *paths: str) -> Gains:
    """Each trick in both eras; then the honest message in both."""
    scene = await a_scene(schema, paths)
    token, session = await opened(scene)
    before = len(scene.upstreams.arrived)
    for honest, trick in tricks:
        for body, headers in (
            modern_request(token, "tools/call", HONEST),
            legacy_request(token, session, "tools/call", HONEST),
        ):
            assert body.count(honest) == 1
            await scene.send("/mcp/files", body.replace(honest, trick), headers)
    gains = [f"a server read {arrived.params['arguments']}" for arrived in scene.upstreams.arrived[before:]]
    await expect_served(scene, "/mcp/files", token, HONEST)
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", HONEST)).status == 200
    return gains


async def repeated_keys(_: Path) -> Gains:
    return await served(REPEATED)


async def odd_case_members(_: Path) -> Gains:
    return await served(ODD_CASE[:4])


async def odd_case_arguments(_: Path) -> Gains:
    return await served(ODD_CASE_ARGUMENT)


async def batches(_: Path) -> Gains:
    """A permitted call first, or last, or alone."""
    scene = await a_scene()
    token = scene.token("files")
    body, headers = modern_request(token, "tools/call", HONEST)
    other = body.replace(b"read_file", b"delete_file")
    for batch in (body + b"," + other, other + b"," + body, body):
        await scene.send("/mcp/files", b"[" + batch + b"]", headers)
    gains = [f"a batch reached {arrived.params['name']}" for arrived in scene.upstreams.arrived]
    await expect_served(scene, "/mcp/files", token, HONEST)
    return gains


async def headers_that_lie(_: Path) -> Gains:
    """Routing headers say what is permitted, the body asks for something else."""
    scene = await a_scene()
    token = scene.token("files")
    scene.policy.permit("files/delete_file")
    body, headers = modern_request(token, "tools/call", {"name": "delete_file", "arguments": {}})
    for lie in ({b"mcp-name": b"read_file"}, {b"mcp-method": b"tools/list"}, {b"mcp-name": b"=?base64?cmVhZF9maWxl?="}):
        await scene.send("/mcp/files", body, {**headers, **lie})
    gains = [f"{arrived.params['name']} ran" for arrived in scene.upstreams.arrived]
    await expect_served(scene, "/mcp/files", token, HONEST)
    return gains


@pytest.mark.parametrize("attack", [repeated_keys, odd_case_members, odd_case_arguments, batches, headers_that_lie])
async def test_a_message_with_two_readings_reaches_no_server(attack: object) -> None:
    assert await attack(Path()) == []  # type: ignore[operator]


async def test_two_arguments_that_differ_in_case_reach_no_server() -> None:
    assert await served(ODD_CASE[4:]) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [SCHEMA]},
        {"anyOf": [{"properties": {"url": {}}}, SCHEMA]},
        {"$ref": "#/$defs/call", "$defs": {"call": {"oneOf": [SCHEMA]}}},
    ],
    ids=["allOf", "anyOf", "$ref"],
)
async def test_a_spelling_that_a_branch_of_the_schema_declares_is_the_only_one(schema: dict[str, Any]) -> None:
    assert await served(ODD_CASE_ARGUMENT, schema) == []


async def test_a_path_argument_in_another_case_reaches_no_server_though_the_schema_declares_nothing() -> None:
    assert await served(ODD_CASE_ARGUMENT[:3], {"type": "object"}, "path") == []


async def test_an_argument_the_schema_does_not_know_keeps_its_case() -> None:
    """Only a misspelt argument is refused: what the server declares nothing about is its own affair."""
    scene = await a_scene()
    free = {"name": "read_file", "arguments": {"path": "/a", "Label": "x", "options": {"Colour": "red"}}}
    await expect_served(scene, "/mcp/files", scene.token("files"), free)
    assert scene.upstreams.arrived[-1].params["arguments"] == orjson.loads(orjson.dumps(free))["arguments"]
