"""G1 eras, G3 headers against the body, G6 statuses and codes, G23 Host and Origin: at the endpoint, on fakes."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest

from remit.core.catalog import Era, ItemKind, Tool
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from tests.scenes.mcp import FILES, LEGACY, MODERN, URL, McpScene, catalog, legacy_request, modern_request

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
CALL = {"name": "read_file", "arguments": {"path": "/a"}}


# G1 ---------------------------------------------------------------------------------------------------------------
async def test_g1_one_endpoint_serves_both_eras_and_each_reaches_its_own() -> None:
    scene = McpScene()
    token = scene.token("files")
    assert (await scene.modern("/mcp/files", token, "tools/call", CALL)).status == 200
    session = await scene_session(scene, token)
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200
    eras = [arrived.request.era for arrived in scene.upstreams.arrived if arrived.request.method == "tools/call"]
    assert eras == [Era.MODERN, Era.LEGACY]


@pytest.mark.parametrize("method", ["server/discover", "tools/list", "tools/call", "subscriptions/listen"])
async def test_g1_a_modern_request_to_a_legacy_only_server_is_told_the_legacy_versions(method: str) -> None:
    """-32022 with handshake versions in `supported` is what official clients fall back on; an empty list is not."""
    scene = McpScene(catalog=catalog(replace(FILES, eras=frozenset({Era.LEGACY}))))
    params = CALL if method == "tools/call" else {"notifications": {}}
    answer = await scene.modern("/mcp/files", scene.token("files"), method, params)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32022)
    assert LEGACY in answer.json["error"]["data"]["supported"]
    assert answer.json["error"]["data"]["requested"] == MODERN
    assert scene.upstreams.arrived == []


async def test_g1_initialize_at_a_modern_only_server_is_told_the_modern_version() -> None:
    scene = McpScene(catalog=catalog(replace(FILES, eras=frozenset({Era.MODERN}), versions={Era.MODERN: (MODERN,)})))
    answer = await scene.legacy("/mcp/files", scene.token("files"), None, "initialize", {"protocolVersion": LEGACY})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32022)
    assert answer.json["error"]["data"] == {"supported": [MODERN], "requested": LEGACY}


async def test_g1_on_the_shared_endpoint_a_probe_of_legacy_servers_only_is_no_empty_list() -> None:
    scene = McpScene(catalog=catalog(replace(FILES, eras=frozenset({Era.LEGACY}))))
    answer = await scene.modern("/mcp", scene.token(), "tools/list")
    assert (answer.status, answer.json["error"]["code"]) == (400, -32022)
    assert LEGACY in answer.json["error"]["data"]["supported"]


async def test_g1_an_unknown_version_is_answered_by_the_modern_path() -> None:
    scene = McpScene()
    token = scene.token("files")
    meta = {VERSION_KEY: "v999.0.0", CAPABILITIES_KEY: {}}
    headers = {b"mcp-protocol-version": b"v999.0.0"}
    answer = await scene.modern("/mcp/files", token, "server/discover", headers=headers, meta=meta)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32022)
    found = await scene.modern("/mcp/files", token, "server/discover")
    assert answer.json["error"]["data"] == {
        "supported": found.json["result"]["supportedVersions"],
        "requested": "v999.0.0",
    }


async def test_g1_initialize_under_a_modern_header_is_an_unknown_method_and_makes_no_session() -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp/files", scene.token("files"), "initialize", {"protocolVersion": MODERN})
    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)
    assert b"mcp-session-id" not in answer.headers


async def scene_session(scene: McpScene, token: bytes) -> bytes:
    from tests.scenes.mcp import greet

    greet(scene)
    return await scene.open_session("/mcp/files", token)


# G3 ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "headers",
    [
        {b"mcp-method": None},
        {b"mcp-method": b"prompts/list"},
        {b"mcp-method": b"TOOLS/CALL"},
        {b"mcp-name": None},
        {b"mcp-name": b"delete_file"},
        {b"mcp-name": b"READ_FILE"},
        {b"mcp-name": b"=?base64?cmVhZF9maWxl=?="},
        {b"mcp-protocol-version": b"2027-01-01"},
    ],
)
async def test_g3_a_routing_header_that_is_missing_or_differs_is_refused(headers: dict[bytes, bytes | None]) -> None:
    scene = McpScene()
    token = scene.token("files")
    answer = await scene.modern("/mcp/files", token, "tools/call", CALL, headers=headers, id=17)
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (400, -32020, 17)
    assert scene.upstreams.arrived == []
    assert scene.ledger.refusals[Reason.HEADER_MISMATCH] == 1
    assert (await scene.modern("/mcp/files", token, "tools/call", CALL)).status == 200


async def test_g3_a_name_is_compared_after_base64_decoding() -> None:
    scene = McpScene()
    name = b"=?base64?" + base64.b64encode(b"read_file") + b"?="
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL, headers={b"mcp-name": name})
    assert answer.status == 200


@pytest.mark.parametrize("name", [b"mcp-method", b"mcp-name", b"mcp-protocol-version"])
async def test_g3_a_routing_header_that_comes_twice_is_refused_even_with_equal_values(name: bytes) -> None:
    scene = McpScene()
    body, headers = modern_request(scene.token("files"), "tools/call", CALL)
    http = scene.http("/mcp/files", body, headers)
    http.headers.append((name, headers[name] or b""))
    from tests.scenes.responder import FakeResponder

    answer = FakeResponder()
    await scene.endpoint(http, answer)
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (400, -32020, 1)


async def test_g3_the_decision_is_about_the_body_and_never_about_a_header() -> None:
    scene = McpScene()
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL, headers={b"mcp-param-path": b"/b"})
    assert scene.policy.asked[-1].action == "files/read_file"
    assert scene.policy.asked[-1].arguments == {"path": "/a"}


def routed() -> McpScene:
    tool = FILES.items[ItemKind.TOOL, "read_file"]
    assert isinstance(tool, Tool)
    declared = replace(tool, header_arguments={"region": "region", "count": "count"})
    return McpScene(catalog=catalog(replace(FILES, items={**FILES.items, (tool.kind, tool.name): declared})))


async def test_g3_declared_parameters_are_compared_on_the_shared_endpoint_too() -> None:
    scene = routed()
    token, call = scene.token(), {"name": "read_file", "arguments": {"region": "eu"}}
    wrong: dict[bytes, bytes | None] = {b"mcp-param-region": b"us"}
    assert (await scene.modern("/mcp", token, "tools/call", call, headers=wrong)).status == 400
    right: dict[bytes, bytes | None] = {b"mcp-param-region": b"eu"}
    assert (await scene.modern("/mcp", token, "tools/call", call, headers=right)).status == 200


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {}),
        ({"region": "eu"}, {b"mcp-param-region": b"us"}),
        ({"region": "Hello"}, {b"mcp-param-region": b"=?base64?SGVsbG8?="}),
        ({"count": 42}, {b"mcp-param-count": b"43"}),
        ({}, {b"mcp-param-region": b"eu"}),
    ],
)
async def test_g3_a_declared_parameter_header_that_differs_from_the_arguments_is_refused(
    arguments: dict[str, Any], headers: dict[bytes, bytes | None]
) -> None:
    scene = routed()
    call = {"name": "read_file", "arguments": arguments}
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", call, headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32020)
    assert scene.upstreams.arrived == []


async def test_g3_parameters_that_agree_pass_integers_numerically_and_unknown_ones_go_on() -> None:
    scene = routed()
    call = {"name": "read_file", "arguments": {"region": "Hello", "count": 42}}
    headers: dict[bytes, bytes | None] = {
        b"mcp-param-region": b"=?base64?SGVsbG8=?=",
        b"mcp-param-count": b"42.0",
        b"mcp-param-later": b"kept",
    }
    assert (await scene.modern("/mcp/files", scene.token("files"), "tools/call", call, headers=headers)).status == 200
    assert scene.upstreams.arrived[0].request.parameters == {"later": "kept"}


async def test_g3_a_modern_body_without_its_version_header_is_refused() -> None:
    scene = McpScene()
    token = scene.token("files")
    for header in (None, LEGACY.encode()):
        answer = await scene.modern("/mcp/files", token, "tools/call", CALL, headers={b"mcp-protocol-version": header})
        assert (answer.status, answer.json["error"]["code"]) == (400, -32020)


async def test_g3_a_legacy_request_may_carry_routing_headers_that_agree_but_none_that_differ() -> None:
    scene = McpScene()
    token = scene.token("files")
    session = await scene_session(scene, token)
    agree = {b"mcp-method": b"tools/call"}
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL, headers=agree)).status == 200
    differ = {b"mcp-method": b"tools/list"}
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL, headers=differ)).status == 400


# G6 ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("meta", [{}, {VERSION_KEY: MODERN}, {CAPABILITIES_KEY: {}}])
async def test_g6_a_missing_meta_key_is_400_and_32602_with_the_id(meta: dict[str, Any]) -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp/files", scene.token("files"), "server/discover", meta=meta, id=101)
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (400, -32602, 101)


async def test_g6_client_info_is_not_required() -> None:
    scene = McpScene()
    meta = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}
    assert (await scene.modern("/mcp/files", scene.token("files"), "server/discover", meta=meta)).status == 200


async def test_g6_a_header_that_differs_is_told_before_a_version_nobody_serves() -> None:
    scene = McpScene()
    meta = {VERSION_KEY: "v999.0.0", CAPABILITIES_KEY: {}}
    answer = await scene.modern("/mcp/files", scene.token("files"), "server/discover", meta=meta)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    "method",
    [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "unknown/method",
        "tasks/get",
        "tasks/list",
    ],
)
async def test_g6_a_method_this_revision_does_not_have_is_404_and_32601(method: str) -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp/files", scene.token("files"), method, {"uri": "file:///readme"}, id=500)
    assert (answer.status, answer.json["error"]["code"], answer.json["id"]) == (404, -32601, 500)
    assert scene.upstreams.arrived == []


async def test_g6_an_unknown_method_of_a_legacy_session_is_an_error_at_200() -> None:
    scene = McpScene()
    token = scene.token("files")
    answer = await scene.legacy("/mcp/files", token, await scene_session(scene, token), "unknown/method")
    assert (answer.status, answer.json["error"]["code"]) == (200, -32601)


@pytest.mark.parametrize("verb", [b"GET", b"DELETE", b"PUT", b"OPTIONS"])
async def test_g6_the_modern_era_is_post_only(verb: bytes) -> None:
    scene = McpScene()
    body, headers = modern_request(scene.token("files"), "server/discover")
    answer = await scene.send("/mcp/files", b"", headers, verb)
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST")
    assert (await scene.send("/mcp/files", body, headers)).status == 200


async def test_g6_a_notification_is_acknowledged_and_a_response_is_refused() -> None:
    scene = McpScene()
    _, headers = modern_request(scene.token("files"), "notifications/cancelled")
    accepted = await scene.send("/mcp/files", b'{"jsonrpc":"2.0","method":"notifications/cancelled"}', headers)
    assert (accepted.status, accepted.body) == (202, b"")
    refused = await scene.send("/mcp/files", b'{"jsonrpc":"2.0","id":1,"result":{}}', headers)
    assert (refused.status, refused.json["error"]["code"]) == (400, -32600)


async def test_g6_an_upstream_s_error_keeps_its_status_and_code() -> None:
    from remit.core.ledger import OutcomeStatus
    from remit.testing.upstream import replies

    scene = McpScene()
    value = b'{"code":-32021,"message":"x","data":{"requiredCapabilities":{"sampling":{}}}}'
    for http_status in (400, 200):  # over stdio there is no status: the code's own applies
        answer_with = replies(value, member="error", status=OutcomeStatus.TOOL_ERROR, http_status=http_status)
        scene.upstreams.answers["files", "tools/call"] = answer_with
        answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
        assert answer.status == 400
        assert answer.body == b'{"jsonrpc":"2.0","id":1,"error":' + value + b"}"


async def test_g6_a_denial_uses_no_reserved_code() -> None:
    scene = McpScene()
    scene.policy.forbid("resources/read")
    answer = await scene.modern("/mcp/files", scene.token("files"), "resources/read", {"uri": "file:///readme"})
    assert not -32768 <= answer.json["error"]["code"] <= -32000


# G23 --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("host", [b"evil.example.com", None, b"127.0.0.1", b"127.0.0.1:8701", b""])
async def test_g23_a_foreign_host_is_refused_although_the_token_is_good(era: str, host: bytes | None) -> None:
    scene = McpScene()
    token = scene.token("files")
    make = (
        modern_request(token, "server/discover") if era == "modern" else legacy_request(token, None, "initialize", {})
    )
    answer = await scene.send("/mcp/files", make[0], make[1] | {b"host": host})
    assert answer.status == 421
    assert scene.ledger.refusals[Reason.BAD_HOST] == 1
    assert scene.ledger.of_kind(RecordKind.INTENT) == []


@pytest.mark.parametrize(
    "origin", [b"http://evil.example.com", b"null", b"https://127.0.0.1:8700", b"http://127.0.0.1:8700/"]
)
async def test_g23_a_foreign_origin_is_refused(origin: bytes) -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp/files", scene.token("files"), "server/discover", headers={b"origin": origin})
    assert answer.status == 403


async def test_g23_host_and_origin_are_checked_before_the_token() -> None:
    scene = McpScene()
    body, headers = modern_request(b"", "server/discover")
    answer = await scene.send("/mcp/files", body, headers | {b"authorization": None, b"host": b"evil.example.com"})
    assert answer.status == 421


@pytest.mark.parametrize("origin", [URL.encode(), b"HTTP://127.0.0.1:8700", None, b"https://console.example"])
async def test_g23_our_own_origin_an_allowed_one_and_none_pass(origin: bytes | None) -> None:
    scene = McpScene(settings=replace(McpScene().settings, origins=("https://console.example",)))
    answer = await scene.modern("/mcp/files", scene.token("files"), "server/discover", headers={b"origin": origin})
    assert answer.status == 200


def test_g23_a_default_port_may_be_left_out() -> None:
    from remit.surfaces.mcp.place import Places
    from remit.wire.headers import scan

    places = Places("https://remit.example")
    for host in (b"remit.example", b"Remit.Example:443"):
        places.guard(scan([(b"host", host), (b"origin", b"https://remit.example")]))
    assert orjson.loads(b"{}") == {}
