"""G16 bytes, G17 results, G18 requestState, G19 icons, G20 _meta: at the endpoint, on fakes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from remit.core.catalog import Item, ItemKind, Tool
from remit.core.ledger import OutcomeStatus, RecordKind
from remit.ports.upstream import Reply, Sink
from remit.testing.upstream import Arrived, replies
from tests.scenes.mcp import FILES, McpScene, catalog, with_items

CALL = {"name": "read_file", "arguments": {"path": "/a"}}


# G16 --------------------------------------------------------------------------------------------------------------
SCHEMA = (
    b'{ "name":"strange" , "inputSchema":{"type":"object","$schema":"https://json-schema.org/draft/2020-12/schema",'
    b'"$defs":{"a":{"$anchor":"here","const":1.0}},"allOf":[{"$ref":"#here"}],"z":1,"a":2,"\\u0078":"\\/"}}'
)


def strange() -> McpScene:
    tool = Tool(ItemKind.TOOL, "files", "strange", SCHEMA, "digest", validate=lambda arguments: None)
    scene = McpScene(catalog=catalog(with_items(FILES, tool)))
    scene.policy.permit("files/strange")
    return scene


@pytest.mark.parametrize("path", ["/mcp/files", "/mcp"])
async def test_g16_a_definition_keeps_every_byte(path: str) -> None:
    scene = strange()
    answer = await scene.modern(path, scene.token(path.removeprefix("/mcp").removeprefix("/")), "tools/list")
    assert b'"tools":[' + SCHEMA + b"]" in answer.body


async def test_g16_a_renamed_definition_changes_its_name_only() -> None:
    scene = McpScene()
    answer = await scene.modern("/mcp", scene.token(), "tools/list")
    tool = FILES.items[ItemKind.TOOL, "search"]
    shown = next(found for found in answer.json["result"]["tools"] if found["name"] == "files.search")
    assert shown | {"name": "search"} == orjson.loads(tool.definition)


async def test_g16_a_result_keeps_every_byte() -> None:
    scene = McpScene()
    value = b'{ "content" : [],"structuredContent":{"n":1.0,"big":12345678901234567890123,"u":"\\u0061"} }'
    scene.upstreams.answers["files", "tools/call"] = replies(value)
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert answer.body == b'{"jsonrpc":"2.0","id":1,"result":' + value + b"}"


async def test_g16_the_params_that_go_up_are_the_ones_that_were_decided_on() -> None:
    scene = McpScene()
    token = scene.token("files")
    for params in (CALL, {"name": "read_file"}, CALL | {"inputResponses": None, "x-vendor": [1]}):
        await scene.modern("/mcp/files", token, "tools/call", params)
        sent = {key: value for key, value in scene.upstreams.arrived[-1].params.items() if key != "_meta"}
        assert sent == params


# G17 --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("content", ['"text"', "[1,2]", "null", "1.5", "{}"])
async def test_g17_structured_content_of_any_kind_passes(content: str) -> None:
    scene = McpScene()
    value = f'{{"content":[],"structuredContent":{content}}}'.encode()
    scene.upstreams.answers["files", "tools/call"] = replies(value)
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    assert value in answer.body


async def test_g17_input_required_is_refused_where_no_input_can_be_required() -> None:
    scene = McpScene()
    asks = replies(b'{"resultType":"input_required","inputRequests":{}}', status=OutcomeStatus.INPUT_REQUIRED)
    scene.upstreams.answers["files", "completion/complete"] = asks
    reference = {"ref": {"type": "ref/prompt", "name": "summarise"}, "argument": {"name": "a", "value": "b"}}
    answer = await scene.modern("/mcp/files", scene.token("files"), "completion/complete", reference)
    assert answer.json["error"]["data"]["io.remit/outage"]["reason"] == "upstream_invalid"
    scene.upstreams.answers["files", "tools/call"] = asks
    assert (await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)).status == 200


# G18 --------------------------------------------------------------------------------------------------------------
ASKS = {
    "resultType": "input_required",
    "inputRequests": {"name": {"method": "elicitation/create", "params": {"message": "?"}}},
}


def negotiates(scene: McpScene, server: str = "files", method: str = "tools/call") -> list[Any]:
    """Asks with a state of its own, and completes once that very state comes back; returns the states that came."""
    came: list[Any] = []

    async def answer(arrived: Arrived, _: Sink) -> Reply:
        came.append(arrived.params.get("requestState"))
        if came[-1] == 'state "1"':
            return Reply("result", b'{"resultType":"complete","content":[]}', OutcomeStatus.OK)
        return Reply("result", orjson.dumps(ASKS | {"requestState": 'state "1"'}), OutcomeStatus.INPUT_REQUIRED)

    scene.upstreams.answers[server, method] = answer
    return came


async def asked_for(
    scene: McpScene, token: bytes, path: str = "/mcp/files", call: dict[str, Any] = CALL
) -> dict[str, Any]:
    result: dict[str, Any] = (await scene.modern(path, token, "tools/call", call)).json["result"]
    return result


async def test_g18_a_state_leaves_sealed_and_comes_back_as_the_server_made_it() -> None:
    scene = McpScene()
    came, token = negotiates(scene), scene.token("files")
    first = await asked_for(scene, token)
    assert first["inputRequests"] == ASKS["inputRequests"]
    assert first["requestState"] != 'state "1"'
    retry = CALL | {"requestState": first["requestState"], "inputResponses": {"name": {"action": "accept"}}}
    answer = await scene.modern("/mcp/files", token, "tools/call", retry, id=2)
    assert answer.json["result"]["resultType"] == "complete"
    assert came == [None, 'state "1"']
    assert scene.upstreams.arrived[-1].params["inputResponses"] == {"name": {"action": "accept"}}


async def test_g18_everything_around_the_state_keeps_its_bytes() -> None:
    scene = McpScene()
    value = b'{ "requestState" : "abc","resultType":"input_required","inputRequests":{"a":{"n":1.0}} }'
    scene.upstreams.answers["files", "tools/call"] = replies(value, status=OutcomeStatus.INPUT_REQUIRED)
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL)
    sealed = orjson.dumps(answer.json["result"]["requestState"])
    assert answer.body == b'{"jsonrpc":"2.0","id":1,"result":' + value.replace(b'"abc"', sealed) + b"}"


async def test_g18_a_result_without_a_state_is_not_given_one() -> None:
    scene = McpScene()
    scene.upstreams.answers["files", "tools/call"] = replies(orjson.dumps(ASKS), status=OutcomeStatus.INPUT_REQUIRED)
    assert "requestState" not in await asked_for(scene, scene.token("files"))


@pytest.mark.parametrize("state", ["guess", "", 7, None, {"a": 1}])
async def test_g18_a_state_nobody_sealed_is_32602_and_reaches_nobody(state: object) -> None:
    scene = McpScene()
    came = negotiates(scene)
    answer = await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL | {"requestState": state})
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert came == []


@pytest.mark.parametrize("what", ["tampered", "principal", "params", "tool", "method", "endpoint", "expired"])
async def test_g18_a_state_is_good_for_its_own_grant_and_request_only(what: str) -> None:
    scene = McpScene()
    came, token = negotiates(scene), scene.token("files")
    negotiates(scene, method="prompts/get")
    state = (await asked_for(scene, token))["requestState"]
    retry, path, method, presenter = CALL | {"requestState": state}, "/mcp/files", "tools/call", token
    if what == "tampered":
        retry["requestState"] = state + "-TAMPERED"
    elif what == "principal":
        presenter = scene.token("files", subject="analyst")
    elif what == "params":
        retry["arguments"] = {"path": "/etc/passwd"}
    elif what == "tool":
        retry["name"] = "search"
    elif what == "method":
        retry, method = {"name": "summarise", "requestState": state}, "prompts/get"
    elif what == "endpoint":
        path, presenter = "/mcp", scene.token()
    else:
        scene.clock.advance(601)
    answer = await scene.modern(path, presenter, method, retry)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert came == [None]
    if what != "expired":
        assert (await scene.modern("/mcp/files", token, "tools/call", CALL | {"requestState": state})).status == 200


async def test_g18_on_the_shared_endpoint_a_state_is_bound_to_the_server_that_made_it() -> None:
    scene = McpScene()
    negotiates(scene, "git")
    token, call = scene.token(), {"name": "git_log", "arguments": {}}
    state = (await asked_for(scene, token, "/mcp", call))["requestState"]
    moved = Tool(ItemKind.TOOL, "files", "git_log", b'{"name":"git_log"}', "d", validate=lambda arguments: None)
    before = scene.catalog
    await scene.change_catalog(with_items(FILES, moved))
    scene.policy.permit("files/git_log")
    assert (await scene.modern("/mcp", token, "tools/call", call | {"requestState": state})).status == 400
    await scene.change_catalog(*before.servers.values())
    assert (await scene.modern("/mcp", token, "tools/call", call | {"requestState": state})).status == 200


async def test_g18_the_retry_is_decided_and_recorded_like_any_call() -> None:
    scene = McpScene()
    came, token = negotiates(scene), scene.token("files")
    state = (await asked_for(scene, token))["requestState"]
    scene.policy.forbid("files/read_file")
    answer = await asked_for(scene, token, call=CALL | {"requestState": state})
    assert answer["isError"] is True
    assert came == [None]
    assert [record["status"] for record in scene.ledger.of_kind(RecordKind.OUTCOME)] == ["input_required"]


# G19 --------------------------------------------------------------------------------------------------------------
async def test_g19_icons_are_passed_as_data_and_never_fetched() -> None:
    text = b'{"name":"iconic","icons":[{"src":"https://tracker.example/i.svg"}]}'
    iconic = Item(ItemKind.PROMPT, "files", "iconic", text, "digest")
    scene = McpScene(catalog=catalog(with_items(FILES, iconic)))
    answer = await scene.modern("/mcp/files", scene.token("files"), "prompts/list")
    assert text in answer.body
    assert scene.upstreams.arrived == []


# G20 --------------------------------------------------------------------------------------------------------------
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ENVELOPE = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


async def test_g20_a_valid_trace_reaches_the_server_and_the_record() -> None:
    scene = McpScene()
    meta = ENVELOPE | {"traceparent": PARENT, "vendor.example/x": 1, "progressToken": "t"}
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL, meta=meta)
    assert scene.upstreams.arrived[-1].params["_meta"] == meta
    assert scene.ledger.of_kind(RecordKind.INTENT)[-1]["trace"] == PARENT


async def test_g20_an_invalid_trace_and_baggage_do_not() -> None:
    scene = McpScene()
    meta = ENVELOPE | {"traceparent": "00-zz", "tracestate": "a=1", "baggage": "secret=1", "io.remit/decision": {}}
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL, meta=meta)
    assert scene.upstreams.arrived[-1].params["_meta"] == ENVELOPE
    assert scene.ledger.of_kind(RecordKind.INTENT)[-1]["trace"] == ""


async def test_g20_baggage_stays_behind_when_the_trace_beside_it_passes() -> None:
    scene = McpScene()
    meta = ENVELOPE | {"traceparent": PARENT, "baggage": "secret=1,region=eu"}
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", CALL, meta=meta)
    assert scene.upstreams.arrived[-1].params["_meta"] == ENVELOPE | {"traceparent": PARENT}
