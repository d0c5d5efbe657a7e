"""Tools of the fixture server, under the names the official conformance suite asks for."""

import asyncio
from typing import Any

import mcp_types as types
from mcp.server.subscriptions import PromptsListChanged, SubscriptionBus, ToolsListChanged
from mcp.shared.exceptions import MCPError

from tests.peers import everything_input
from tests.peers.everything_content import WAV, embedded_text, image_block, text_block
from tests.peers.everything_input import NO_ARGUMENTS, Context, Handler, Reply, text_result

_STEP_S = 0.05
_RECONNECT_S = 0.3

_SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Every keyword a gateway likes to lose on the way (SEP-1613, SEP-2106)."""

_ROUTED: dict[str, Any] = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "required": ["region"],
}


def _constant(*content: types.ContentBlock) -> Handler:
    async def handler(ctx: Context, params: types.CallToolRequestParams) -> Reply:
        return types.CallToolResult(content=list(content))

    return handler


async def _log(ctx: Context, text: str) -> None:
    await ctx.session.send_log_message("info", text, related_request_id=ctx.request_id)


async def _with_logging(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    await _log(ctx, "Tool execution started")
    await asyncio.sleep(_STEP_S)
    await _log(ctx, "Tool processing data")
    await asyncio.sleep(_STEP_S)
    await _log(ctx, "Tool execution completed")
    return text_result("Tool with logging executed")


async def _with_progress(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, total=100, message=f"Completed {done} of 100")
        await asyncio.sleep(_STEP_S)
    return text_result("Tool with progress executed")


async def _failing(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    text = text_block("This tool intentionally returns an error for testing")
    return types.CallToolResult(content=[text], is_error=True)


async def _reconnection(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    """Drops its own stream in the middle of the call; the rest is fetched with `Last-Event-ID` (SEP-1699)."""
    await _log(ctx, "Before the stream is closed")
    if ctx.close_sse_stream is not None:
        await ctx.close_sse_stream()
    await asyncio.sleep(_RECONNECT_S)
    await _log(ctx, "After the stream was closed")
    return text_result("Reconnection test completed")


async def _routed(ctx: Context, params: types.CallToolRequestParams) -> Reply:
    return text_result(f"Region: {(params.arguments or {}).get('region')}")


def _publishing(bus: SubscriptionBus) -> dict[str, tuple[str, dict[str, Any], Handler]]:
    """Tools that announce a change. Nothing changes, so that parallel listings stay comparable."""

    async def tools_changed(ctx: Context, params: types.CallToolRequestParams) -> Reply:
        await bus.publish(ToolsListChanged())
        return text_result("Announced a change of the tool list")

    async def prompts_changed(ctx: Context, params: types.CallToolRequestParams) -> Reply:
        await bus.publish(PromptsListChanged())
        return text_result("Announced a change of the prompt list")

    return {
        "test_trigger_tool_change": ("Announces a change of the tool list", NO_ARGUMENTS, tools_changed),
        "test_trigger_prompt_change": ("Announces a change of the prompt list", NO_ARGUMENTS, prompts_changed),
    }


_MIXED = (
    text_block("Multiple content types test:"),
    image_block(),
    embedded_text("test://mixed-content-resource", '{"test": "data", "value": 123}', "application/json"),
)
_AUDIO = types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")
_EMBEDDED = embedded_text("test://embedded-resource", "This is an embedded resource content.")
_TEXT = text_block("This is a simple text response for testing.")
_SCHEMA_TOOL = "json_schema_2020_12_tool"

_TOOLS: dict[str, tuple[str, dict[str, Any], Handler]] = {
    "test_simple_text": ("Returns text", NO_ARGUMENTS, _constant(_TEXT)),
    "test_image_content": ("Returns an image", NO_ARGUMENTS, _constant(image_block())),
    "test_audio_content": ("Returns audio", NO_ARGUMENTS, _constant(_AUDIO)),
    "test_embedded_resource": ("Returns a resource", NO_ARGUMENTS, _constant(_EMBEDDED)),
    "test_multiple_content_types": ("Returns text, image and resource", NO_ARGUMENTS, _constant(*_MIXED)),
    "test_tool_with_logging": ("Logs three times", NO_ARGUMENTS, _with_logging),
    "test_logging_tool": ("Logs three times", NO_ARGUMENTS, _with_logging),
    "test_tool_with_progress": ("Reports progress three times", NO_ARGUMENTS, _with_progress),
    "test_error_handling": ("Fails", NO_ARGUMENTS, _failing),
    "test_reconnection": ("Closes its stream and goes on", NO_ARGUMENTS, _reconnection),
    "test_header_routed": ("Has an argument that is also a header", _ROUTED, _routed),
    _SCHEMA_TOOL: ("Has a rich input schema", _SCHEMA_2020_12, _constant(text_block("Accepted"))),
}


class Toolbox:
    """The fixture's tools: what `tools/list` shows and what `tools/call` runs.

    An unknown tool is the JSON-RPC error -32602, as the specification asks, not a result with `isError`.
    """

    def __init__(self, bus: SubscriptionBus) -> None:
        self._tools = {**_TOOLS, **everything_input.TOOLS, **_publishing(bus)}

    async def listed(self, ctx: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        tools = [
            types.Tool(name=name, description=description, input_schema=schema)
            for name, (description, schema, _) in self._tools.items()
        ]
        return types.ListToolsResult(tools=tools)

    async def called(self, ctx: Context, params: types.CallToolRequestParams) -> Reply:
        if params.name not in self._tools:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
        return await self._tools[params.name][2](ctx, params)
