"""One message, two readings. A batch passed Envoy's MCP filter, repeated keys passed haproxy's JSON rules, and Go's
JSON matches keys in any case (CVE-2026-27896): what was decided on was not what the server ran.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from remit.core.catalog import ItemKind
from remit.core.reasons import Reason
from tests.scenes.mcp import FILES, McpScene, catalog, modern_request, with_items

PERMITTED = {"name": "read_file", "arguments": {"path": "/a"}}


async def sent(scene: McpScene, body: bytes) -> int:
    """The status of a modern call whose headers say what is permitted, whatever the body says."""
    _, headers = modern_request(scene.token("files"), "tools/call", PERMITTED)
    return (await scene.send("/mcp/files", body, headers)).status


def body_of(scene: McpScene) -> bytes:
    return modern_request(scene.token("files"), "tools/call", PERMITTED)[0]


@pytest.mark.parametrize(
    ("found", "forged", "reason"),
    [
        (b'"name":"read_file"', b'"name":"read_file","name":"delete_file"', Reason.DUPLICATE_KEY),
        (b'"name":"read_file"', b'"name":"delete_file","n\\u0061me":"read_file"', Reason.DUPLICATE_KEY),
        (b'"path":"/a"', b'"path":"/a","path":"/etc/shadow"', Reason.DUPLICATE_KEY),
        (b'"path":"/a"', b'"path":"\\u003a","p":":","path":"/etc/shadow"', Reason.DUPLICATE_KEY),
        (b'"method":"tools/call"', b'"method":"tools/call","method":"tools/list"', Reason.DUPLICATE_KEY),
        (b'"name":"read_file"', b'"name":"read_file","Name":"delete_file"', Reason.ODD_CASE_KEY),
        (b'"arguments"', b'"Arguments":{"path":"/etc/shadow"},"arguments"', Reason.ODD_CASE_KEY),
        (b'"path":"/a"', b'"path":"/a","PATH":"/etc/shadow"', Reason.ODD_CASE_KEY),
        (b'"params"', b'"Params":{"name":"delete_file"},"params"', Reason.ODD_CASE_KEY),
        (b'"path":"/a"', b'"path":"/a","n":18446744073709551617', Reason.NUMBER_OUT_OF_RANGE),
    ],
)
async def test_a_message_with_two_readings_reaches_nobody(found: bytes, forged: bytes, reason: Reason) -> None:
    scene = McpScene()
    body = body_of(scene)
    assert await sent(scene, body) == 200
    assert await sent(scene, body.replace(found, forged)) == 400
    assert scene.ledger.refusals == {reason: 1}
    assert len(scene.upstreams.arrived) == len(scene.policy.asked) == 1


async def test_a_batch_reaches_nobody() -> None:
    scene = McpScene()
    body = body_of(scene)
    forbidden = body.replace(b"read_file", b"delete_file")
    assert await sent(scene, b"[" + body + b"," + forbidden + b"]") == 400
    assert scene.upstreams.arrived == []
    assert await sent(scene, body) == 200


async def test_what_is_forwarded_is_what_was_decided_on() -> None:
    scene = McpScene()
    await sent(scene, body_of(scene))
    assert scene.upstreams.arrived[0].params["arguments"] == scene.policy.asked[0].arguments == {"path": "/a"}


@pytest.mark.parametrize("header", [b"mcp-name", b"mcp-method"])
async def test_a_header_that_says_something_harmless_does_not_hide_the_body(header: bytes) -> None:
    scene = McpScene()
    body, headers = modern_request(scene.token("files"), "tools/call", {"name": "delete_file", "arguments": {}})
    harmless = b"read_file" if header == b"mcp-name" else b"tools/list"
    assert (await scene.send("/mcp/files", body, headers | {header: harmless})).status == 400
    denied = await scene.send("/mcp/files", body, headers)
    assert orjson.loads(denied.body)["result"]["isError"] is True
    assert scene.upstreams.arrived == []


@pytest.mark.parametrize(
    "arguments", [{"Path": "/etc/shadow"}, {"box": {"SIZE": 1}}, {"path": "/a", "box": {"Size": 1}}]
)
async def test_an_argument_in_another_case_than_declared_is_denied(arguments: dict[str, Any]) -> None:
    schema = {"properties": {"path": {}, "box": {"properties": {"size": {}}}}}
    tool = replace(FILES.items[ItemKind.TOOL, "read_file"], input_schema=schema)
    scene = McpScene(catalog=catalog(with_items(FILES, tool)))
    token = scene.token("files")
    denied = await scene.modern("/mcp/files", token, "tools/call", {"name": "read_file", "arguments": arguments})
    assert denied.json["result"]["structuredContent"]["io.remit/decision"]["reason"] == "args_schema"
    assert scene.upstreams.arrived == []
    twin = {"path": "/a", "box": {"size": 1}, "other": {"Path": 1}}
    permitted = await scene.modern("/mcp/files", token, "tools/call", {"name": "read_file", "arguments": twin})
    assert "isError" not in permitted.json["result"]
